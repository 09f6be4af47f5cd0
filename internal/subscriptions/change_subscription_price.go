package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// ChangeSubscriptionPrice is the input of
// [Subscriptions.ChangeSubscriptionPrice].
type ChangeSubscriptionPrice struct {
	SubscriptionID string
	PriceID        string
	Proration      billing.ProrationBehavior
	IdempotencyKey *string
}

func (in ChangeSubscriptionPrice) check() error {
	return billing.First(
		checkID(in.SubscriptionID),
		billing.CheckID("price", billing.PricePrefix, in.PriceID, "priceId"),
	)
}

// ChangeSubscriptionPrice moves a subscription to another price, from now on.
// A price that is not on sale is PRICE_NOT_ACTIVE, the one that the
// subscription is on PRICE_UNCHANGED, and a state that does not allow it
// INVALID_TRANSITION.
func (s *Subscriptions) ChangeSubscriptionPrice(ctx context.Context, in ChangeSubscriptionPrice) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "changeSubscriptionPrice", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckPriceChange(); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			to, err := subscribablePrice(ctx, tx, in.PriceID)
			if err != nil {
				return nil, err
			}
			if to.ID == row.PriceID {
				return nil, billing.Errorf(billing.CodePriceUnchanged, "The subscription is on this price already.").
					At("priceId").About(to.ID)
			}
			return begin(ctx, tx, s.priceSwitch, priceSwitch{target: targetOf(row), Switch: otherPrice{
				PriceID: to.ID, ProductID: to.ProductID, PriceStripeID: *to.StripeID, Proration: in.Proration,
			}}, stripesync.StepOf[priceSwitch](switchPrice))
		},
	})
	return s.result(ctx, op, rejection)
}

// priceSwitch is the frozen input of the operation.
type priceSwitch struct {
	target
	Switch otherPrice `json:"switch"`
}

// otherPrice is the price that a subscription goes over to.
type otherPrice struct {
	PriceID       string                    `json:"price_id"`
	ProductID     string                    `json:"product_id"`
	PriceStripeID string                    `json:"price_stripe_id"`
	Proration     billing.ProrationBehavior `json:"proration"`
}

// switchPrice changes the price of the subscription's item, whose id only
// Stripe knows. It is the only step and kept: nothing is rejected after it.
var switchPrice = &stripesync.Step[priceSwitch, report]{
	Name: "change_price",
	Do: func(c *stripesync.Call[priceSwitch]) (report, error) {
		before, err := c.Stripe.Subscriptions.Get(c.Params.StripeID, &stripe.SubscriptionParams{Params: c.Read()})
		if err != nil {
			return report{}, err
		}
		if before.Items == nil || len(before.Items.Data) == 0 {
			return report{}, billing.Errorf(billing.CodeStripeRejected, "The subscription has no item in Stripe.")
		}
		params := &stripe.SubscriptionParams{
			Params: c.Write(),
			Items: []*stripe.SubscriptionItemsParams{{
				ID: stripe.String(before.Items.Data[0].ID), Price: stripe.String(c.Params.Switch.PriceStripeID),
			}},
			ProrationBehavior: stripe.String(stripeapi.Lower(c.Params.Switch.Proration)),
		}
		params.AddExpand("latest_invoice")
		now, ended, err := change(c, func() (*stripe.Subscription, error) {
			return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
		})
		if ended {
			err = endedInStripe(now)
		}
		return reportOf(now), err
	},
	Spend: spendKey[priceSwitch],
	Keep:  true,
}

func (s *Subscriptions) priceSwitchOperation() *stripesync.Operation[priceSwitch] {
	return &stripesync.Operation[priceSwitch]{
		Kind:  billing.KindChangeSubscriptionPrice,
		Steps: []stripesync.StepOf[priceSwitch]{switchPrice},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceSwitch]) error {
			if err := tx.Subscription.UpdateOneID(e.Params.SubscriptionID).
				SetPriceID(e.Params.Switch.PriceID).SetProductID(e.Params.Switch.ProductID).Exec(ctx); err != nil {
				return err
			}
			return s.show(ctx, tx, e.Operation, e.Params.SubscriptionID, switchPrice.Of(e.Operation).Subscription.value)
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceSwitch]) error {
			return s.showRejected(ctx, tx, e.Operation, e.Params.SubscriptionID, switchPrice.Of(e.Operation).Subscription.value)
		},
		Resolve: touched[priceSwitch],
		Mark:    mark,
	}
}
