package stripesync

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// subscriptionParams is the frozen input of the operations on a subscription.
type subscriptionParams struct {
	SubscriptionID string           `json:"subscription_id"`
	StripeID       string           `json:"stripe_id,omitempty"`
	CustomerID     string           `json:"customer_id"`
	Create         *NewSubscription `json:"create,omitempty"`
	Cancel         *Cancellation    `json:"cancel,omitempty"`
	Switch         *PriceSwitch     `json:"switch,omitempty"`
}

func (p subscriptionParams) customer() string      { return p.CustomerID }
func (p subscriptionParams) paymentMethod() string { return p.Create.PaymentMethod }

type (
	subscriptionCall = Call[subscriptionParams]
	subscriptionDone = Done[subscriptionParams]
)

// endSubscription mirrors what the steps saw.
func endSubscription(ctx context.Context, tx *store.Tx, d *subscriptionDone) error {
	if err := d.Engine.keepLink(ctx, tx, d.Operation, d.Params.CustomerID); err != nil {
		return err
	}
	s, err := seen(d.Operation)
	if err != nil || s == nil {
		return err
	}
	row, err := tx.Subscription.Get(ctx, d.Params.SubscriptionID)
	if err != nil {
		return err
	}
	return d.Engine.mirror.ShowSubscription(ctx, tx, row, s, &d.ID)
}

// discardChange shows that a change was refused, and what was seen meanwhile.
func discardChange(ctx context.Context, tx *store.Tx, d *subscriptionDone) error {
	if err := endSubscription(ctx, tx, d); err != nil {
		return err
	}
	// Mirroring has shown both halves as equal; the refusal is news all the same.
	if err := tx.Subscription.UpdateOneID(d.Params.SubscriptionID).SetStripeOperationID(d.ID).Exec(ctx); err != nil {
		return err
	}
	return markFailed(ctx, tx, d.Operation, *d.LastError, true)
}

// change sends a change of a subscription that Stripe may have ended without
// us knowing. When it refuses, its word on the state counts: after comes along
// with the refusal, and ended is nil unless it has come to its end.
func change(c *subscriptionCall, send func() (*stripe.Subscription, error)) (after, ended *mirror.Subscription, err error) {
	s, err := send()
	if err == nil {
		after, err = present(c, s)
		return after, nil, err
	}
	if f := stripeapi.AsFailure(err); f == nil || f.Outcome != stripeapi.Rejected {
		return nil, nil, err
	}
	refusal := err
	now, err := ask(c, c.Params.StripeID)
	if err != nil {
		return nil, nil, err
	}
	if !now.Status.Ended() {
		return now, nil, refusal
	}
	return nil, now, nil
}

// present is the subscription of an answer as it is now. An answer that Stripe
// only repeats tells what was when it was first given.
func present(c *subscriptionCall, s *stripe.Subscription) (*mirror.Subscription, error) {
	if stripeapi.Replayed(s.LastResponse) {
		return ask(c, s.ID)
	}
	return mirror.ReadSubscription(s, c.SentAt)
}

// ask reads a subscription, with its latest invoice.
func ask(c *subscriptionCall, stripeID string) (*mirror.Subscription, error) {
	asOf := c.run.engine.clock()
	params := &stripe.SubscriptionParams{Params: c.Read()}
	params.AddExpand("latest_invoice")
	s, err := c.Stripe.Subscriptions.Get(stripeID, params)
	if err != nil {
		return nil, err
	}
	return mirror.ReadSubscription(s, asOf)
}

// seenWith keeps what was seen of a subscription with the error of a change,
// nothing when that is nil.
func seenWith(s *mirror.Subscription, err error) (Result, error) {
	if s == nil {
		return nil, err
	}
	result, resultErr := subscriptionResult(s)
	return result, errors.Join(err, resultErr)
}

func (e *Engine) beginSubscription(ctx context.Context, tx *store.Tx, kind billing.OperationKind, row *ent.Subscription, p subscriptionParams, steps ...string) (*ent.Operation, error) {
	b := beginning{
		id: billing.NewID(billing.OperationPrefix), kind: kind, subject: row.ID, scope: row.CustomerID,
		params: p, steps: steps,
	}
	if err := tx.Subscription.UpdateOne(row).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(b.id).Exec(ctx); err != nil {
		return nil, err
	}
	return e.begin(ctx, tx, b)
}

// endedInStripe refuses a change of a subscription that Stripe has ended, and
// keeps what was seen of its end.
func endedInStripe(s *mirror.Subscription) (Result, error) {
	return seenWith(s, billing.Errorf(billing.CodeSubscriptionEnded, "The subscription has ended in Stripe: it is %s.", s.Status))
}
