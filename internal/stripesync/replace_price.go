package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// replacePrice puts a new price in the place of an old one, everywhere or
// nowhere. Stripe refuses to archive a price while it is its product's
// default, so the order is: create, make default, archive. The last two are
// left out where they do not apply.
func replacePrice() *Operation[catalogParams] {
	return &Operation[catalogParams]{
		Steps: []Step[catalogParams]{createPriceStep, setDefaultPriceStep, archiveOldPriceStep},
		Finish: func(ctx context.Context, tx *store.Tx, d *catalogDone) error {
			product := endProduct(tx, d)
			if d.has(setDefaultPriceStep.Name) {
				product.SetDefaultPriceID(d.Params.Price.ID)
			}
			if d.Params.Old != nil { // first, so that the lookup key is free
				if err := retirePrice(ctx, tx, d); err != nil {
					return err
				}
			}
			if err := showPrice(ctx, tx, d); err != nil {
				return err
			}
			return product.Exec(ctx)
		},
		Discard: discardCatalog,
	}
}

// PriceReplacement is the input of [Engine.ReplacePrice].
type PriceReplacement struct {
	Product *ent.Product
	// Old is the price to replace; nil when the product has none yet.
	Old *ent.Price
	// New is the row of the new price, still PENDING.
	New *ent.Price
	// MakeDefault says that the new price becomes the product's default.
	MakeDefault bool
	// Default is the product's default price so far, if it has one.
	Default *ent.Price
}

// ReplacePrice begins a price change in the caller's transaction.
func (e *Engine) ReplacePrice(ctx context.Context, tx *store.Tx, r PriceReplacement) (*ent.Operation, error) {
	p := catalogParams{ProductID: r.Product.ID, ProductStripeID: *r.Product.StripeID, Price: freezePrice(r.New, "")}
	steps := []Step[catalogParams]{createPriceStep}
	if r.MakeDefault {
		steps = append(steps, setDefaultPriceStep)
		if r.Default != nil {
			p.DefaultPrice = *r.Default.StripeID
		}
	}
	if r.Old != nil {
		steps = append(steps, archiveOldPriceStep)
		p.Old = &oldPrice{ID: r.Old.ID, StripeID: *r.Old.StripeID}
		if r.Old.LookupKey != nil {
			p.Old.LookupKey, p.Price.LookupKey = *r.Old.LookupKey, *r.Old.LookupKey
		}
	}
	return e.beginCatalog(ctx, tx, billing.KindUpdateProductPrice, p, r.Product.ID, steps...)
}
