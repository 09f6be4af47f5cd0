package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ChangeSubscriptionPrice is the input of [Commands.ChangeSubscriptionPrice].
type ChangeSubscriptionPrice struct {
	SubscriptionID string
	PriceID        string
	Proration      billing.ProrationBehavior
	IdempotencyKey *string
}

func (in ChangeSubscriptionPrice) check() error {
	return first(
		checkSubscriptionID(in.SubscriptionID),
		checkID("price", billing.PricePrefix, in.PriceID, "priceId"),
	)
}

// ChangeSubscriptionPrice moves a subscription to another price, from now on.
func (c *Commands) ChangeSubscriptionPrice(ctx context.Context, in ChangeSubscriptionPrice) (SubscriptionResult, error) {
	op, err := c.run(ctx, mutation{
		name: "changeSubscriptionPrice", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockSubscription(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckPriceChange(); err != nil {
				return nil, about(row.ID, err, "subscriptionId")
			}
			to, err := subscribablePrice(ctx, tx, in.PriceID)
			if err != nil {
				return nil, err
			}
			if to.ID == row.PriceID {
				return nil, billing.Errorf(billing.CodePriceUnchanged, "The subscription is on this price already.").
					At("priceId").About(to.ID)
			}
			return c.sync.ChangeSubscriptionPrice(ctx, tx, row, to, in.Proration)
		},
	})
	return c.subscriptionResult(ctx, op, err)
}
