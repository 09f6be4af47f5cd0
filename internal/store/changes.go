package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"tallystick/ent"
	"tallystick/ent/subscription"
)

// Change is a committed write to a row that clients can watch: an operation or a
// subscription. A write to an invoice counts as one to its subscription.
type Change struct {
	Operation    string `json:"o,omitempty"`
	Subscription string `json:"s,omitempty"`
	Customer     string `json:"c,omitempty"` // the subscription's
}

// Listener is told of changes once they are committed.
type Listener interface {
	// Watching reports whether anybody wants to hear of changes now. Nothing is
	// noted while nobody does.
	Watching() bool
	// Changed is told of the changes of one transaction. It must return at once.
	Changed(changes []Change)
	// Missed is told of the end of a transaction of which nothing was noted, since
	// somebody has begun to watch after it did. It must return at once.
	Missed()
}

// ReportTo sets the listener that is told of changes. It must be called once,
// before anything is written.
func (s *Store) ReportTo(l Listener) {
	s.listener = l
	noteChanges(s.Writer.Client, noting{l.Watching, func(c Change) { l.Changed([]Change{c}) }, l.Missed})
}

// watched reports whether changes are to be noted.
func (s *Store) watched() bool { return s.listener != nil && s.listener.Watching() }

// noteChangesOf notes what a transaction's client writes, if somebody wants to know; it
// returns nil if nobody does.
func (s *Store) noteChangesOf(client *ent.Client) *[]Change {
	if !s.watched() {
		return nil
	}
	changes := new([]Change)
	noteChanges(client, noting{
		wanted: func() bool { return true }, note: func(c Change) { *changes = append(*changes, c) }, missed: func() {},
	})
	return changes
}

// report tells the listener of a transaction that was committed.
func (s *Store) report(changes *[]Change) {
	switch {
	case changes == nil && s.watched():
		s.listener.Missed()
	case changes != nil && len(*changes) > 0:
		s.listener.Changed(*changes)
	}
}

// noting is how changes are noted.
type noting struct {
	wanted func() bool
	note   func(Change)
	missed func() // called for a write that nobody wanted to know of at its beginning, but at its end
}

// noteChanges notes what a client writes.
func noteChanges(client *ent.Client, n noting) {
	hook := func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if !n.wanted() {
				value, err := next.Mutate(ctx, m)
				if n.wanted() {
					n.missed()
				}
				return value, err
			}
			ids, err := idsOf(ctx, m)
			if err != nil {
				return nil, err
			}
			value, err := next.Mutate(ctx, m)
			if err == nil {
				err = noteChange(ctx, m, value, ids, n.note)
			}
			return value, err
		})
	}
	client.Operation.Use(hook)
	client.Subscription.Use(hook)
	client.Invoice.Use(hook)
}

// idsOf are the rows that an update of several is going to change.
func idsOf(ctx context.Context, m ent.Mutation) ([]string, error) {
	several, ok := m.(interface {
		IDs(ctx context.Context) ([]string, error)
	})
	if !ok || !m.Op().Is(ent.OpUpdate) || m.Type() == ent.TypeInvoice {
		return nil, nil
	}
	return several.IDs(ctx)
}

func noteChange(ctx context.Context, m ent.Mutation, value ent.Value, ids []string, note func(Change)) error {
	switch row := value.(type) {
	case *ent.Operation:
		note(Change{Operation: row.ID})
	case *ent.Subscription:
		note(Change{Subscription: row.ID, Customer: row.CustomerID})
	case *ent.Invoice:
		if row.SubscriptionID != nil {
			note(Change{Subscription: *row.SubscriptionID, Customer: row.CustomerID})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if m.Type() == ent.TypeOperation {
		for _, id := range ids {
			note(Change{Operation: id})
		}
		return nil
	}
	of, ok := m.(interface{ Client() *ent.Client })
	if !ok {
		return nil
	}
	rows, err := of.Client().Subscription.Query().Where(subscription.IDIn(ids...)).
		Select(subscription.FieldID, subscription.FieldCustomerID).All(ctx)
	for _, row := range rows {
		note(Change{Subscription: row.ID, Customer: row.CustomerID})
	}
	return err
}

// Connect opens a connection to PostgreSQL outside of the pools, for LISTEN; the
// caller closes it. It fails when the server cannot be reached, and on SQLite,
// which has no LISTEN.
func (s *Store) Connect(ctx context.Context) (*pgx.Conn, error) {
	if s.servers == nil {
		return nil, errors.New("SQLite has no connections to listen on")
	}
	return pgx.ConnectConfig(ctx, s.servers.config.ConnConfig.Copy())
}
