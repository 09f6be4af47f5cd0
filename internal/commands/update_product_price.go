package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// UpdateProductPrice is the input of [Commands.UpdateProductPrice]. What is
// left out is as in the price that is replaced.
type UpdateProductPrice struct {
	ProductID  string
	PriceID    *string // nil: the default price
	UnitAmount int64
	Currency   *string
	// Recurring counts when RecurringGiven; nil makes a price that is paid
	// once.
	Recurring      *billing.Recurring
	RecurringGiven bool    `json:",omitempty"` // left out, it does not count for the idempotency key
	Nickname       *string // an empty one removes it
	IdempotencyKey *string
}

func (in UpdateProductPrice) check() error {
	if in.PriceID != nil {
		if err := checkID("price", billing.PricePrefix, *in.PriceID, "priceId"); err != nil {
			return err
		}
	}
	return first(
		checkID("product", billing.ProductPrefix, in.ProductID, "productId"),
		PriceInput{
			UnitAmount: in.UnitAmount, Currency: valueOr(in.Currency, "USD"), Recurring: in.Recurring, Nickname: in.Nickname,
		}.check(),
	)
}

// UpdateProductPrice replaces a price everywhere or nowhere: a new one is
// created, made the default when the old one was, and the old one archived.
func (c *Commands) UpdateProductPrice(ctx context.Context, in UpdateProductPrice) (PriceResult, error) {
	op, err := c.run(ctx, mutation{
		name: "updateProductPrice", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			product, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			change, err := in.replacement(ctx, tx, product)
			if err != nil {
				return nil, err
			}
			terms, err := in.terms(change.Old)
			if err != nil {
				return nil, err
			}
			if change.New, err = createPrice(ctx, tx, product.ID, terms); err != nil {
				return nil, err
			}
			return c.sync.ReplacePrice(ctx, tx, *change)
		},
	})
	return c.priceResult(ctx, op, err)
}

// replacement finds out which price is replaced, and whether the new one
// becomes the default.
func (in UpdateProductPrice) replacement(ctx context.Context, tx *store.Tx, product *ent.Product) (*stripesync.PriceReplacement, error) {
	r := &stripesync.PriceReplacement{Product: product, MakeDefault: product.DefaultPriceID == nil}
	var err error
	if product.DefaultPriceID != nil {
		if r.Default, err = tx.Price.Get(ctx, *product.DefaultPriceID); err != nil {
			return nil, err
		}
	}
	if in.PriceID == nil || r.Default != nil && r.Default.ID == *in.PriceID {
		r.Old, r.MakeDefault = r.Default, true
		return r, nil
	}
	if r.Old, err = activePrice(ctx, tx, *in.PriceID, "priceId"); err != nil {
		return nil, err
	}
	if r.Old.ProductID != product.ID {
		return nil, billing.Errorf(billing.CodeNotFound, "The product %q has no price %q.", product.Name, *in.PriceID).At("priceId")
	}
	return r, nil
}

// terms are those of the new price.
func (in UpdateProductPrice) terms(old *ent.Price) (billing.PriceTerms, error) {
	var t billing.PriceTerms
	switch {
	case old != nil:
		t = termsOf(old)
	case in.Currency == nil:
		return t, billing.Errorf(billing.CodeInvalidInput, "The product has no price yet; name the currency of the new one.").At("currency")
	}
	t.Money.Amount = in.UnitAmount
	if in.Currency != nil {
		currency, err := billing.ParseCurrency(*in.Currency)
		if err != nil {
			return t, at(err, "currency")
		}
		t.Money.Currency = currency
	}
	if err := billing.CheckUnitAmount(t.Money); err != nil {
		return t, at(err, "unitAmount")
	}
	if in.RecurringGiven {
		t.Recurring = in.Recurring
	}
	if in.Nickname != nil {
		t.Nickname = *in.Nickname
	}
	if old != nil && t.Equal(termsOf(old)) {
		return t, billing.Errorf(billing.CodePriceUnchanged, "The new price would be the same as the old one.").At("unitAmount").About(old.ID)
	}
	return t, nil
}
