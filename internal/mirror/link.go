package mirror

import (
	"context"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// reported says that a row is what Stripe has reported as of a time. What an
// operation shows on the row stays, while it is unfinished, and after it was
// refused until another one succeeds: Stripe's word does not change that.
func reported(ctx context.Context, tx *store.Tx, l stripesync.Link, row *billing.StripeLink, asOf time.Time) error {
	l.SetStripeSyncedAt(asOf)
	underWay, err := unfinished(ctx, tx.Client, row.OperationID)
	if err != nil || underWay || row.Status == billing.SyncFailed {
		return err
	}
	stripesync.Settled(l)
	return nil
}

// unfinished reports whether the operation that a row names is unfinished.
func unfinished(ctx context.Context, client *ent.Client, operationID *string) (bool, error) {
	if operationID == nil {
		return false, nil
	}
	return client.Operation.Query().Where(operation.ID(*operationID), operation.FinishedAtIsNil()).Exist(ctx)
}
