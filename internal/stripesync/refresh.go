package stripesync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ErrBusy says that an object cannot be refreshed now, because an operation
// is changing it. It can when that is over.
var ErrBusy = errors.New("an operation is changing the object")

// errChanged says that a row was changed while Stripe was asked about it, so
// that the answer may be the older one.
var errChanged = errors.New("the row was changed meanwhile")

// Unmirrorable is the error of an object in Stripe that cannot be shown here.
type Unmirrorable struct{ Reason string } //nolint:errname // it says what the object is

func (e *Unmirrorable) Error() string { return e.Reason }

func unmirrorable(format string, args ...any) error {
	return &Unmirrorable{Reason: fmt.Sprintf(format, args...)}
}

// Refresh reads an object from Stripe and makes the row here what Stripe says.
// An object that is new here gets a row, and so does what it belongs to. The
// type is Stripe's word for it; mirrored is false for types that are not kept
// here. It returns [ErrBusy] while an operation is changing the object, and an
// [Unmirrorable] for what cannot be shown here.
func (e *Engine) Refresh(ctx context.Context, objectType, stripeID string) (mirrored bool, err error) {
	refresh := map[string]func(context.Context, string) error{
		"product":      e.refreshProduct,
		"price":        e.refreshPrice,
		"customer":     e.refreshCustomer,
		"subscription": e.refreshSubscription,
		"invoice":      e.refreshInvoice,
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
	if errors.Is(err, errChanged) {
		err = ErrBusy
	}
	return true, err
}

// version is what a row was before Stripe was asked: its last change.
type version struct{ at time.Time }

// check returns errChanged when the row is no longer what it was.
func (v version) check(updatedAt time.Time) error {
	if !v.at.Equal(updatedAt) {
		return errChanged
	}
	return nil
}

// busy returns ErrBusy while an operation on an object is unfinished. One that
// needs attention does not keep Stripe's word out.
func (e *Engine) busy(ctx context.Context, client *ent.Client, operationID *string) error {
	if operationID == nil {
		return nil
	}
	unfinished, err := client.Operation.Query().Where(
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
func (e *Engine) pending(ctx context.Context, tx *store.Tx, metadata map[string]string) error {
	unfinished, err := tx.Operation.Query().Where(
		operation.ID(metadata[metadataOperation]), operation.FinishedAtIsNil(),
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
		if key != metadataID && key != metadataOperation {
			kept[key] = value
		}
	}
	return kept
}

// orNil turns "no such row" into nil.
func orNil[T any](row *T, err error) (*T, error) {
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}
