package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// RevokeSubscription is the input of [Subscriptions.RevokeSubscription].
type RevokeSubscription struct {
	SubscriptionID string
	Reason         *string
	IdempotencyKey *string
}

func (in RevokeSubscription) check() error {
	return billing.First(
		checkID(in.SubscriptionID),
		billing.CheckOptional("reason", in.Reason, billing.MaxComment, "reason"),
	)
}

// RevokeSubscription ends a subscription now, at the seller's will. In Stripe, which
// has no such status, it is canceled with the reason as the comment. It returns
// SUBSCRIPTION_ENDED when the subscription has ended.
func (s *Subscriptions) RevokeSubscription(ctx context.Context, in RevokeSubscription) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "revokeSubscription", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(billing.EventRevoke); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			return begin(ctx, tx, s.revocation, cancellation{
				target: targetOf(row),
				Cancel: wish{At: billing.CancelImmediately, Comment: billing.ValueOr(in.Reason, "")},
			}, stripesync.StepOf[cancellation](revoke))
		},
	})
	return s.result(ctx, op, rejection)
}

// revoke sends DELETE /v1/subscriptions/{id}. It has no undo, as Stripe cannot revive a
// subscription. After a refusal GET /v1/subscriptions/{id} follows, and the step is done
// if that says that the subscription has ended, or does not find it. There is no Spend:
// Stripe ignores the keys of a DELETE.
var revoke = &stripesync.Step[cancellation, report]{
	Name: "revoke_subscription",
	Do: func(c *cancellationCall) (report, error) {
		now, ended, err := changeUnlessEnded(c, func() (*stripe.Subscription, error) { return cancelNow(c) })
		if err != nil {
			return reportOf(now), err
		}
		if !ended {
			now.Status = billing.SubscriptionRevoked
			return reportOf(now), nil
		}
		// It ended before: by an earlier request of ours, or for a reason of its own.
		ours, err := c.InDoubt()
		if err == nil && ours && now.Status == billing.SubscriptionCanceled {
			now.Status = billing.SubscriptionRevoked
		}
		return reportOf(now), err
	},
	Keep: true,
}

func (s *Subscriptions) revocationOperation() *stripesync.Operation[cancellation] {
	return oneStep(s, billing.KindRevokeSubscription, revoke)
}
