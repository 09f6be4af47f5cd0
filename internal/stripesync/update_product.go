package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

var updateProductStep = Step[catalogParams]{Name: "update_product", Do: patchProduct, Undo: unpatchProduct}

// changeProduct changes what is said of a product, or whether it is on sale.
func changeProduct() *Operation[catalogParams] {
	return &Operation[catalogParams]{
		Steps: []Step[catalogParams]{updateProductStep},
		Finish: func(ctx context.Context, tx *store.Tx, d *catalogDone) error {
			patch := d.Params.Product
			update := endProduct(tx, d).
				SetNillableName(patch.Name).
				SetNillableDescription(patch.Description).
				SetNillableActive(patch.Active)
			if patch.Metadata != nil {
				product, err := tx.Product.Get(ctx, d.Params.ProductID)
				if err != nil {
					return err
				}
				update.SetMetadata(billing.MergeMetadata(product.Metadata, patch.Metadata))
			}
			return update.Exec(ctx)
		},
		Discard: discardCatalog,
	}
}

func patchProduct(c *catalogCall) (Result, error) {
	return nil, sendProductPatch(c, *c.Params.Product)
}

// unpatchProduct tells Stripe again what still stands here.
func unpatchProduct(c *catalogCall) (Result, error) {
	row, err := c.Store.Client.Product.Get(c, c.Params.ProductID)
	if err != nil {
		return nil, err
	}
	back := ProductPatch{Metadata: valuesBefore(c.Params.Product.Metadata, row.Metadata)}
	if c.Params.Product.Name != nil {
		back.Name = &row.Name
	}
	if c.Params.Product.Description != nil {
		back.Description = &row.Description
	}
	if c.Params.Product.Active != nil {
		back.Active = &row.Active
	}
	return nil, sendProductPatch(c, back)
}

// valuesBefore undoes a change of metadata; an empty value removes a key.
func valuesBefore(change, before map[string]string) map[string]string {
	if change == nil {
		return nil
	}
	values := make(map[string]string, len(change))
	for key := range change {
		values[key] = before[key]
	}
	return values
}

func sendProductPatch(c *catalogCall, patch ProductPatch) error {
	params := &stripe.ProductParams{
		Params:      c.Write(),
		Name:        patch.Name,
		Description: patch.Description,
		Active:      patch.Active,
	}
	params.Metadata = patch.Metadata
	_, err := c.Stripe.Products.Update(productInStripe(c), params)
	return err
}

// UpdateProduct begins a change of a product in the caller's transaction.
func (e *Engine) UpdateProduct(ctx context.Context, tx *store.Tx, product *ent.Product, patch ProductPatch) (*ent.Operation, error) {
	return e.changeProduct(ctx, tx, billing.KindUpdateProduct, product, patch)
}

// ArchiveProduct begins to take a product off sale in the caller's
// transaction. Its prices stay as they are, as in Stripe.
func (e *Engine) ArchiveProduct(ctx context.Context, tx *store.Tx, product *ent.Product) (*ent.Operation, error) {
	inactive := false
	return e.changeProduct(ctx, tx, billing.KindArchiveProduct, product, ProductPatch{Active: &inactive})
}

func (e *Engine) changeProduct(ctx context.Context, tx *store.Tx, kind billing.OperationKind, product *ent.Product, patch ProductPatch) (*ent.Operation, error) {
	p := catalogParams{ProductID: product.ID, ProductStripeID: *product.StripeID, Product: &patch}
	return e.beginCatalog(ctx, tx, kind, p, product.ID, updateProductStep)
}
