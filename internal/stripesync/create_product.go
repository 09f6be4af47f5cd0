package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// newProduct brings a product to Stripe, with its default price if it has one.
func newProduct() *Operation[catalogParams] {
	return &Operation[catalogParams]{
		Steps: []Step[catalogParams]{createProductStep, createPriceStep, setDefaultPriceStep},
		Finish: func(ctx context.Context, tx *store.Tx, d *catalogDone) error {
			product := endProduct(tx, d).
				SetActive(true).
				SetStripeID(d.Result("create_product", "product"))
			if d.Params.Price != nil {
				if err := showPrice(ctx, tx, d); err != nil {
					return err
				}
				product.SetDefaultPriceID(d.Params.Price.ID)
			}
			return product.Exec(ctx)
		},
		Discard: discardProduct,
	}
}

func createProduct(c *catalogCall) (Result, error) {
	p := c.Params.Product
	product, err := c.Stripe.Products.New(&stripe.ProductParams{
		Params:      c.Write(),
		Metadata:    c.Metadata(c.Params.ProductID, p.Metadata),
		Name:        p.Name,
		Description: p.Description,
	})
	if err != nil {
		return nil, err
	}
	return Result{"product": product.ID}, nil
}

func findProduct(c *catalogCall) (Result, bool, error) {
	params := &stripe.ProductListParams{ListParams: c.List()}
	params.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: c.Op.CreatedAt.Unix() - clockSkew}
	products := c.Stripe.Products.List(params)
	for products.Next() {
		if c.IsMine(products.Product().Metadata) {
			return Result{"product": products.Product().ID}, true, nil
		}
	}
	return nil, false, products.Err()
}

// clockSkew is how far the clocks here and at Stripe may differ, in seconds.
const clockSkew = 600

// removeProduct deletes the new product, or archives it where Stripe does not
// let it be deleted, because it has a price already.
func removeProduct(c *catalogCall) (Result, error) {
	id := productInStripe(c)
	_, err := c.Stripe.Products.Del(id, &stripe.ProductParams{Params: c.Write()})
	if err == nil || stripeapi.IsGone(err) {
		return Result{"deleted": "true"}, nil
	}
	if f := stripeapi.AsFailure(err); f == nil || f.Outcome != stripeapi.Rejected {
		return nil, err
	}
	_, err = c.Stripe.Products.Update(id, &stripe.ProductParams{Params: c.Write("archive"), Active: stripe.Bool(false)})
	return nil, err
}

// discardProduct forgets the product, unless Stripe has kept it, archived.
func discardProduct(ctx context.Context, tx *store.Tx, d *catalogDone) error {
	if err := dropPrice(ctx, tx, d); err != nil {
		return err
	}
	id := d.Result("create_product", "product")
	if id == "" || d.Result("create_product", "deleted") != "" {
		return tx.Product.DeleteOneID(d.Params.ProductID).Exec(ctx)
	}
	if err := tx.Product.UpdateOneID(d.Params.ProductID).SetActive(false).SetStripeID(id).Exec(ctx); err != nil {
		return err
	}
	return markFailed(ctx, tx, d.Operation, *d.LastError, true)
}

// CreateProduct begins a new product in the caller's transaction, with its
// default price unless that is nil.
func (e *Engine) CreateProduct(ctx context.Context, tx *store.Tx, product *ent.Product, price *ent.Price, lookupKey string) (*ent.Operation, error) {
	p := catalogParams{
		ProductID: product.ID,
		Product:   &ProductPatch{Name: &product.Name, Metadata: product.Metadata},
	}
	if product.Description != "" {
		p.Product.Description = &product.Description
	}
	steps := []Step[catalogParams]{createProductStep}
	if price != nil {
		p.Price = freezePrice(price, lookupKey)
		steps = append(steps, createPriceStep, setDefaultPriceStep)
	}
	return e.beginCatalog(ctx, tx, billing.KindCreateProduct, p, product.ID, steps...)
}
