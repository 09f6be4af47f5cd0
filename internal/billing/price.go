package billing

import "slices"

// Recurring is the period of a price that is paid again and again.
type Recurring struct {
	Interval      BillingInterval `json:"interval"`
	IntervalCount int             `json:"interval_count"`
}

// CheckRecurring holds a period to Stripe's limit of three years
// (https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count).
func CheckRecurring(r Recurring) error {
	most := map[BillingInterval]int{IntervalDay: 1095, IntervalWeek: 156, IntervalMonth: 36, IntervalYear: 3}[r.Interval]
	if r.IntervalCount < 1 || r.IntervalCount > most {
		return Errorf(CodeInvalidInput, "A period of %s can be 1 to %d of them, not %d.", r.Interval, most, r.IntervalCount)
	}
	return nil
}

// PriceTerms are what makes a price the price it is: the input of a new one,
// and what an existing one charges. Stripe lets only the lookup key and the
// nickname change once the price exists.
type PriceTerms struct {
	UnitAmount int64  // in minor units of the currency
	Currency   string // ISO 4217; upper case once it is checked
	Recurring  *Recurring
	LookupKey  *string
	Nickname   *string
}

// PriceTier is what a tiered price charges up to a quantity.
type PriceTier struct {
	UpTo       *int64 `json:"up_to,omitempty"`       // nil for the last tier
	UnitAmount *Money `json:"unit_amount,omitempty"` // nil for none, or one that is not whole
	FlatAmount *Money `json:"flat_amount,omitempty"`
}

// Checked returns the terms with the currency in upper case. An input field at
// fault is INVALID_INPUT and named.
func (t PriceTerms) Checked() (PriceTerms, error) {
	currency, err := ParseCurrency(t.Currency)
	if err != nil {
		return t, At(err, "currency")
	}
	t.Currency = currency
	return t, First(
		t.checkText(),
		At(CheckUnitAmount(Money{Amount: t.UnitAmount, Currency: currency}), "unitAmount"),
	)
}

// checkText checks what does not depend on the currency.
func (t PriceTerms) checkText() error {
	if t.Recurring != nil {
		if err := CheckRecurring(*t.Recurring); err != nil {
			return At(err, "recurring")
		}
	}
	if t.LookupKey != nil {
		if err := CheckText("lookup key", *t.LookupKey, MaxLookupKey); err != nil {
			return At(err, "lookupKey")
		}
	}
	return CheckOptional("nickname", t.Nickname, MaxNickname, "nickname")
}

// Equal reports whether two prices would charge the same under the same name.
func (t PriceTerms) Equal(u PriceTerms) bool {
	sameRecurring := t.Recurring == u.Recurring ||
		t.Recurring != nil && u.Recurring != nil && *t.Recurring == *u.Recurring
	return t.UnitAmount == u.UnitAmount && t.Currency == u.Currency && sameRecurring &&
		ValueOr(t.Nickname, "") == ValueOr(u.Nickname, "")
}

// PriceChange is what of a price's terms is to be another one. What is nil
// stays as it is.
type PriceChange struct {
	UnitAmount int64
	Currency   *string
	Recurring  *Recurring
	Nickname   *string // an empty one removes it
}

// Of are the checked terms of the price that takes the place of an old one;
// nil when there is none, which needs a currency then. An input field at fault
// is INVALID_INPUT, and a change that changes nothing PRICE_UNCHANGED.
func (c PriceChange) Of(old *PriceTerms) (PriceTerms, error) {
	var t PriceTerms
	if old != nil {
		t = *old
		t.LookupKey = nil // it moves to the new price by itself
	}
	t.UnitAmount = c.UnitAmount
	if c.Currency != nil {
		t.Currency = *c.Currency
	}
	if t.Currency == "" && c.Currency == nil {
		return t, Errorf(CodeInvalidInput, "The product has no price yet; name the currency of the new one.").At("currency")
	}
	if c.Recurring != nil {
		t.Recurring = c.Recurring
	}
	if c.Nickname != nil {
		t.Nickname = c.Nickname
	}
	t, err := t.Checked()
	if err == nil && old != nil && t.Equal(*old) {
		err = Errorf(CodePriceUnchanged, "The new price would be the same as the old one.").At("unitAmount")
	}
	return t, err
}

// CheckUnitAmount checks the amount of a new price. Stripe writes the amounts
// of three-decimal currencies with a zero as the last digit, and those of ISK
// and UGX, which lost their decimals, as if they still had two
// (https://docs.stripe.com/currencies#special-cases).
func CheckUnitAmount(m Money) error {
	switch {
	case m.Amount <= 0:
		return Errorf(CodeInvalidInput, "An amount must be at least 1 minor unit, not %d.", m.Amount)
	case m.Amount > MaxAmount(m.Currency):
		return Errorf(CodeInvalidInput, "An amount of %s can be at most %d minor units, not %d.", m.Currency, MaxAmount(m.Currency), m.Amount)
	case slices.Contains([]string{"BHD", "JOD", "KWD", "OMR", "TND"}, m.Currency) && m.Amount%10 != 0:
		return Errorf(CodeInvalidInput, "Stripe needs the amounts of %s to end in a zero; %d does not.", m.Currency, m.Amount)
	case slices.Contains([]string{"ISK", "UGX"}, m.Currency) && m.Amount%100 != 0:
		return Errorf(CodeInvalidInput, "Stripe needs the amounts of %s to end in two zeros; %d does not.", m.Currency, m.Amount)
	}
	return nil
}
