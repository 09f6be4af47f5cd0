// Package mirror turns Stripe's word into rows: one file for each kind of
// object. It has no opinions: what Stripe reports about an object is shown,
// unless an operation is changing it or the report is older than the row.
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
	// Relink begins to create a customer in Stripe again that was deleted there.
	Relink func(ctx context.Context, customerID string) error
	// Now is the clock.
	Now func() time.Time
}

// Mirror reads objects from Stripe and shows them here.
type Mirror struct {
	store  *store.Store
	stripe *stripeapi.Client
	logger *slog.Logger
	relink func(ctx context.Context, customerID string) error
	now    func() time.Time
	// drafts builds the updates that a comparison looks at and never saves. It has no
	// database.
	drafts *ent.Client
}

// New builds a mirror.
func New(o Options) *Mirror {
	return &Mirror{store: o.Store, stripe: o.Stripe, logger: o.Logger, relink: o.Relink, now: o.Now, drafts: ent.NewClient()} //nolint:forbidigo // it has no database
}

func (m *Mirror) clock() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

// ErrBusy says that an object cannot be refreshed now, because an operation
// is changing it. It can when that is over.
var ErrBusy = errors.New("an operation is changing the object")

// errChanged says that a row was changed while Stripe was asked about it, so
// that the answer may be the older one.
var errChanged = errors.New("the row was changed meanwhile")

// errNotOurs says that an object in Stripe belongs to nothing that is or ever was
// known here, such as an invoice of a customer that Stripe deleted long ago.
var errNotOurs = errors.New("the object belongs to nothing here")

// Refresh reads an object from Stripe and makes the row here what Stripe says.
// An object that is new here gets a row, and so does what it belongs to. The
// type is Stripe's word for it; mirrored is false for types that are not kept
// here, and for an object that belongs to nothing here. It returns [ErrBusy] while
// an operation is changing the object.
func (m *Mirror) Refresh(ctx context.Context, objectType, stripeID string) (mirrored bool, err error) {
	refresh := map[string]func(context.Context, string) error{
		"product":      m.refreshProduct,
		"price":        m.refreshPrice,
		"customer":     m.refreshCustomer,
		"subscription": m.refreshSubscription,
		"invoice":      m.refreshInvoice,
	}[objectType]
	if refresh == nil {
		return false, nil
	}
	const attempts = 3
	for range attempts {
		if err = refresh(ctx, stripeID); !errors.Is(err, errChanged) {
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

// unchanged returns errChanged when a row is no longer what it was before Stripe
// was asked. It is what orders the reports on an object of every kind: no clock
// does. A row changes with each report and with each operation on it, so that
// an answer is the newest word on a row that has not changed meanwhile.
func unchanged(was, now time.Time) error {
	if !was.Equal(now) {
		return errChanged
	}
	return nil
}

// busy returns ErrBusy while an operation on an object is unfinished. One that
// needs attention does not keep Stripe's word out.
func busy(ctx context.Context, r *store.Reader, operationID *string) error {
	if operationID == nil {
		return nil
	}
	unfinished, err := r.Operation.Query().Where(
		operation.ID(*operationID), operation.FinishedAtIsNil(),
		operation.StatusNEQ(billing.OperationNeedsAttention),
	).Exist(ctx)
	if err == nil && unfinished {
		err = ErrBusy
	}
	return err
}

// pending returns ErrBusy for an object that an unfinished operation has
// created, and whose row does not know its counterpart yet.
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

// ours removes the metadata that ties an object to its row.
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
