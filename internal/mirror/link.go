package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// reported sets a link to SYNCED as of a time. While the row's operation is
// unfinished, and after it was rejected, the link keeps its status: the next
// operation changes it.
func reported(ctx context.Context, tx *store.Tx, l stripesync.Link, row *billing.StripeLink, asOf time.Time) error {
	l.SetStripeSyncedAt(asOf)
	underWay, err := unfinished(ctx, tx.Reader(), row.OperationID)
	if err != nil || underWay || row.Status == billing.SyncFailed {
		return err
	}
	stripesync.Settled(l)
	return nil
}

// setUnsupported stores which properties of an object in Stripe are not shown here.
func setUnsupported(l stripesync.Link, kind string, raw json.RawMessage) error {
	names, err := unsupportedIn(kind, raw)
	if err != nil {
		return fmt.Errorf("read a %s of Stripe's: %w", kind, err)
	}
	showUnsupported(l, names)
	return nil
}

func showUnsupported(l stripesync.Link, names []string) {
	if len(names) == 0 {
		l.ClearStripeUnsupported()
	} else {
		l.SetStripeUnsupported(names)
	}
}

// unfinished reports whether the operation that a row names is unfinished.
func unfinished(ctx context.Context, r *store.Reader, operationID *string) (bool, error) {
	if operationID == nil {
		return false, nil
	}
	return r.Operation.Query().Where(operation.ID(*operationID), operation.FinishedAtIsNil()).Exist(ctx)
}
