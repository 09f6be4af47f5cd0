package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// ResumeSubscription is the input of [Subscriptions.ResumeSubscription].
type ResumeSubscription struct {
	SubscriptionID string
	IdempotencyKey *string
}

// ResumeSubscription removes the scheduled cancellation of a subscription, or
// resumes one that is PAUSED because its trial ended without a payment method. It
// returns PAYMENT_METHOD_REQUIRED when there still is none, INVALID_TRANSITION when
// the subscription is neither going to be canceled nor PAUSED, and
// SUBSCRIPTION_ENDED when it has ended, also if only Stripe knows that.
func (s *Subscriptions) ResumeSubscription(ctx context.Context, in ResumeSubscription) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "resumeSubscription", Key: in.IdempotencyKey, Input: in,
		Check: func() error { return checkID(in.SubscriptionID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(billing.EventUnscheduleCancel); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			paused := row.Status == billing.SubscriptionPaused
			if !mirror.Ending(row) && !paused {
				return nil, billing.Errorf(billing.CodeInvalidTransition,
					"The subscription is %s and not going to be canceled.", row.Status).At("subscriptionId").About(row.ID)
			}
			return begin(ctx, tx, s.resumption, resumption{
				target: targetOf(row), ByDate: !row.CancelAtPeriodEnd, Paused: paused && !mirror.Ending(row),
			}, stripesync.StepOf[resumption](resume))
		},
	})
	return s.result(ctx, op, rejection)
}

// resumption is the frozen input of the operation.
type resumption struct {
	target
	// ByDate says that it was going to end at a date, and not at the end of its
	// period.
	ByDate bool `json:"by_date,omitempty"`
	// Paused says that it is not going to end, but paused.
	Paused bool `json:"paused,omitempty"`
}

// resume sends POST /v1/subscriptions/{id}; for a paused subscription it sends
// GET /v1/subscriptions/{id}, to see whether it can be paid, and POST
// /v1/subscriptions/{id}/resume. It has no undo, as it is the only step, and Finish
// rejects nothing. After a refusal GET /v1/subscriptions/{id} follows: a subscription that
// has ended is SUBSCRIPTION_ENDED. Spend is an update of the customer that changes nothing.
var resume = &stripesync.Step[resumption, report]{
	Name: "resume_subscription",
	Do: func(c *stripesync.Call[resumption]) (report, error) {
		now, ended, err := changeUnlessEnded(c, func() (*stripe.Subscription, error) {
			if c.Params.Paused {
				return unpause(c)
			}
			return unschedule(c)
		})
		if ended {
			err = endedInStripe(now)
		} else if now != nil && stripeapi.IsRejection(err) && c.Params.holds(now) {
			if doubt, doubtErr := c.InDoubt(); doubtErr != nil || doubt {
				return reportOf(now), doubtErr
			}
		}
		return reportOf(now), err
	},
	Spend: spendKey[resumption],
	Keep:  true,
}

// holds reports whether what was wanted is so already.
func (p resumption) holds(now *mirror.Subscription) bool {
	return now.Status != billing.SubscriptionPaused && !now.CancelAtPeriodEnd && now.CancelAt == nil
}

// unschedule takes a cancellation back. Stripe takes back an end of the period
// and an end at a date by different parameters, of which it takes one at a time.
func unschedule(c *stripesync.Call[resumption]) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionParams{Params: c.Write()}
	if c.Params.ByDate {
		params.AddExtra("cancel_at", "")
	} else {
		params.CancelAtPeriodEnd = stripe.Bool(false)
	}
	return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
}

// unpause lets a paused subscription go on, if it can be paid: Stripe would leave
// it paused otherwise, with an invoice that nobody can pay.
func unpause(c *stripesync.Call[resumption]) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionParams{Params: c.Read()}
	params.AddExpand("customer")
	now, err := c.Stripe.Subscriptions.Get(c.Params.StripeID, params)
	if err != nil {
		return nil, err
	}
	if now.Status == stripe.SubscriptionStatusPaused && !canBePaid(now) {
		return nil, billing.Errorf(billing.CodePaymentMethod,
			"The customer has no payment method in Stripe that could be charged.").At("subscriptionId").About(c.Params.SubscriptionID)
	}
	return c.Stripe.Subscriptions.Resume(c.Params.StripeID, &stripe.SubscriptionResumeParams{
		Params: c.Write(), BillingCycleAnchor: stripe.String("now"),
	})
}

func canBePaid(s *stripe.Subscription) bool {
	switch {
	case s.CollectionMethod == stripe.SubscriptionCollectionMethodSendInvoice, s.DefaultPaymentMethod != nil, s.DefaultSource != nil:
		return true
	case s.Customer == nil:
		return false
	}
	settings := s.Customer.InvoiceSettings
	return settings != nil && settings.DefaultPaymentMethod != nil || s.Customer.DefaultSource != nil
}

func (s *Subscriptions) resumptionOperation() *stripesync.Operation[resumption] {
	return oneStep(s, billing.KindResumeSubscription, resume)
}
