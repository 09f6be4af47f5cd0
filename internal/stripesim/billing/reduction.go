package billing

import "math/big"

// Reduction is what a coupon takes off: a percentage, or an amount once for all that it
// applies to.
type Reduction struct {
	Percent *string // of each amount
	Amount  int64   // in minor units, when there is no percentage
}

// Of is what the reduction takes off each of several amounts. Credits are not reduced,
// and nothing below zero.
func (r Reduction) Of(amounts []int64) []int64 {
	off := make([]int64, len(amounts))
	if r.Percent != nil {
		for i, amount := range amounts {
			off[i] = r.ofOne(amount)
		}
		return off
	}
	var total, before, used int64
	for _, amount := range amounts {
		total += max(amount, 0)
	}
	if total == 0 {
		return off
	}
	all := min(r.Amount, total)
	for i, amount := range amounts { // the rounded sums are shared out, so that no share is larger than its amount
		before += max(amount, 0)
		upToHere := new(big.Int).Div(new(big.Int).Mul(big.NewInt(all), big.NewInt(before)), big.NewInt(total)).Int64()
		off[i] = upToHere - used
		used = upToHere
	}
	return off
}

func (r Reduction) ofOne(amount int64) int64 {
	if amount <= 0 || r.Percent == nil {
		return 0
	}
	return min(amount, rounded(new(big.Rat).Mul(decimal(r.Percent), big.NewRat(amount, 100))))
}
