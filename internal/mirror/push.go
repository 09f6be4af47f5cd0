package mirror

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
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
		return m.pushProduct(ctx, row)
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
		return m.pushCustomer(ctx, row)
	}
	return nil
}

func (m *Mirror) pushProduct(ctx context.Context, row *ent.Product) error {
	there, err := m.stripe.Products.Get(*row.StripeID, &stripe.ProductParams{Params: read(ctx)})
	if err != nil {
		return err
	}
	params := &stripe.ProductParams{
		Params: read(ctx), Name: stripe.String(row.Name), Description: stripe.String(row.Description), Active: stripe.Bool(row.Active),
		Metadata: metadataOver(there.Metadata, row.Metadata),
	}
	if row.DefaultPriceID != nil {
		price, err := m.store.Reader.Price.Get(ctx, *row.DefaultPriceID)
		if err != nil {
			return err
		}
		params.DefaultPrice = price.StripeID
	} else {
		params.DefaultPrice = stripe.String("")
	}
	_, err = m.stripe.Products.Update(*row.StripeID, params)
	return err
}

func (m *Mirror) pushCustomer(ctx context.Context, row *ent.Customer) error {
	there, err := m.stripe.Customers.Get(*row.StripeID, &stripe.CustomerParams{Params: read(ctx)})
	if err != nil {
		return err
	}
	metadata := metadataOver(there.Metadata, row.Metadata)
	metadata[stripeapi.MetadataExternalID] = billing.ValueOr(row.ExternalID, "")
	_, err = m.stripe.Customers.Update(*row.StripeID, &stripe.CustomerParams{
		Params: read(ctx), Name: stripe.String(row.Name), Email: stripe.String(row.Email), Metadata: metadata,
	})
	return err
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
