// Package mirror shows here what Stripe has: it reads Stripe's objects and writes
// them to rows, with one file for each kind of object. What Stripe reports is shown
// as it is, unless an operation is changing the object, or the row was changed
// after Stripe was asked.
package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Options configure a [Mirror].
type Options struct {
	Store  *store.Store
	Stripe *stripeapi.Client
	Logger *slog.Logger
	// Relink begins to create a customer in Stripe whose counterpart was deleted there.
	Relink func(ctx context.Context, customerID string) error
	// Push tells Stripe again what a product, a price or a customer is here, in its turn
	// among the changes of it. That Stripe refuses is no error.
	Push func(ctx context.Context, objectType, id string) error
	// Now returns the time.
	Now func() time.Time
}

// Mirror reads objects from Stripe and shows them here.
type Mirror struct{ *core }

// core is what the kinds of objects share, and by which they reach each other.
type core struct {
	store  *store.Store
	stripe *stripeapi.Client
	logger *slog.Logger
	relink func(ctx context.Context, customerID string) error
	push   func(ctx context.Context, objectType, id string) error
	now    func() time.Time
	// drafts builds the updates that a comparison looks at and never saves. It has no
	// database.
	drafts *ent.Client

	products      *products
	prices        *prices
	customers     *customers
	subscriptions *subscriptions
	invoices      *invoices
	kinds         []listed
}

// New builds a mirror.
func New(o Options) *Mirror {
	c := &core{
		store: o.Store, stripe: o.Stripe, logger: o.Logger, relink: o.Relink, push: o.Push, now: o.Now,
		drafts: ent.NewClient(), //nolint:forbidigo // it has no database
	}
	c.products, c.prices, c.customers = &products{c}, &prices{c}, &customers{c}
	c.subscriptions, c.invoices = &subscriptions{c}, &invoices{c}
	c.kinds = c.listedKinds()
	return &Mirror{c}
}

func (m *core) clock() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

// ErrBusy is returned when an object cannot be refreshed because an operation is
// changing it. It can be refreshed once the operation has finished.
var ErrBusy = errors.New("an operation is changing the object")

// errChanged is the error of an answer that may be older than its row, because the
// row was changed while Stripe was asked.
var errChanged = errors.New("the row was changed meanwhile")

// errNotOurs is the error of an object in Stripe that belongs to nothing that is or
// was known here, such as an invoice of a customer that was deleted in Stripe long
// ago.
var errNotOurs = errors.New("the object belongs to nothing here")

// Refresh reads an object from Stripe and makes its row equal. A new object gets a
// row, and so do the objects that it belongs to. objectType is Stripe's name of the
// type. mirrored is false for types that are not shown here and for objects that
// belong to nothing here.
//
// It returns [ErrBusy] while an operation is changing the object, and a
// [stripeapi.Error] when Stripe cannot be asked. Every other error is an internal one.
func (m *Mirror) Refresh(ctx context.Context, objectType, stripeID string) (mirrored bool, err error) {
	return m.refreshObject(ctx, objectType, stripeID)
}

func (m *core) refreshObject(ctx context.Context, objectType, stripeID string) (mirrored bool, err error) {
	k, found := m.kind(objectType)
	if !found {
		return false, nil
	}
	const attempts = 3
	for range attempts {
		if err = k.refresh(ctx, stripeID); !errors.Is(err, errChanged) {
			break
		}
	}
	switch {
	case errors.Is(err, errNotOurs):
		return false, nil
	case errors.Is(err, errChanged):
		err = ErrBusy
	}
	return true, err
}

// unchanged returns errChanged unless a row is the version that it was before
// Stripe was asked. It orders the reports on objects of every kind, without a
// clock: a row changes with each report and with each operation, so an answer is
// the newest for a row that has not changed since.
func unchanged(was, now time.Time) error {
	if !was.Equal(now) {
		return errChanged
	}
	return nil
}

// busy returns ErrBusy while an operation on an object is unfinished. One that
// needs attention does not count, so that what Stripe reports is shown meanwhile.
func busy(ctx context.Context, r *store.Reader, operationID *string) error {
	if operationID == nil {
		return nil
	}
	op, err := store.OrNil(r.Operation.Query().Where(
		operation.ID(*operationID), operation.FinishedAtIsNil(),
		operation.StatusNEQ(billing.OperationNeedsAttention),
	).Only(ctx))
	if op == nil || err != nil {
		return err
	}
	// One that is held up by an operation that needs attention changes nothing.
	heldUp, err := r.Operation.Query().Where(
		operation.ScopeID(op.ScopeID), operation.SubjectID(op.SubjectID), operation.PositionLT(op.Position),
		operation.StatusEQ(billing.OperationNeedsAttention),
	).Exist(ctx)
	if err == nil && !heldUp {
		err = ErrBusy
	}
	return err
}

// pending returns ErrBusy for an object in Stripe that an unfinished operation has
// created, and whose id its row does not have yet.
func pending(ctx context.Context, tx *store.Tx, metadata map[string]string) error {
	unfinished, err := tx.Operation.Query().Where(
		operation.ID(metadata[stripeapi.MetadataOperation]), operation.FinishedAtIsNil(),
	).Exist(ctx)
	if err == nil && unfinished {
		err = ErrBusy
	}
	return err
}

// read is for asking Stripe what it has.
func read(ctx context.Context) stripe.Params { return stripe.Params{Context: ctx} }

// ours returns metadata without the keys that tie an object to its row.
func ours(metadata map[string]string) map[string]string {
	kept := make(map[string]string, len(metadata))
	for key, value := range metadata {
		if !slices.Contains(stripeapi.MetadataKeys, key) {
			kept[key] = value
		}
	}
	return kept
}

// rawOf is an object as Stripe wrote it, or, where it came as a part of another
// one, as stripe-go read it.
func rawOf(response *stripe.APIResponse, object any) (json.RawMessage, error) {
	if response != nil && len(response.RawJSON) > 0 {
		return response.RawJSON, nil
	}
	return json.Marshal(object)
}

// sorted goes through a map in the order of its keys.
func sorted[V any](of map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(of)) {
			if !yield(key, of[key]) {
				return
			}
		}
	}
}

// changedIfUnique says that a row exists by now which did not before.
func changedIfUnique(err error) error {
	if store.IsUnique(err) {
		return errChanged
	}
	return err
}
