package billing

// Recurring is the period of a price that is paid again and again.
type Recurring struct {
	Interval      BillingInterval `json:"interval"`
	IntervalCount int             `json:"interval_count"`
}

// CheckRecurring holds a period to Stripe's limit of three years.
func CheckRecurring(r Recurring) error {
	most := map[BillingInterval]int{IntervalDay: 1095, IntervalWeek: 156, IntervalMonth: 36, IntervalYear: 3}[r.Interval]
	if r.IntervalCount < 1 || r.IntervalCount > most {
		return Errorf(CodeInvalidInput, "A period of %s can be 1 to %d of them, not %d.", r.Interval, most, r.IntervalCount)
	}
	return nil
}

// PriceTerms are what makes a price the price it is. Stripe does not let them
// change once the price exists, the nickname apart.
type PriceTerms struct {
	Money     Money
	Recurring *Recurring // nil: paid once
	Nickname  string
}

// Equal reports whether two prices would charge the same under the same name.
func (t PriceTerms) Equal(u PriceTerms) bool {
	sameRecurring := t.Recurring == u.Recurring ||
		t.Recurring != nil && u.Recurring != nil && *t.Recurring == *u.Recurring
	return t.Money == u.Money && t.Nickname == u.Nickname && sameRecurring
}
