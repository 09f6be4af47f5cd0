package catalog

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// AddProductPrice is the input of [Catalog.AddProductPrice].
type AddProductPrice struct {
	ProductID string
	billing.PriceTerms
	IdempotencyKey *string
}

// AddProductPrice creates another price for a product. It returns PRODUCT_ARCHIVED
// for an archived product, and INVALID_INPUT when another price has the lookup key.
func (c *Catalog) AddProductPrice(ctx context.Context, in AddProductPrice) (PriceResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "addProductPrice", Key: in.IdempotencyKey, Input: in,
		Check: func() (err error) {
			if in.PriceTerms, err = in.PriceTerms.Checked(); err != nil {
				return err
			}
			return checkProductID(in.ProductID)
		},
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			product, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			if err := checkLookupKeyFree(ctx, tx, in.LookupKey); err != nil {
				return nil, err
			}
			id := stripesync.NewID()
			p := priceAddition{ProductID: product.ID, ProductStripeID: *product.StripeID}
			if p.Price, err = insertPrice(ctx, tx, product.ID, id, in.PriceTerms); err != nil {
				return nil, err
			}
			if err := showPending(ctx, tx, product.ID, id); err != nil {
				return nil, err
			}
			return c.priceAddition.Begin(ctx, tx, stripesync.Beginning[priceAddition]{
				ID: id, Subject: product.ID, Scope: product.ID, Params: p,
				Steps: []stripesync.StepOf[priceAddition]{addPrice},
			})
		},
	})
	product, err := c.productResult(ctx, op, rejection)
	result := PriceResult{Product: product.Product, Operation: op}
	if err != nil || op == nil || result.Product == nil {
		return result, err
	}
	p, err := c.priceAddition.ParamsOf(op)
	if err != nil {
		return result, err
	}
	result.Price, _, err = c.prices(ctx, p.Price.ID, "")
	return result, err
}

// priceAddition is the frozen input of the operation.
type priceAddition struct {
	ProductID       string   `json:"product_id"`
	ProductStripeID string   `json:"product_stripe_id"`
	Price           newPrice `json:"price"`
}

// addPrice is undone by archiving the price and freeing its lookup key.
var addPrice = &stripesync.Step[priceAddition, createdPrice]{
	Name: "create_price",
	Do: func(c *stripesync.Call[priceAddition]) (createdPrice, error) {
		return postPrice(c, c.Params.Price, c.Params.ProductStripeID, false)
	},
	Find: func(c *stripesync.Call[priceAddition]) (createdPrice, bool, error) {
		return findPrice(c, c.Params.ProductStripeID)
	},
	Spend: func(c *stripesync.Call[priceAddition]) error { return spendKey(c, c.Params.ProductStripeID) },
	Undo: func(c *stripesync.Call[priceAddition], created *createdPrice) error {
		return withdrawPrice(c, created.Price, c.Params.Price.LookupKey)
	},
}

func priceAdditionOperation() *stripesync.Operation[priceAddition] {
	return &stripesync.Operation[priceAddition]{
		Kind:  billing.KindAddProductPrice,
		Steps: []stripesync.StepOf[priceAddition]{addPrice},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceAddition]) error {
			if err := showPrice(ctx, tx, e.Params.Price, addPrice.Of(e.Operation).Price, e.Now); err != nil {
				return err
			}
			return endProduct(ctx, tx, e.Params.ProductID, e.Now, nil)
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceAddition]) error {
			if err := dropPrice(ctx, tx, e.Params.Price, addPrice.Of(e.Operation).Price, e.Now); err != nil {
				return err
			}
			return markProduct(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceAddition]) ([]stripesync.Object, error) {
			objects, err := adoptPrice(ctx, tx, e.Params.Price, addPrice.Of(e.Operation).Price)
			return append(objects, stripesync.Object{Type: "product", ID: e.Params.ProductStripeID}), err
		},
		Forget: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceAddition]) error {
			return forgetPrice(ctx, tx, e.Params.Price, addPrice.Of(e.Operation).Price)
		},
		Mark: markProduct,
	}
}
