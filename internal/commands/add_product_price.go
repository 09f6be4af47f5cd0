package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// AddProductPrice is the input of [Commands.AddProductPrice].
type AddProductPrice struct {
	ProductID string
	PriceInput
	IdempotencyKey *string
}

func (in AddProductPrice) check() error {
	return first(
		checkID("product", billing.ProductPrefix, in.ProductID, "productId"),
		in.PriceInput.check(),
	)
}

// AddProductPrice gives a product one more price.
func (c *Commands) AddProductPrice(ctx context.Context, in AddProductPrice) (PriceResult, error) {
	op, err := c.run(ctx, mutation{
		name: "addProductPrice", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			product, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			if err := checkLookupKeyFree(ctx, tx, in.LookupKey, "lookupKey"); err != nil {
				return nil, err
			}
			price, err := createPrice(ctx, tx, product.ID, in.terms())
			if err != nil {
				return nil, err
			}
			return c.sync.AddPrice(ctx, tx, product, price, valueOr(in.LookupKey, ""))
		},
	})
	return c.priceResult(ctx, op, err)
}
