package resolvers

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/operation"
	"tallystick/ent/subscription"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/live"
	"tallystick/internal/store"
)

// liveResolver answers what is watched. Each of its streams reads with the rights of
// who watches, ends with the context, and goes on after a fault: what was missed
// meanwhile is found at the next look.
type liveResolver struct{ *Resolver }

func (r liveResolver) OperationUpdated(ctx context.Context, id string) (<-chan *ent.Operation, error) {
	if err := billing.CheckID("operation", billing.OperationPrefix, id, "id"); err != nil {
		return nil, err
	}
	watch := r.live.Watch(id) // before it is read, so that no change comes in between
	read := func() (*ent.Operation, error) {
		return store.OrNil(r.store.Reader.Operation.Query().Where(operation.ID(id)).Only(ctx))
	}
	row, err := read()
	if err == nil && row == nil {
		err = billing.NotFound("operation", id)
	}
	if err != nil {
		watch.Close()
		return nil, err
	}
	updates := make(chan *ent.Operation)
	go func() {
		defer close(updates)
		defer watch.Close()
		shown := ""
		for {
			if now := progress(row); now != shown {
				if shown = now; !give(ctx, updates, row) {
					return
				}
			}
			if _, _, ok := watch.Next(ctx); !ok {
				return
			}
			if again, err := read(); err != nil {
				r.missed(ctx, err)
			} else if row = again; row == nil { // it is kept no longer
				return
			}
		}
	}()
	return updates, nil
}

// progress tells whether an operation has come further. That somebody is still at it
// is none.
func progress(row *ent.Operation) string {
	shown := *row
	shown.UpdatedAt, shown.LeaseToken, shown.LeaseExpiresAt = time.Time{}, nil, nil
	text, err := json.Marshal(&shown)
	if err != nil {
		return row.UpdatedAt.String()
	}
	return string(text)
}

// firstSubscriptions is how many of a customer's subscriptions are shown at first.
const firstSubscriptions = 100

func (r liveResolver) SubscriptionUpdated(ctx context.Context, customerID *string) (<-chan *ent.Subscription, error) {
	topic, err := r.subscriptionsOf(ctx, customerID)
	if err != nil {
		return nil, err
	}
	w := &subscriptionWatch{
		Resolver: r.Resolver, watch: r.live.Watch(topic), customer: topic, updates: make(chan *ent.Subscription),
		shown: map[string]time.Time{}, lookedAt: r.store.Now(),
	}
	var rows []*ent.Subscription
	if topic != live.Everything {
		if rows, err = w.all(ctx); err != nil {
			w.watch.Close()
			return nil, err
		}
	}
	go w.run(ctx, rows)
	return w.updates, nil
}

// subscriptionsOf is the topic to watch: a customer, or everybody.
func (r liveResolver) subscriptionsOf(ctx context.Context, customerID *string) (topic string, err error) {
	p, _ := auth.From(ctx)
	switch {
	case customerID == nil && p.Kind == auth.KindCustomer:
		return p.CustomerID, nil
	case customerID == nil:
		return live.Everything, nil
	}
	if err := billing.CheckID("customer", billing.CustomerPrefix, *customerID, "customerId"); err != nil {
		return "", err
	}
	if p.Kind == auth.KindCustomer && *customerID != p.CustomerID {
		return "", billing.NotFound("customer", *customerID)
	}
	// A key that may read subscriptions need not read customers.
	there, err := r.store.Reader.Customer.Query().Where(customer.ID(*customerID)).Exist(store.WithDeleted(auth.Trusted(ctx)))
	if err == nil && !there {
		err = billing.NotFound("customer", *customerID)
	}
	return *customerID, err
}

// subscriptionWatch is one stream of subscriptions.
type subscriptionWatch struct {
	*Resolver
	watch    *live.Watch
	customer string // whose; empty: everybody's
	updates  chan *ent.Subscription
	shown    map[string]time.Time // when what was shown had last changed, of one customer's
	lookedAt time.Time
}

func (w *subscriptionWatch) run(ctx context.Context, rows []*ent.Subscription) {
	defer close(w.updates)
	defer w.watch.Close()
	for {
		for _, row := range rows {
			if w.customer != live.Everything {
				w.shown[row.ID] = row.UpdatedAt
			}
			if !give(ctx, w.updates, row) {
				return
			}
		}
		ids, missed, ok := w.watch.Next(ctx)
		if !ok {
			return
		}
		var err error
		if rows, err = w.look(ctx, ids, missed); err != nil {
			w.missed(ctx, err)
		}
	}
}

// look reads what has changed: what was told of, and all the rest when something may
// have been missed.
func (w *subscriptionWatch) look(ctx context.Context, ids []string, missed bool) (rows []*ent.Subscription, err error) {
	since := w.lookedAt
	w.lookedAt = w.store.Now()
	if len(ids) > 0 {
		rows, err = w.store.Reader.Subscription.Query().Where(subscription.IDIn(ids...)).
			Order(subscription.ByUpdatedAt()).All(store.WithDeleted(ctx))
	}
	if err != nil || !missed {
		return rows, err
	}
	var others []*ent.Subscription
	if w.customer == live.Everything {
		others, err = w.store.Reader.Subscription.Query().Where(subscription.UpdatedAtGTE(since.Add(-clocksDiffer))).
			Order(subscription.ByUpdatedAt()).Limit(maxMissed).All(store.WithDeleted(ctx))
	} else {
		others, err = w.all(ctx)
	}
	for _, row := range others {
		told := slices.ContainsFunc(rows, func(r *ent.Subscription) bool { return r.ID == row.ID })
		if !told && !row.UpdatedAt.Equal(w.shown[row.ID]) {
			rows = append(rows, row)
		}
	}
	return rows, err
}

const (
	// clocksDiffer is by how much the processes' clocks may, by which rows are dated.
	clocksDiffer = time.Minute
	// maxMissed is how many of everybody's subscriptions are looked through.
	maxMissed = 1000
)

// all are the customer's subscriptions, the oldest first.
func (w *subscriptionWatch) all(ctx context.Context) ([]*ent.Subscription, error) {
	rows, err := w.store.Reader.Subscription.Query().Where(subscription.CustomerID(w.customer)).
		Order(ent.Desc(subscription.FieldCreatedAt, subscription.FieldID)).Limit(firstSubscriptions).All(store.WithDeleted(ctx))
	slices.Reverse(rows)
	return rows, err
}

// missed says in the log that a look has failed. The next one finds what there was.
func (r *Resolver) missed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.logger.WarnContext(ctx, "a live update is late: the database does not answer", "error", err)
	}
}

// give hands an update over, unless nobody watches any more.
func give[T any](ctx context.Context, updates chan<- T, update T) bool {
	select {
	case updates <- update:
		return true
	case <-ctx.Done():
		return false
	}
}
