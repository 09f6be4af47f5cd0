package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// PriceSwitch is the price that a subscription goes over to.
type PriceSwitch struct {
	PriceID       string                    `json:"price_id"`
	ProductID     string                    `json:"product_id"`
	PriceStripeID string                    `json:"price_stripe_id"`
	Proration     billing.ProrationBehavior `json:"proration"`
}

// changeSubscriptionPrice moves a subscription to another price.
func changeSubscriptionPrice() *Operation[subscriptionParams] {
	return &Operation[subscriptionParams]{
		Steps: []Step[subscriptionParams]{{Name: "change_price", Do: switchPrice, Keep: true}},
		Finish: func(ctx context.Context, tx *store.Tx, d *subscriptionDone) error {
			if err := tx.Subscription.UpdateOneID(d.Params.SubscriptionID).
				SetPriceID(d.Params.Switch.PriceID).SetProductID(d.Params.Switch.ProductID).Exec(ctx); err != nil {
				return err
			}
			return endSubscription(ctx, tx, d)
		},
		Discard: discardChange,
	}
}

// switchPrice changes the price of the subscription's item, whose id only
// Stripe knows.
func switchPrice(c *subscriptionCall) (Result, error) {
	now, err := c.Stripe.Subscriptions.Get(c.Params.StripeID, &stripe.SubscriptionParams{Params: c.Read()})
	if err != nil {
		return nil, err
	}
	if now.Items == nil || len(now.Items.Data) == 0 {
		return nil, billing.Errorf(billing.CodeStripeRejected, "The subscription has no item in Stripe.")
	}
	params := &stripe.SubscriptionParams{
		Params: c.Write(),
		Items: []*stripe.SubscriptionItemsParams{{
			ID: stripe.String(now.Items.Data[0].ID), Price: stripe.String(c.Params.Switch.PriceStripeID),
		}},
		ProrationBehavior: stripe.String(stripeapi.Lower(c.Params.Switch.Proration)),
	}
	params.AddExpand("latest_invoice")
	after, ended, err := change(c, func() (*stripe.Subscription, error) {
		return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
	})
	if err != nil {
		return seenWith(after, err)
	}
	if ended == nil {
		return subscriptionResult(after)
	}
	return endedInStripe(ended)
}

// ChangeSubscriptionPrice begins to move a subscription to another price in
// the caller's transaction.
func (e *Engine) ChangeSubscriptionPrice(ctx context.Context, tx *store.Tx, row *ent.Subscription, to *ent.Price, p billing.ProrationBehavior) (*ent.Operation, error) {
	return e.beginSubscription(ctx, tx, billing.KindChangeSubscriptionPrice, row, subscriptionParams{
		SubscriptionID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID,
		Switch: &PriceSwitch{PriceID: to.ID, ProductID: to.ProductID, PriceStripeID: *to.StripeID, Proration: p},
	}, "change_price")
}
