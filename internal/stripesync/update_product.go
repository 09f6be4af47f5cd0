package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

var updateProductStep = Step[catalogParams]{Name: "update_product", Do: patchProduct}

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
	patch := c.Params.Product
	params := &stripe.ProductParams{
		Params:      c.Write(),
		Name:        patch.Name,
		Description: patch.Description,
		Active:      patch.Active,
	}
	params.Metadata = patch.Metadata
	_, err := c.Stripe.Products.Update(productInStripe(c), params)
	return nil, err
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
