package stripesync

import (
	"context"
	"fmt"
	"strings"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
)

// markRefused says that the last operation on a row was refused.
func markRefused(l mirror.Link, reason string, over bool) {
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
		markRefused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.CustomerPrefix:
		update := tx.Customer.Update().Where(customer.ID(op.SubjectID), customer.StripeOperationID(op.ID))
		markRefused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.SubscriptionPrefix:
		update := tx.Subscription.Update().Where(subscription.ID(op.SubjectID), subscription.StripeOperationID(op.ID))
		markRefused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	case billing.InvoicePrefix:
		update := tx.Invoice.Update().Where(invoice.ID(op.SubjectID), invoice.StripeOperationID(op.ID))
		markRefused(update.Mutation(), reason, over)
		return update.Exec(ctx)
	}
	return fmt.Errorf("operation %s has a subject of an unknown type: %s", op.ID, op.SubjectID)
}

func lower[S ~string](s S) string { return strings.ToLower(string(s)) }
