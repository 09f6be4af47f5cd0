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

// CancelSubscription is the input of [Subscriptions.CancelSubscription].
type CancelSubscription struct {
	SubscriptionID string
	At             billing.CancelTime
	Reason         *billing.CancellationReason
	Comment        *string
	IdempotencyKey *string
}

func (in CancelSubscription) check() error {
	return billing.First(
		checkID(in.SubscriptionID),
		billing.CheckOptional("comment", in.Comment, billing.MaxComment, "comment"),
	)
}

func (in CancelSubscription) event() billing.SubscriptionEvent {
	if in.At == billing.CancelImmediately {
		return billing.EventCancel
	}
	return billing.EventScheduleCancel
}

// CancelSubscription cancels a subscription, now or at the end of its period, in
// every status in which it has not ended; its open invoice stays open. It returns
// SUBSCRIPTION_ENDED when the subscription has ended here, and INVALID_TRANSITION for
// an INCOMPLETE one at the end of its period. After a refusal the subscription is read.
// If it has ended in Stripe without our knowledge, or is gone there, the change succeeds;
// readers see Stripe's state, or CANCELED for one that is gone.
func (s *Subscriptions) CancelSubscription(ctx context.Context, in CancelSubscription) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "cancelSubscription", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(in.event()); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			return begin(ctx, tx, s.cancellation, cancellation{target: targetOf(row), Cancel: wish{
				At: in.At, Reason: billing.ValueOr(in.Reason, ""), Comment: billing.ValueOr(in.Comment, ""),
			}}, stripesync.StepOf[cancellation](cancel))
		},
	})
	return s.result(ctx, op, rejection)
}

// cancellation is the frozen input of the operation, and of a revocation.
type cancellation struct {
	target
	Cancel wish `json:"cancel"`
}

// wish is when and why a subscription is canceled.
type wish struct {
	At      billing.CancelTime         `json:"at"`
	Reason  billing.CancellationReason `json:"reason,omitempty"`
	Comment string                     `json:"comment,omitempty"`
}

// holds reports whether what was wanted is so already.
func (w wish) holds(now *mirror.Subscription) bool {
	return now.Status.Ended() || w.At != billing.CancelImmediately && now.CancelAtPeriodEnd
}

type cancellationCall = stripesync.Call[cancellation]

// cancel has no undo, as Stripe cannot revive a subscription. After a refusal
// GET /v1/subscriptions/{id} follows, and the step is done if that says that the
// subscription has ended, or does not find it. After a refusal of that GET for any other
// reason the operation waits.
var cancel = &stripesync.Step[cancellation, report]{
	Name: "cancel_subscription",
	Do: func(c *cancellationCall) (report, error) {
		now, _, err := changeUnlessEnded(c, func() (*stripe.Subscription, error) {
			if c.Params.Cancel.At == billing.CancelImmediately {
				return cancelNow(c)
			}
			return cancelAtPeriodEnd(c)
		})
		return reportOf(now), err // ended already: what was wanted holds
	},
	Find: func(c *cancellationCall) (report, bool, error) { return look(c, c.Params.Cancel.holds) },
	// It is an update of the customer that changes nothing, and is sent for a cancellation
	// at the end of the period only: one at once is a DELETE, whose key Stripe ignores. A
	// late DELETE does what was asked for, and the row follows.
	Spend: func(c *cancellationCall) error {
		if c.Params.Cancel.At == billing.CancelImmediately {
			return nil
		}
		return spendKey(c)
	},
	Keep: true,
}

func cancelNow(c *cancellationCall) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionCancelParams{Params: c.Write()}
	if d := c.Params.Cancel; d.Reason != "" || d.Comment != "" {
		params.CancellationDetails = &stripe.SubscriptionCancelCancellationDetailsParams{
			Comment: stripeapi.NonEmpty(d.Comment), Feedback: stripeapi.NonEmpty(stripeapi.Lower(d.Reason)),
		}
	}
	return c.Stripe.Subscriptions.Cancel(c.Params.StripeID, params)
}

func cancelAtPeriodEnd(c *cancellationCall) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionParams{Params: c.Write(), CancelAtPeriodEnd: stripe.Bool(true)}
	if d := c.Params.Cancel; d.Reason != "" || d.Comment != "" {
		params.CancellationDetails = &stripe.SubscriptionCancellationDetailsParams{
			Comment: stripeapi.NonEmpty(d.Comment), Feedback: stripeapi.NonEmpty(stripeapi.Lower(d.Reason)),
		}
	}
	return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
}

func (s *Subscriptions) cancellationOperation() *stripesync.Operation[cancellation] {
	return oneStep(s, billing.KindCancelSubscription, cancel)
}
