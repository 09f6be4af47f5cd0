package mirror

import (
	"context"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// Link is what the rows with a counterpart in Stripe have in common.
type Link interface {
	SetStripeStatus(billing.SyncStatus)
	SetStripeSyncedAt(time.Time)
	SetStripeError(string)
	ClearStripeError()
	ClearStripeOperationID()
}

// Synced says that both halves of a row are equal as of a time, and that no
// operation is under way on it.
func Synced(l Link, asOf time.Time) {
	l.SetStripeSyncedAt(asOf)
	Settled(l)
}

// Settled says that no operation is under way on a row any more, and that the
// last one left both halves equal.
func Settled(l Link) {
	l.SetStripeStatus(billing.SyncSynced)
	l.ClearStripeError()
	l.ClearStripeOperationID()
}

// reported says that a row is what Stripe has reported as of a time. What an
// operation shows on the row stays, while it is unfinished, and after it was
// refused until another one succeeds: Stripe's word does not change that.
func reported(ctx context.Context, tx *store.Tx, l Link, row *billing.StripeLink, asOf time.Time) error {
	l.SetStripeSyncedAt(asOf)
	underWay, err := unfinished(ctx, tx.Client, row.OperationID)
	if err != nil || underWay || row.Status == billing.SyncFailed {
		return err
	}
	Settled(l)
	return nil
}

// unfinished reports whether the operation that a row names is unfinished.
func unfinished(ctx context.Context, client *ent.Client, operationID *string) (bool, error) {
	if operationID == nil {
		return false, nil
	}
	return client.Operation.Query().Where(operation.ID(*operationID), operation.FinishedAtIsNil()).Exist(ctx)
}

// Failed says that the last operation on a row was rejected or needs
// attention. over says that nothing is under way on it any more.
func Failed(l Link, reason string, over bool) {
	l.SetStripeStatus(billing.SyncFailed)
	l.SetStripeError(reason)
	if over {
		l.ClearStripeOperationID()
	}
}
