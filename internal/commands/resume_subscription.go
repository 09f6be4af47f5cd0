package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ResumeSubscription is the input of [Commands.ResumeSubscription].
type ResumeSubscription struct {
	SubscriptionID string
	IdempotencyKey *string
}

// ResumeSubscription takes back a cancellation at period end.
func (c *Commands) ResumeSubscription(ctx context.Context, in ResumeSubscription) (SubscriptionResult, error) {
	op, err := c.run(ctx, mutation{
		name: "resumeSubscription", key: in.IdempotencyKey, input: in,
		check: func() error { return checkSubscriptionID(in.SubscriptionID) },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockSubscription(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(billing.EventUnscheduleCancel); err != nil {
				return nil, about(row.ID, err, "subscriptionId")
			}
			if !row.CancelAtPeriodEnd {
				return nil, billing.Errorf(billing.CodeInvalidTransition,
					"The subscription is %s and not going to be canceled.", row.Status).At("subscriptionId").About(row.ID)
			}
			return c.sync.ResumeSubscription(ctx, tx, row)
		},
	})
	return c.subscriptionResult(ctx, op, err)
}
