package billing

import "math/big"

// Reduction is what a coupon takes off: a percentage, or an amount once for all that it applies to.
type Reduction struct {
	Percent *string // of each amount
	Amount  int64   // in minor units, when there is no percentage
}

// Of is what the reduction takes off each of several amounts. Credits are not reduced, and nothing below zero.
func (r Reduction) Of(amounts []int64) []int64 {
	off := make([]int64, len(amounts))
	if r.Percent != nil {
		for i, amount := range amounts {
			off[i] = r.ofOne(amount)
		}
		return off
	}
	var total, used int64
	last := -1
	for i, amount := range amounts {
		if amount > 0 {
			total, last = total+amount, i
		}
	}
	all := min(r.Amount, total)
	for i, amount := range amounts {
		switch {
		case amount <= 0:
			continue
		case i == last:
			off[i] = all - used // what rounding has left
		default:
			off[i] = new(big.Int).Div(new(big.Int).Mul(big.NewInt(all), big.NewInt(amount)), big.NewInt(total)).Int64()
		}
		used += off[i]
	}
	return off
}

func (r Reduction) ofOne(amount int64) int64 {
	if amount <= 0 || r.Percent == nil {
		return 0
	}
	return min(amount, rounded(new(big.Rat).Mul(decimal(r.Percent), big.NewRat(amount, 100))))
}
