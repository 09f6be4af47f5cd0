package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ArchiveProduct is the input of [Commands.ArchiveProduct].
type ArchiveProduct struct {
	ProductID      string
	IdempotencyKey *string
}

// ArchiveProduct takes a product off sale. Its prices stay as they are, as in
// Stripe, but cannot be subscribed to any more.
func (c *Commands) ArchiveProduct(ctx context.Context, in ArchiveProduct) (ProductResult, error) {
	op, err := c.run(ctx, mutation{
		name: "archiveProduct", key: in.IdempotencyKey, input: in,
		check: func() error { return checkID("product", billing.ProductPrefix, in.ProductID, "productId") },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			return c.sync.ArchiveProduct(ctx, tx, row)
		},
	})
	return c.productResult(ctx, op, err)
}
