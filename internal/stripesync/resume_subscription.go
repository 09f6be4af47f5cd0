package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// resumeSubscription takes back a cancellation at period end. A subscription
// that has ended meanwhile cannot be revived.
func resumeSubscription() *Operation[subscriptionParams] {
	return &Operation[subscriptionParams]{
		Steps:   []Step[subscriptionParams]{{Name: "resume_subscription", Do: resume, Keep: true}},
		Finish:  endSubscription,
		Discard: discardChange,
	}
}

func resume(c *subscriptionCall) (Result, error) {
	after, ended, err := change(c, func() (*stripe.Subscription, error) {
		return c.Stripe.Subscriptions.Update(c.Params.StripeID, &stripe.SubscriptionParams{
			Params: c.Write(), CancelAtPeriodEnd: stripe.Bool(false),
		})
	})
	if err != nil {
		return seenWith(after, err)
	}
	if ended == nil {
		return subscriptionResult(after)
	}
	return endedInStripe(ended)
}

// ResumeSubscription begins to take back a cancellation in the caller's
// transaction.
func (e *Engine) ResumeSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription) (*ent.Operation, error) {
	return e.beginSubscription(ctx, tx, billing.KindResumeSubscription, row, subscriptionParams{
		SubscriptionID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID,
	}, "resume_subscription")
}
