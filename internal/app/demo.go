package app

import (
	"context"

	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/commands"
	"tallystick/internal/store"
)

// seedDemo gives a new database a small catalogue, by the same commands that
// clients use.
func seedDemo(ctx context.Context, s *store.Store, c *commands.Commands) error {
	used, err := s.Client.Operation.Query().Exist(ctx)
	if err != nil || used {
		return err
	}
	ctx = auth.With(ctx, auth.Admin)
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
		created, err := c.CreateProduct(ctx, commands.CreateProduct{
			Name: p.name, Description: &p.description,
			Price: &commands.PriceInput{UnitAmount: p.monthly, Currency: "USD", Recurring: monthly, LookupKey: &monthlyKey},
		})
		if err != nil {
			return err
		}
		if _, err := c.AddProductPrice(ctx, commands.AddProductPrice{
			ProductID:  created.Product.ID,
			PriceInput: commands.PriceInput{UnitAmount: p.yearly, Currency: "USD", Recurring: yearly, LookupKey: &yearlyKey},
		}); err != nil {
			return err
		}
	}
	return nil
}
