package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ArchivePrice is the input of [Commands.ArchivePrice].
type ArchivePrice struct {
	PriceID        string
	IdempotencyKey *string
}

// ArchivePrice takes a price off sale. Stripe refuses to archive the default
// price of a product, and so do we, before Stripe is asked.
func (c *Commands) ArchivePrice(ctx context.Context, in ArchivePrice) (PriceResult, error) {
	op, err := c.run(ctx, mutation{
		name: "archivePrice", key: in.IdempotencyKey, input: in,
		check: func() error { return checkID("price", billing.PricePrefix, in.PriceID, "priceId") },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := tx.Price.Get(ctx, in.PriceID)
			if err != nil {
				return nil, at(store.OrNotFound(err, "price", in.PriceID), "priceId")
			}
			product, err := c.lockProduct(ctx, tx, row.ProductID, "priceId")
			if err != nil {
				return nil, err
			}
			if row, err = activePrice(ctx, tx, in.PriceID, "priceId"); err != nil {
				return nil, err
			}
			if product.DefaultPriceID != nil && *product.DefaultPriceID == row.ID {
				return nil, billing.Errorf(billing.CodePriceIsDefault,
					"The price is the default of %q; make another one the default first.", product.Name).
					At("priceId").About(product.ID)
			}
			return c.sync.ArchivePrice(ctx, tx, product, row)
		},
	})
	result, err := c.priceResult(ctx, op, err)
	result.Price, result.PreviousPrice = result.PreviousPrice, nil
	return result, err
}
