package mirror

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
)

// push tells Stripe again what a product, a price or a customer that was made here
// is. What Stripe never changes, an amount say, stays as it is there.
func (m *Mirror) push(ctx context.Context, d Difference) error {
	reader := m.store.Reader
	switch d.Object {
	case "product":
		row, err := reader.Product.Get(ctx, d.ID)
		if err != nil {
			return err
		}
		return m.products.push(ctx, row)
	case "price":
		row, err := reader.Price.Get(ctx, d.ID)
		if err != nil {
			return err
		}
		params := &stripe.PriceParams{
			Params: read(ctx), Active: stripe.Bool(row.Status == billing.PriceActive), Nickname: stripe.String(row.Nickname),
			LookupKey: stripe.String(billing.ValueOr(row.LookupKey, "")), TransferLookupKey: stripe.Bool(row.LookupKey != nil),
		}
		_, err = m.stripe.Prices.Update(d.StripeID, params)
		return err
	case "customer":
		row, err := reader.Customer.Get(ctx, d.ID)
		if err != nil {
			return err
		}
		return m.customers.push(ctx, row)
	}
	return nil
}

// metadataOver makes one object's metadata those of a row: an empty value removes
// its key.
func metadataOver(there, here map[string]string) map[string]string {
	over := map[string]string{}
	for key := range ours(there) {
		over[key] = ""
	}
	for key, value := range here {
		over[key] = value
	}
	return over
}
