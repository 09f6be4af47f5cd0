package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Cancellation is when and why a subscription is canceled.
type Cancellation struct {
	At      billing.CancelTime         `json:"at"`
	Reason  billing.CancellationReason `json:"reason,omitempty"`
	Comment string                     `json:"comment,omitempty"`
}

// cancelSubscription ends a subscription, now or at the end of its period.
// Stripe leaves its open invoice open and payable.
func cancelSubscription() *Operation[subscriptionParams] {
	return &Operation[subscriptionParams]{
		Steps:   []Step[subscriptionParams]{{Name: "cancel_subscription", Do: cancel, Keep: true}},
		Finish:  endSubscription,
		Discard: discardChange,
	}
}

func cancel(c *subscriptionCall) (Result, error) {
	send := cancelAtPeriodEnd
	if c.Params.Cancel.At == billing.CancelImmediately {
		send = cancelNow
	}
	after, ended, err := change(c, func() (*stripe.Subscription, error) { return send(c) })
	if err != nil {
		return seenWith(after, err)
	}
	if ended != nil { // what was wanted holds already
		after = ended
	}
	return subscriptionResult(after)
}

func cancelNow(c *subscriptionCall) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionCancelParams{Params: c.Write()}
	if d := c.Params.Cancel; d.Reason != "" || d.Comment != "" {
		params.CancellationDetails = &stripe.SubscriptionCancelCancellationDetailsParams{
			Comment: stripeapi.NonEmpty(d.Comment), Feedback: stripeapi.NonEmpty(stripeapi.Lower(d.Reason)),
		}
	}
	return c.Stripe.Subscriptions.Cancel(c.Params.StripeID, params)
}

func cancelAtPeriodEnd(c *subscriptionCall) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionParams{Params: c.Write(), CancelAtPeriodEnd: stripe.Bool(true)}
	if d := c.Params.Cancel; d.Reason != "" || d.Comment != "" {
		params.CancellationDetails = &stripe.SubscriptionCancellationDetailsParams{
			Comment: stripeapi.NonEmpty(d.Comment), Feedback: stripeapi.NonEmpty(stripeapi.Lower(d.Reason)),
		}
	}
	return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
}

// CancelSubscription begins a cancellation in the caller's transaction.
func (e *Engine) CancelSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription, c Cancellation) (*ent.Operation, error) {
	return e.beginSubscription(ctx, tx, billing.KindCancelSubscription, row, subscriptionParams{
		SubscriptionID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID, Cancel: &c,
	}, "cancel_subscription")
}
