package mirror

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Push tells Stripe again what a product, a price or a customer is here, with the
// idempotency key of write. What Stripe never changes, an amount say, stays as it is
// there. Push does nothing for a row that is deleted or has no counterpart, nor for other
// types. Its errors are Stripe's and the database's.
func (m *Mirror) Push(ctx context.Context, write stripe.Params, objectType, id string) error {
	switch objectType {
	case "product":
		return m.products.push(ctx, write, id)
	case "price":
		return m.prices.push(ctx, write, id)
	case "customer":
		return m.customers.push(ctx, write, id)
	}
	return nil
}

// SpendPush uses up the idempotency key of [Mirror.Push] by an update that changes
// nothing, so that Stripe refuses a request with it that is still on its way.
func (m *Mirror) SpendPush(ctx context.Context, write stripe.Params, objectType, id string) error {
	reader := m.store.Reader
	switch objectType {
	case "product":
		row, err := linkedOnly(reader.Product.Get(ctx, id))
		if row == nil || err != nil {
			return err
		}
		_, err = m.stripe.Products.Update(*row.StripeID, &stripe.ProductParams{Params: write})
		return err
	case "price":
		row, err := linkedOnly(reader.Price.Get(ctx, id))
		if row == nil || err != nil {
			return err
		}
		_, err = m.stripe.Prices.Update(*row.StripeID, &stripe.PriceParams{Params: write})
		return err
	case "customer":
		row, err := linkedOnly(reader.Customer.Get(ctx, id))
		if row == nil || err != nil {
			return err
		}
		_, err = m.stripe.Customers.Update(*row.StripeID, &stripe.CustomerParams{Params: write})
		return err
	}
	return nil
}

// linkedOnly is a row that was read, if there is one and it has a counterpart in Stripe;
// nil otherwise.
func linkedOnly[T any, R interface {
	*T
	Stripe() *billing.StripeLink
}](row *T, err error) (*T, error) {
	if row, err = store.OrNil(row, err); err != nil || row == nil || R(row).Stripe().ID == nil {
		return nil, err
	}
	return row, nil
}

func (m *products) push(ctx context.Context, write stripe.Params, id string) error {
	row, err := linkedOnly(m.store.Reader.Product.Get(ctx, id))
	if row == nil || err != nil {
		return err
	}
	there, err := m.stripe.Products.Get(*row.StripeID, &stripe.ProductParams{Params: read(ctx)})
	if err != nil {
		return err
	}
	params := &stripe.ProductParams{
		Params: write, Name: stripe.String(row.Name), Description: stripe.String(row.Description), Active: stripe.Bool(row.Active),
		Metadata: metadataOver(there.Metadata, row.Metadata), DefaultPrice: stripe.String(""),
	}
	if row.DefaultPriceID != nil {
		price, err := m.store.Reader.Price.Get(ctx, *row.DefaultPriceID)
		if err != nil {
			return err
		}
		params.DefaultPrice = price.StripeID
	}
	_, err = m.stripe.Products.Update(*row.StripeID, params)
	return err
}

func (m *prices) push(ctx context.Context, write stripe.Params, id string) error {
	row, err := linkedOnly(m.store.Reader.Price.Get(ctx, id))
	if row == nil || err != nil {
		return err
	}
	_, err = m.stripe.Prices.Update(*row.StripeID, &stripe.PriceParams{
		Params: write, Active: stripe.Bool(row.Status == billing.PriceActive), Nickname: stripe.String(row.Nickname),
		LookupKey: stripe.String(billing.ValueOr(row.LookupKey, "")), TransferLookupKey: stripe.Bool(row.LookupKey != nil),
	})
	return err
}

func (m *customers) push(ctx context.Context, write stripe.Params, id string) error {
	row, err := linkedOnly(m.store.Reader.Customer.Get(ctx, id))
	if row == nil || err != nil {
		return err
	}
	there, err := m.stripe.Customers.Get(*row.StripeID, &stripe.CustomerParams{Params: read(ctx)})
	if err != nil {
		return err
	}
	metadata := metadataOver(there.Metadata, row.Metadata)
	metadata[stripeapi.MetadataExternalID] = billing.ValueOr(row.ExternalID, "")
	_, err = m.stripe.Customers.Update(*row.StripeID, &stripe.CustomerParams{
		Params: write, Name: stripe.String(row.Name), Email: stripe.String(row.Email), Metadata: metadata,
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
