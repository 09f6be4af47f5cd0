package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// ResumeSubscription is the input of [Subscriptions.ResumeSubscription].
type ResumeSubscription struct {
	SubscriptionID string
	IdempotencyKey *string
}

// ResumeSubscription takes back a cancellation at period end. A subscription
// that is not going to end is INVALID_TRANSITION, and one that has ended
// SUBSCRIPTION_ENDED, also when Stripe has ended it without us knowing.
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
			if !row.CancelAtPeriodEnd {
				return nil, billing.Errorf(billing.CodeInvalidTransition,
					"The subscription is %s and not going to be canceled.", row.Status).At("subscriptionId").About(row.ID)
			}
			return begin(ctx, tx, s.resumption, resumption{target: targetOf(row)}, stripesync.StepOf[resumption](resume))
		},
	})
	return s.result(ctx, op, rejection)
}

// resumption is the frozen input of the operation.
type resumption struct{ target }

// resume is the only step and kept: nothing is rejected after it.
var resume = &stripesync.Step[resumption, report]{
	Name: "resume_subscription",
	Do: func(c *stripesync.Call[resumption]) (report, error) {
		now, ended, err := change(c, func() (*stripe.Subscription, error) {
			return c.Stripe.Subscriptions.Update(c.Params.StripeID, &stripe.SubscriptionParams{
				Params: c.Write(), CancelAtPeriodEnd: stripe.Bool(false),
			})
		})
		if ended {
			err = endedInStripe(now)
		}
		return reportOf(now), err
	},
	Spend: spendKey[resumption],
	Keep:  true,
}

func (s *Subscriptions) resumptionOperation() *stripesync.Operation[resumption] {
	return &stripesync.Operation[resumption]{
		Kind:  billing.KindResumeSubscription,
		Steps: []stripesync.StepOf[resumption]{resume},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[resumption]) error {
			return s.show(ctx, tx, e.Operation, e.Params.SubscriptionID, resume.Of(e.Operation).Subscription.value)
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[resumption]) error {
			return s.showRejected(ctx, tx, e.Operation, e.Params.SubscriptionID, resume.Of(e.Operation).Subscription.value)
		},
		Resolve: touched[resumption],
		Mark:    mark,
	}
}
