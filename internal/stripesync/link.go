package stripesync

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// link is what the rows with a counterpart in Stripe have in common.
type link interface {
	SetStripeStatus(billing.SyncStatus)
	SetStripeSyncedAt(time.Time)
	SetStripeError(string)
	ClearStripeError()
	ClearStripeOperationID()
}

// synced says that both halves of a row are equal now, and that no operation
// is under way on it.
func synced(l link, e *Engine) {
	l.SetStripeSyncedAt(e.clock())
	settled(l)
}

// settled says that no operation is under way on a row any more, and that the
// last one left both halves equal.
func settled(l link) {
	l.SetStripeStatus(billing.SyncSynced)
	l.ClearStripeError()
	l.ClearStripeOperationID()
}

// reported says that a row is what Stripe has reported as of a time. What an
// operation shows on the row stays, while it is unfinished, and after it was
// refused until another one succeeds: Stripe's word does not change that.
func (e *Engine) reported(ctx context.Context, tx *store.Tx, l link, row *billing.StripeLink, asOf time.Time) error {
	l.SetStripeSyncedAt(asOf)
	op, err := e.Unfinished(ctx, tx, row)
	if err != nil || op != nil || row.Status == billing.SyncFailed {
		return err
	}
	settled(l)
	return nil
}

// refused says that the last operation on a row was refused.
func refused(l link, reason string, over bool) {
	l.SetStripeStatus(billing.SyncFailed)
	l.SetStripeError(reason)
	if over {
		l.ClearStripeOperationID()
	}
}

// markFailed shows on an operation's subject that it was refused. over says
// that nothing is under way any more. A later operation that waits for its
// turn stays in sight.
func markFailed(ctx context.Context, tx *store.Tx, op *ent.Operation, reason string, over bool) error {
	ctx = store.WithDeleted(ctx)
	prefix, _, _ := strings.Cut(op.SubjectID, "_")
	switch prefix {
	case billing.ProductPrefix:
		update := tx.Product.Update().Where(product.ID(op.SubjectID), product.StripeOperationID(op.ID))
		refused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.CustomerPrefix:
		update := tx.Customer.Update().Where(customer.ID(op.SubjectID), customer.StripeOperationID(op.ID))
		refused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.SubscriptionPrefix:
		update := tx.Subscription.Update().Where(subscription.ID(op.SubjectID), subscription.StripeOperationID(op.ID))
		refused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.InvoicePrefix:
		update := tx.Invoice.Update().Where(invoice.ID(op.SubjectID), invoice.StripeOperationID(op.ID))
		refused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	}
	return fmt.Errorf("operation %s has a subject of an unknown type: %s", op.ID, op.SubjectID)
}

func lower[S ~string](s S) string { return strings.ToLower(string(s)) }
