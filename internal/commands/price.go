package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// PriceResult is the outcome of a command on a price.
type PriceResult struct {
	Product       *ent.Product
	Price         *ent.Price
	PreviousPrice *ent.Price
	Operation     *ent.Operation
}

// priceResult reads the product and the prices that an operation was on. A
// new price is shown unless the operation was refused.
func (c *Commands) priceResult(ctx context.Context, op *ent.Operation, refusal error) (PriceResult, error) {
	product, err := c.productResult(ctx, op, refusal)
	result := PriceResult{Product: product.Product, Operation: op}
	if op == nil || result.Product == nil {
		return result, err
	}
	created, old, err := c.sync.PricesOf(ctx, op)
	if err != nil {
		return result, err
	}
	if result.PreviousPrice = old; refusal == nil {
		result.Price = created
	}
	return result, refusal
}

// activePrice reads a price that is on sale.
func activePrice(ctx context.Context, tx *store.Tx, id, field string) (*ent.Price, error) {
	row, err := tx.Price.Query().Where(price.ID(id)).WithProduct().Only(ctx)
	if err != nil {
		return nil, at(store.OrNotFound(err, "price", id), field)
	}
	if row.Status != billing.PriceActive {
		return nil, billing.Errorf(billing.CodePriceNotActive, "The price is %s.", row.Status).At(field).About(id)
	}
	return row, nil
}
