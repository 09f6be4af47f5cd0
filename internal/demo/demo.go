// Package demo seeds a catalogue to play with.
package demo

import (
	"context"

	"tallystick/ent/idempotencykey"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/store"
)

// principal is who seeds the catalogue.
var principal = auth.Principal{ID: "demo", Kind: auth.KindAdmin, Label: "demo"}

// Seed gives a new database a small catalogue, by the same changes that clients
// make. Their idempotency keys let it go on where it was stopped. When Stripe
// refuses the catalogue, it is a [billing.Error].
func Seed(ctx context.Context, s *store.Store, c *catalog.Catalog) error {
	used, err := s.Reader.Operation.Query().Exist(ctx)
	if err != nil {
		return err
	}
	begun, err := s.Reader.IdempotencyKey.Query().Where(idempotencykey.Principal(principal.ID)).Exist(ctx)
	if err != nil || used && !begun {
		return err
	}
	ctx = auth.With(ctx, principal)
	monthly := &billing.Recurring{Interval: billing.IntervalMonth, IntervalCount: 1}
	yearly := &billing.Recurring{Interval: billing.IntervalYear, IntervalCount: 1}
	for _, p := range []struct {
		name, description string
		monthly, yearly   int64
		key               string
	}{
		{"Starter", "For one person and a side project.", 900, 9000, "starter"},
		{"Team", "For a team that ships every week.", 2900, 29000, "team"},
		{"Business", "For a company that cannot stop.", 9900, 99000, "business"},
	} {
		monthlyKey, yearlyKey := p.key+"_monthly", p.key+"_yearly"
		product, yearlyPrice := p.key, p.key+"-yearly"
		created, err := c.CreateProduct(ctx, catalog.CreateProduct{
			IdempotencyKey: &product, Name: p.name, Description: &p.description,
			Price: &billing.PriceTerms{UnitAmount: p.monthly, Currency: "USD", Recurring: monthly, LookupKey: &monthlyKey},
		})
		if err != nil {
			return err
		}
		if _, err := c.AddProductPrice(ctx, catalog.AddProductPrice{
			IdempotencyKey: &yearlyPrice, ProductID: created.Product.ID,
			PriceTerms: billing.PriceTerms{UnitAmount: p.yearly, Currency: "USD", Recurring: yearly, LookupKey: &yearlyKey},
		}); err != nil {
			return err
		}
	}
	return nil
}
