package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/product"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// ProductResult is the outcome of a command on a product.
type ProductResult struct {
	Product   *ent.Product
	Operation *ent.Operation
}

// lockProduct reads a product under lock, with no operation on it under way.
func (c *Commands) lockProduct(ctx context.Context, tx *store.Tx, id, field string) (*ent.Product, error) {
	row, err := tx.Product.Query().Where(product.ID(id), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, at(store.OrNotFound(err, "product", id), field)
	}
	if err := c.notBusy(ctx, tx, row.Stripe()); err != nil {
		return nil, err
	}
	if row.StripeID == nil {
		return nil, billing.Errorf(billing.CodeStripeRejected, "The product %q was deleted in Stripe.", row.Name).At(field).About(row.ID)
	}
	return row, nil
}

// lockProductOnSale is lockProduct for a command that an archived product does
// not allow.
func (c *Commands) lockProductOnSale(ctx context.Context, tx *store.Tx, id, field string) (*ent.Product, error) {
	row, err := c.lockProduct(ctx, tx, id, field)
	if err == nil && !row.Active {
		err = productArchived(row).At(field)
	}
	return row, err
}

func productArchived(row *ent.Product) *billing.Error {
	return billing.Errorf(billing.CodeProductArchived, "The product %q is archived.", row.Name).About(row.ID)
}

// productResult reads the product that an operation was on, nil when it has
// been discarded or the operation never began.
func (c *Commands) productResult(ctx context.Context, op *ent.Operation, refusal error) (ProductResult, error) {
	if op == nil {
		return ProductResult{}, refusal
	}
	row, err := c.store.Client.Product.Get(ctx, op.ScopeID)
	if err != nil && !ent.IsNotFound(err) {
		return ProductResult{}, err
	}
	return ProductResult{Product: row, Operation: op}, refusal
}
