package catalog

import (
	"cmp"
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// CreateProduct is the input of [Catalog.CreateProduct].
type CreateProduct struct {
	Name           string
	Description    *string
	Metadata       map[string]string
	Price          *billing.PriceTerms // the default price; nil for none
	IdempotencyKey *string
}

func (in CreateProduct) check() error {
	return billing.First(
		billing.At(billing.CheckText("name", in.Name, billing.MaxProductName), "name"),
		billing.CheckOptional("description", in.Description, billing.MaxDescription, "description"),
		billing.At(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// CreateProduct creates a product, with its default price if one is given: both in
// Stripe or neither. A price without a lookup key and a nickname is created with the
// product, in one request; Stripe takes neither of them there. It returns INVALID_INPUT
// when another price has the lookup key.
func (c *Catalog) CreateProduct(ctx context.Context, in CreateProduct) (ProductResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "createProduct", Key: in.IdempotencyKey, Input: in,
		Check: func() error {
			if in.Price != nil {
				terms, err := in.Price.Checked()
				if err != nil {
					return billing.Under("price", err)
				}
				in.Price = &terms
			}
			return in.check()
		},
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) { return c.beginProduct(ctx, tx, in) },
	})
	result, err := c.productResult(ctx, op, rejection)
	if err != nil {
		result.Product = nil // where Stripe has kept it, it is archived on both sides
	}
	return result, err
}

// productCreation is the frozen input of the operation.
type productCreation struct {
	ProductID string     `json:"product_id"`
	Product   newProduct `json:"product"`
	Price     *newPrice  `json:"price,omitempty"`
	// Together says that create_product creates the price too.
	Together bool `json:"together,omitempty"`
}

type newProduct struct {
	Name        string            `json:"name"`
	Description *string           `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// beginProduct writes the product, which is not on sale until Stripe has it,
// its price and the operation.
func (c *Catalog) beginProduct(ctx context.Context, tx *store.Tx, in CreateProduct) (*ent.Operation, error) {
	id := stripesync.NewID()
	row, err := tx.Product.Create().
		SetName(in.Name).
		SetNillableDescription(in.Description).
		SetMetadata(billing.MergeMetadata(nil, in.Metadata)).
		SetActive(false).
		SetStripeStatus(billing.SyncPending).
		SetStripeOperationID(id).
		Save(ctx)
	if err != nil {
		return nil, err
	}
	p := productCreation{ProductID: row.ID, Product: newProduct{Name: row.Name, Metadata: row.Metadata}}
	p.Product.Description = stripeapi.NonEmpty(row.Description)
	steps := []stripesync.StepOf[productCreation]{createProduct}
	if in.Price != nil {
		if err := checkLookupKeyFree(ctx, tx, in.Price.LookupKey); err != nil {
			return nil, billing.Under("price", err)
		}
		price, err := insertPrice(ctx, tx, row.ID, id, *in.Price)
		if err != nil {
			return nil, err
		}
		p.Price, p.Together = &price, price.LookupKey == nil && price.Nickname == nil
		if !p.Together {
			steps = append(steps, createFirstPrice, makeFirstPriceDefault)
		}
	}
	return c.productCreation.Begin(ctx, tx, stripesync.Beginning[productCreation]{
		ID: id, Subject: row.ID, Scope: row.ID, NewScope: true, Params: p, Steps: steps,
	})
}

// productCreationOperation brings a product to Stripe, with its default price
// if it has one.
func productCreationOperation() *stripesync.Operation[productCreation] {
	return &stripesync.Operation[productCreation]{
		Kind:    billing.KindCreateProduct,
		Steps:   []stripesync.StepOf[productCreation]{createProduct, createFirstPrice, makeFirstPriceDefault},
		Finish:  finishProduct,
		Discard: discardProduct,
		Resolve: resolveProduct,
		Forget:  forgetProduct,
		Mark:    markProduct,
	}
}

type productCall = stripesync.Call[productCreation]

// createdProduct is the new product's id in Stripe, that of a price that was created with
// it, and whether the product was deleted again.
type createdProduct struct {
	Product string `json:"product,omitempty"`
	Price   string `json:"price,omitempty"`
	Deleted string `json:"deleted,omitempty"`
}

// firstPriceInStripe is the id in Stripe of the product's price; empty before there is one.
func firstPriceInStripe(op *ent.Operation) string {
	return cmp.Or(createProduct.Of(op).Price, createFirstPrice.Of(op).Price)
}

// createProduct is undone by deleting the product, or archiving it where Stripe does not
// let it be deleted, because it has a price already. Where it creates the price too, it is
// the only step, so it is never undone. A refusal rejects the change.
var createProduct = &stripesync.Step[productCreation, createdProduct]{
	Name: "create_product",
	Do: func(c *productCall) (createdProduct, error) {
		p := c.Params.Product
		params := &stripe.ProductParams{
			Params:      c.Write(),
			Metadata:    c.Metadata(c.Params.ProductID, p.Metadata),
			Name:        stripe.String(p.Name),
			Description: p.Description,
		}
		if c.Params.Together {
			params.DefaultPriceData = c.Params.Price.asDefault()
		}
		created, err := c.Stripe.Products.New(params)
		if err != nil {
			return createdProduct{}, err
		}
		return productOf(created), noteIfDeleted(c, created)
	},
	Find: func(c *productCall) (createdProduct, bool, error) {
		params := &stripe.ProductListParams{ListParams: c.List()}
		params.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: c.Op.CreatedAt.Unix() - clockSkew}
		products := c.Stripe.Products.List(params)
		for products.Next() {
			if c.IsMine(products.Product().Metadata) {
				return foundProduct(c, products.Product())
			}
		}
		return createdProduct{}, false, products.Err()
	},
	Undo: func(c *productCall, created *createdProduct) error {
		_, err := c.Stripe.Products.Del(created.Product, &stripe.ProductParams{Params: c.Write()})
		if err == nil || stripeapi.IsGone(err) {
			created.Deleted = "true"
			return nil
		}
		if !stripeapi.IsRejection(err) {
			return err
		}
		_, err = c.Stripe.Products.Update(created.Product, &stripe.ProductParams{Params: c.Write("archive"), Active: stripe.Bool(false)})
		return err
	},
}

func productOf(p *stripe.Product) createdProduct {
	created := createdProduct{Product: p.ID}
	if p.DefaultPrice != nil {
		created.Price = p.DefaultPrice.ID
	}
	return created
}

// noteIfDeleted looks, when Stripe repeats an answer, whether what it speaks of is still
// there.
func noteIfDeleted(c *productCall, created *stripe.Product) error {
	err := mirror.NoteIfDeleted(c, c.Store, created.LastResponse, created.ID, func() (bool, error) {
		now, err := c.Stripe.Products.Get(created.ID, &stripe.ProductParams{Params: c.Read()})
		return now.Deleted, err
	})
	if err != nil || created.DefaultPrice == nil {
		return err
	}
	return notePriceIfDeleted(c, created.LastResponse, created.DefaultPrice.ID)
}

// foundProduct is what an earlier request has created. The price that came with the
// product is the first one that it got; it may not be the default any more, and may even
// be deleted.
func foundProduct(c *productCall, p *stripe.Product) (createdProduct, bool, error) {
	created := createdProduct{Product: p.ID}
	if !c.Params.Together {
		return created, true, nil
	}
	prices := c.Stripe.Prices.List(&stripe.PriceListParams{ListParams: c.List(), Product: stripe.String(p.ID)})
	for prices.Next() { // the newest come first
		created.Price = prices.Price().ID
	}
	return created, true, prices.Err()
}

// clockSkew is how far the clocks here and at Stripe may differ, in seconds: a
// day, which no clock that anybody uses is off.
const clockSkew = 24 * 60 * 60

// createFirstPrice is undone by one POST /v1/prices/{id}, which archives the price and
// frees its lookup key. A refusal rejects the change.
var createFirstPrice = &stripesync.Step[productCreation, createdPrice]{
	Name: "create_price",
	Do: func(c *productCall) (createdPrice, error) {
		return postPrice(c, *c.Params.Price, createProduct.Of(c.Op).Product, false)
	},
	Find: func(c *productCall) (createdPrice, bool, error) {
		return findPrice(c, createProduct.Of(c.Op).Product)
	},
	Spend: func(c *productCall) error { return spendKey(c, createProduct.Of(c.Op).Product) },
	Undo: func(c *productCall, created *createdPrice) error {
		return withdrawPrice(c, created.Price, c.Params.Price.LookupKey)
	},
}

// makeFirstPriceDefault is undone by leaving the product without a default.
var makeFirstPriceDefault = &stripesync.Step[productCreation, stripesync.Nothing]{
	Name: "set_default_price",
	Do: func(c *productCall) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, setDefaultPrice(c, createProduct.Of(c.Op).Product, createFirstPrice.Of(c.Op).Price)
	},
	Undo: func(c *productCall, _ *stripesync.Nothing) error {
		return setDefaultPrice(c, createProduct.Of(c.Op).Product, "")
	},
}

// finishProduct puts the product and its price on sale here, unless Stripe has
// deleted the product since it was created there.
func finishProduct(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productCreation]) error {
	price, priceStripeID := e.Params.Price, firstPriceInStripe(e.Operation)
	switch {
	case price != nil && priceStripeID != "":
		if err := showPrice(ctx, tx, *price, priceStripeID, e.Now); err != nil {
			return err
		}
	case price != nil: // deleted in Stripe before it was ever seen here
		if err := tx.Price.DeleteOneID(price.ID).Exec(ctx); err != nil {
			return err
		}
	}
	stripeID := createProduct.Of(e.Operation).Product
	gone, err := mirror.IsGone(ctx, tx, stripeID)
	if err == nil && gone {
		err = mirror.Remember(ctx, tx, stripeID, e.Params.ProductID)
	}
	if err != nil {
		return err
	}
	return endProduct(ctx, tx, e.Params.ProductID, e.Now, func(u *ent.ProductUpdate) {
		if gone {
			u.SetStripeStatus(billing.SyncUnlinked)
			return
		}
		u.SetActive(true).SetStripeID(stripeID)
		if priceStripeID != "" {
			u.SetDefaultPriceID(price.ID)
		}
	})
}

// discardProduct forgets the product, unless Stripe has kept it, archived.
func discardProduct(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productCreation]) error {
	if p := e.Params.Price; p != nil {
		if err := dropPrice(ctx, tx, *p, firstPriceInStripe(e.Operation), e.Now); err != nil {
			return err
		}
	}
	created := createProduct.Of(e.Operation)
	if created.Product == "" || created.Deleted != "" {
		return tx.Product.DeleteOneID(e.Params.ProductID).Exec(ctx)
	}
	if err := tx.Product.UpdateOneID(e.Params.ProductID).SetActive(false).SetStripeID(created.Product).Exec(ctx); err != nil {
		return err
	}
	return markProduct(ctx, tx, e.Operation, e.Rejected)
}

// resolveProduct gives the product and its price their ids in Stripe, if it has them.
func resolveProduct(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productCreation]) (objects []stripesync.Object, err error) {
	created := createProduct.Of(e.Operation)
	if p := e.Params.Price; p != nil {
		if objects, err = adoptPrice(ctx, tx, *p, firstPriceInStripe(e.Operation)); err != nil {
			return nil, err
		}
	}
	if created.Product == "" || created.Deleted != "" {
		return nil, nil
	}
	if err := tx.Product.UpdateOneID(e.Params.ProductID).SetStripeID(created.Product).Exec(ctx); err != nil {
		return nil, err
	}
	return append(objects, stripesync.Object{Type: "product", ID: created.Product}), nil
}

// forgetProduct removes the product and its price, where Stripe does not have them.
func forgetProduct(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productCreation]) error {
	if p := e.Params.Price; p != nil {
		if err := forgetPrice(ctx, tx, *p, firstPriceInStripe(e.Operation)); err != nil {
			return err
		}
	}
	if created := createProduct.Of(e.Operation); created.Product != "" && created.Deleted == "" {
		return nil
	}
	return tx.Product.DeleteOneID(e.Params.ProductID).Exec(ctx)
}
