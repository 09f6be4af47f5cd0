package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// addPrice gives a product one more price.
func addPrice() *Operation[catalogParams] {
	return &Operation[catalogParams]{
		Steps: []Step[catalogParams]{createPriceStep},
		Finish: func(ctx context.Context, tx *store.Tx, d *catalogDone) error {
			if err := showPrice(ctx, tx, d); err != nil {
				return err
			}
			return endProduct(tx, d).Exec(ctx)
		},
		Discard: discardCatalog,
	}
}

// AddPrice begins a new price in the caller's transaction.
func (e *Engine) AddPrice(ctx context.Context, tx *store.Tx, product *ent.Product, price *ent.Price, lookupKey string) (*ent.Operation, error) {
	p := catalogParams{ProductID: product.ID, ProductStripeID: *product.StripeID, Price: freezePrice(price, lookupKey)}
	return e.beginCatalog(ctx, tx, billing.KindAddProductPrice, p, product.ID, createPriceStep)
}
