package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// RevokeSubscription is the input of [Commands.RevokeSubscription].
type RevokeSubscription struct {
	SubscriptionID string
	Reason         *string
	IdempotencyKey *string
}

func (in RevokeSubscription) check() error {
	return first(
		checkSubscriptionID(in.SubscriptionID),
		optional("reason", in.Reason, billing.MaxComment, "reason"),
	)
}

// RevokeSubscription ends a subscription at once that its customer did not ask
// to cancel.
func (c *Commands) RevokeSubscription(ctx context.Context, in RevokeSubscription) (SubscriptionResult, error) {
	op, err := c.run(ctx, mutation{
		name: "revokeSubscription", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockSubscription(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(billing.EventRevoke); err != nil {
				return nil, about(row.ID, err, "subscriptionId")
			}
			return c.sync.RevokeSubscription(ctx, tx, row, valueOr(in.Reason, ""))
		},
	})
	return c.subscriptionResult(ctx, op, err)
}
