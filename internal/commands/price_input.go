package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// PriceInput is a new price.
type PriceInput struct {
	UnitAmount int64
	Currency   string
	Recurring  *billing.Recurring
	LookupKey  *string
	Nickname   *string
}

// check checks a price that stands in an input below a path.
func (in PriceInput) check(path ...string) error {
	field := func(name string) []string { return append(append([]string{}, path...), name) }
	currency, err := billing.ParseCurrency(in.Currency)
	if err != nil {
		return at(err, field("currency")...)
	}
	if in.Recurring != nil {
		if err := billing.CheckRecurring(*in.Recurring); err != nil {
			return at(err, field("recurring")...)
		}
	}
	if in.LookupKey != nil {
		if err := billing.CheckText("lookup key", *in.LookupKey, billing.MaxLookupKey); err != nil {
			return at(err, field("lookupKey")...)
		}
	}
	return first(
		at(billing.CheckUnitAmount(billing.Money{Amount: in.UnitAmount, Currency: currency}), field("unitAmount")...),
		at(billing.CheckOptionalText("nickname", valueOr(in.Nickname, ""), billing.MaxNickname), field("nickname")...),
	)
}

// terms are the checked input's.
func (in PriceInput) terms() billing.PriceTerms {
	currency, _ := billing.ParseCurrency(in.Currency) // checked
	return billing.PriceTerms{
		Money:     billing.Money{Amount: in.UnitAmount, Currency: currency},
		Recurring: in.Recurring,
		Nickname:  valueOr(in.Nickname, ""),
	}
}

// checkLookupKeyFree refuses a key that a price here has already, before
// Stripe does.
func checkLookupKeyFree(ctx context.Context, tx *store.Tx, key *string, path ...string) error {
	if key == nil {
		return nil
	}
	holder, err := tx.Price.Query().Where(price.LookupKey(*key)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return billing.Errorf(billing.CodeInvalidInput, "Another price has the lookup key %q.", *key).
		About(holder).At(path...)
}

// createPrice writes the intent of a price, which nobody can subscribe to yet.
func createPrice(ctx context.Context, tx *store.Tx, productID string, t billing.PriceTerms) (*ent.Price, error) {
	create := tx.Price.Create().
		SetProductID(productID).
		SetUnitAmount(t.Money.Amount).
		SetCurrency(t.Money.Currency).
		SetNickname(t.Nickname).
		SetStatus(billing.PricePending).
		SetStripeStatus(billing.SyncPending)
	if t.Recurring != nil {
		create.SetInterval(t.Recurring.Interval).SetIntervalCount(t.Recurring.IntervalCount)
	}
	return create.Save(ctx)
}

// termsOf are an existing price's.
func termsOf(p *ent.Price) billing.PriceTerms {
	return billing.PriceTerms{
		Money:     billing.Money{Amount: p.UnitAmount, Currency: p.Currency},
		Recurring: stripesync.Recurring(p),
		Nickname:  p.Nickname,
	}
}
