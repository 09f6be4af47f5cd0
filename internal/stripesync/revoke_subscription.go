package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// revokeSubscription ends a subscription at once that nobody asked to cancel.
// Stripe knows no such state: there it is canceled.
func revokeSubscription() *Operation[subscriptionParams] {
	return &Operation[subscriptionParams]{
		Steps:   []Step[subscriptionParams]{{Name: "revoke_subscription", Do: revoke, Keep: true}},
		Finish:  endSubscription,
		Discard: discardChange,
	}
}

func revoke(c *subscriptionCall) (Result, error) {
	after, ended, err := change(c, func() (*stripe.Subscription, error) { return cancelNow(c) })
	if err != nil {
		return seenWith(after, err)
	}
	if ended == nil {
		after.Status = billing.SubscriptionRevoked
		return subscriptionResult(after)
	}
	// It ended before: by an earlier request of ours, or for a reason of its own.
	ours, err := c.InDoubt()
	if err == nil && ours && ended.Status == billing.SubscriptionCanceled {
		ended.Status = billing.SubscriptionRevoked
	}
	return seenWith(ended, err)
}

// RevokeSubscription begins to revoke a subscription in the caller's
// transaction. The reason is kept in Stripe.
func (e *Engine) RevokeSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription, reason string) (*ent.Operation, error) {
	return e.beginSubscription(ctx, tx, billing.KindRevokeSubscription, row, subscriptionParams{
		SubscriptionID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID,
		Cancel: &Cancellation{At: billing.CancelImmediately, Comment: reason},
	}, "revoke_subscription")
}
