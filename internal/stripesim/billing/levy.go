package billing

import "math/big"

// Levy is a tax on an amount, contained in it or added to it.
type Levy struct {
	Percentage string
	Inclusive  bool
}

// Taxes are what several levies come to on an amount, each rounded to whole minor
// units, and the amount without the ones that it contains.
func Taxes(amount int64, levies []Levy) (taxes []int64, net int64) {
	contained := big.NewRat(100, 1)
	for _, levy := range levies {
		if levy.Inclusive {
			contained.Add(contained, decimal(&levy.Percentage))
		}
	}
	base := new(big.Rat).Quo(big.NewRat(100, 1), contained)
	base.Mul(base, new(big.Rat).SetInt64(amount))
	net = amount
	for _, levy := range levies {
		tax := new(big.Rat).Mul(base, decimal(&levy.Percentage))
		whole := rounded(tax.Quo(tax, big.NewRat(100, 1)))
		taxes = append(taxes, whole)
		if levy.Inclusive {
			net -= whole
		}
	}
	return taxes, net
}
