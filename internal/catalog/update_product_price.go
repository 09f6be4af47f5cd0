package catalog

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// UpdateProductPrice is the input of [Catalog.UpdateProductPrice].
type UpdateProductPrice struct {
	ProductID string
	PriceID   *string // nil: the default price
	billing.PriceChange
	IdempotencyKey *string
}

func (in UpdateProductPrice) check() error {
	if in.PriceID != nil {
		if err := checkPriceID(*in.PriceID); err != nil {
			return err
		}
	}
	return checkProductID(in.ProductID)
}

// UpdateProductPrice replaces a price of a product: it creates the new price, makes it
// the default if the old one was, or if the product had none, and archives the old one.
// Existing subscriptions keep the old price. Either the new price takes the place of the
// old one on both sides, or the old one stays on sale on both.
//
// After a refusal the product's link is FAILED, with the reason. The new price is deleted
// here if Stripe has never had it; otherwise it stays archived on both sides, since Stripe
// cannot delete a price. After a refusal no GET is sent, with one exception: create_price
// lists the prices when an earlier answer was lost.
//
// It returns PRICE_UNCHANGED when the terms are those of the old price,
// PRODUCT_ARCHIVED for an archived product, PRICE_NOT_ACTIVE when the old price is
// pending or archived, INVALID_INPUT when it is tiered or metered, and NOT_FOUND
// when it is another product's.
func (c *Catalog) UpdateProductPrice(ctx context.Context, in UpdateProductPrice) (PriceResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "updateProductPrice", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			return c.beginPriceChange(ctx, tx, in)
		},
	})
	product, err := c.productResult(ctx, op, rejection)
	result := PriceResult{Product: product.Product, Operation: op}
	if op == nil || result.Product == nil {
		return result, err
	}
	p, err := c.priceChange.ParamsOf(op)
	if err != nil {
		return result, err
	}
	if result.Price, result.PreviousPrice, err = c.prices(ctx, p.Price.ID, p.oldID()); err != nil {
		return result, err
	}
	if rejection != nil {
		result.Price = nil // where Stripe has kept it, it is archived on both sides
	}
	return result, rejection
}

// priceChange is the frozen input of the operation.
type priceChange struct {
	ProductID       string    `json:"product_id"`
	ProductStripeID string    `json:"product_stripe_id"`
	Price           newPrice  `json:"price"`
	Old             *oldPrice `json:"old,omitempty"` // nil when the product had no price
	// DefaultPrice is the product's default price in Stripe before.
	DefaultPrice string `json:"default_price,omitempty"`
}

type oldPrice struct {
	ID        string `json:"id"`
	StripeID  string `json:"stripe_id"`
	LookupKey string `json:"lookup_key,omitempty"` // moves to the new price
}

func (p priceChange) oldID() string {
	if p.Old == nil {
		return ""
	}
	return p.Old.ID
}

// beginPriceChange checks the rules under the product's lock, and writes the
// new price, which nobody sees on sale yet, and the operation.
func (c *Catalog) beginPriceChange(ctx context.Context, tx *store.Tx, in UpdateProductPrice) (*ent.Operation, error) {
	product, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
	if err != nil {
		return nil, err
	}
	old, isDefault, err := in.replaced(ctx, tx, product)
	if err != nil {
		return nil, err
	}
	terms, err := in.terms(old)
	if err != nil {
		return nil, err
	}

	id := stripesync.NewID()
	p := priceChange{ProductID: product.ID, ProductStripeID: *product.StripeID}
	if p.Price, err = insertPrice(ctx, tx, product.ID, id, terms); err != nil {
		return nil, err
	}
	steps := []stripesync.StepOf[priceChange]{createNewPrice}
	if isDefault {
		steps = append(steps, makeDefault)
		if product.DefaultPriceID != nil { // which is the old price
			p.DefaultPrice = *old.StripeID
		}
	}
	if old != nil {
		steps = append(steps, archiveOldPrice)
		p.Old = &oldPrice{ID: old.ID, StripeID: *old.StripeID, LookupKey: billing.ValueOr(old.LookupKey, "")}
		p.Price.LookupKey = old.LookupKey
		if err := keepCurrencyOptions(ctx, tx, &p.Price, old); err != nil {
			return nil, err
		}
	}
	if err := showPending(ctx, tx, product.ID, id); err != nil {
		return nil, err
	}
	return c.priceChange.Begin(ctx, tx, stripesync.Beginning[priceChange]{
		ID: id, Subject: product.ID, Scope: product.ID, Params: p, Steps: steps,
	})
}

// terms are those of the new price: what the input leaves out is as in the old one.
func (in UpdateProductPrice) terms(old *ent.Price) (billing.PriceTerms, error) {
	if old == nil {
		return in.PriceChange.Of(nil)
	}
	if old.BillingScheme == billing.SchemeTiered || old.UsageType == billing.UsageMetered {
		return billing.PriceTerms{}, billing.Errorf(billing.CodeInvalidInput,
			"The price has tiers or is metered; only a price of one amount per unit can take the place of its like.").
			At("priceId").About(old.ID)
	}
	terms, err := in.PriceChange.Of(termsOf(old))
	if billing.IsCode(err, billing.CodePriceUnchanged) {
		err = billing.About(old.ID, err)
	}
	return terms, err
}

// replaced is the price that is replaced, nil when the product has none yet,
// and whether the new one becomes the default.
func (in UpdateProductPrice) replaced(ctx context.Context, tx *store.Tx, product *ent.Product) (old *ent.Price, isDefault bool, err error) {
	switch {
	case product.DefaultPriceID != nil && (in.PriceID == nil || *in.PriceID == *product.DefaultPriceID):
		old, err = tx.Price.Get(ctx, *product.DefaultPriceID)
		return old, true, err
	case in.PriceID == nil:
		return nil, true, nil
	}
	if old, err = ActivePrice(ctx, tx, *in.PriceID, "priceId"); err != nil {
		return nil, false, err
	}
	if old.ProductID != product.ID {
		return nil, false, billing.Errorf(billing.CodeNotFound, "The product %q has no price %q.", product.Name, *in.PriceID).At("priceId")
	}
	return old, product.DefaultPriceID == nil, nil
}

// priceChangeOperation is the change as it reaches Stripe. Stripe refuses to
// archive a price while it is its product's default, so the order is: create,
// make default, archive. The last two are left out where they do not apply.
func priceChangeOperation() *stripesync.Operation[priceChange] {
	return &stripesync.Operation[priceChange]{
		Kind:    billing.KindUpdateProductPrice,
		Steps:   []stripesync.StepOf[priceChange]{createNewPrice, makeDefault, archiveOldPrice},
		Finish:  finishPriceChange,
		Discard: discardPriceChange,
		Resolve: resolvePriceChange,
		Forget: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceChange]) error {
			return forgetPrice(ctx, tx, e.Params.Price, createNewPrice.Of(e.Operation).Price)
		},
		Mark: markProduct,
	}
}

type priceChangeCall = stripesync.Call[priceChange]

// createNewPrice takes the lookup key over from the old price. It is undone by two
// requests, or by the second one alone if the old price has no lookup key: that is given
// back, then the new price, which cannot be deleted, is archived. A refusal rejects
// the change. Spend is an update of the product that changes nothing.
var createNewPrice = &stripesync.Step[priceChange, createdPrice]{
	Name: "create_price",
	Do: func(c *priceChangeCall) (createdPrice, error) {
		return postPrice(c, c.Params.Price, c.Params.ProductStripeID, c.Params.Old != nil)
	},
	Find: func(c *priceChangeCall) (createdPrice, bool, error) {
		return findPrice(c, c.Params.ProductStripeID)
	},
	Spend: func(c *priceChangeCall) error { return spendKey(c, c.Params.ProductStripeID) },
	Undo: func(c *priceChangeCall, created *createdPrice) error {
		if old := c.Params.Old; old != nil && old.LookupKey != "" {
			_, err := c.Stripe.Prices.Update(old.StripeID, &stripe.PriceParams{
				Params:            c.Write("lookup_key"),
				LookupKey:         stripe.String(old.LookupKey),
				TransferLookupKey: stripe.Bool(true),
			})
			if err != nil && !isPriceGone(err) { // one that is gone wants no key
				return err
			}
		}
		return takeOffSale(c, created.Price)
	},
}

// makeDefault is undone by making the product's default price what it was. A refusal
// rejects the change.
var makeDefault = &stripesync.Step[priceChange, stripesync.Nothing]{
	Name: "set_default_price",
	Do: func(c *priceChangeCall) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, setDefaultPrice(c, c.Params.ProductStripeID, createNewPrice.Of(c.Op).Price)
	},
	Undo: func(c *priceChangeCall, _ *stripesync.Nothing) error {
		return setDefaultPrice(c, c.Params.ProductStripeID, c.Params.DefaultPrice)
	},
}

// archiveOldPrice is undone by putting the old price on sale again. A refusal rejects the
// change, unless Stripe does not have the old price: then the step is done.
var archiveOldPrice = &stripesync.Step[priceChange, stripesync.Nothing]{
	Name: "archive_old_price",
	Do: func(c *priceChangeCall) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, archiveIfPresent(c, c.Params.Old.StripeID)
	},
	Undo: func(c *priceChangeCall, _ *stripesync.Nothing) error {
		return putOnSale(c, c.Params.Old.StripeID)
	},
}

// finishPriceChange shows readers the new price in the place of the old one.
func finishPriceChange(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceChange]) error {
	if old := e.Params.Old; old != nil { // first, so that the lookup key is free
		if err := retirePrice(ctx, tx, old.ID, old.LookupKey != "", e.Now); err != nil {
			return err
		}
	}
	if err := showPrice(ctx, tx, e.Params.Price, createNewPrice.Of(e.Operation).Price, e.Now); err != nil {
		return err
	}
	return endProduct(ctx, tx, e.Params.ProductID, e.Now, func(u *ent.ProductUpdate) {
		if e.Has(makeDefault) {
			u.SetDefaultPriceID(e.Params.Price.ID)
		}
	})
}

func discardPriceChange(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceChange]) error {
	if err := dropPrice(ctx, tx, e.Params.Price, createNewPrice.Of(e.Operation).Price, e.Now); err != nil {
		return err
	}
	return markProduct(ctx, tx, e.Operation, e.Rejected)
}

// resolvePriceChange keeps the new price if Stripe has it.
func resolvePriceChange(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceChange]) ([]stripesync.Object, error) {
	objects, err := adoptPrice(ctx, tx, e.Params.Price, createNewPrice.Of(e.Operation).Price)
	if old := e.Params.Old; old != nil {
		objects = append(objects, stripesync.Object{Type: "price", ID: old.StripeID})
	}
	return append(objects, stripesync.Object{Type: "product", ID: e.Params.ProductStripeID}), err
}
