package billing

import (
	"math"
	"math/big"
	"time"

	"tallystick/internal/stripesim/form"
)

// How an amount follows from a quantity.
const (
	SchemePerUnit  = "per_unit"
	SchemeTiered   = "tiered"
	TiersGraduated = "graduated" // each tier for the units within it
	TiersVolume    = "volume"    // the tier of the whole quantity for all units
	UsageMetered   = "metered"
)

// PriceTier is what a tiered price charges up to a quantity.
type PriceTier struct {
	FlatAmount        *int64  `json:"flat_amount"`
	FlatAmountDecimal *string `json:"flat_amount_decimal"`
	UnitAmount        *int64  `json:"unit_amount"`
	UnitAmountDecimal *string `json:"unit_amount_decimal"`
	UpTo              *int64  `json:"up_to"`
}

// PerUnitCost is what a quantity costs at so much for each, rounded to whole minor units.
func PerUnitCost(unitAmount *string, quantity int64) int64 {
	return rounded(new(big.Rat).Mul(decimal(unitAmount), big.NewRat(quantity, 1)))
}

// TieredCost is what a quantity costs in tiers, rounded to whole minor units. Mode is
// tiersGraduated or tiersVolume.
func TieredCost(tiers []PriceTier, mode string, quantity int64) int64 {
	total, before := new(big.Rat), int64(0)
	for _, tier := range tiers {
		last := tier.UpTo == nil || *tier.UpTo >= quantity
		units := quantity
		if mode == TiersGraduated {
			if units = quantity - before; !last {
				units = *tier.UpTo - before
			}
			before += units
		} else if !last {
			continue
		}
		total.Add(total, new(big.Rat).Mul(decimal(tier.UnitAmountDecimal), big.NewRat(units, 1)))
		if tier.FlatAmount != nil {
			total.Add(total, big.NewRat(*tier.FlatAmount, 1))
		}
		if last {
			break
		}
	}
	return rounded(total)
}

// UnusedShare is what the rest of a period comes to of what the whole period costs.
func UnusedShare(cost, start, end, now int64) int64 {
	left := float64(max(end-now, 0)) / float64(end-start)
	return int64(math.Round(float64(cost) * left))
}

// CostOver is what a time costs that need not be a whole number of periods, each of
// which costs the same.
func CostOver(cost, start, end int64, terms *Recurring) int64 {
	at := func(n int) int64 {
		return AddIntervals(time.Unix(start, 0).UTC(), terms.Interval, n*int(terms.IntervalCount)).Unix()
	}
	whole := 0
	for at(whole+1) <= end {
		whole++
	}
	part := float64(end-at(whole)) / float64(at(whole+1)-at(whole))
	return int64(whole)*cost + int64(math.Round(float64(cost)*part))
}

func decimal(text *string) *big.Rat {
	value, ok := new(big.Rat).SetString(form.OrDefault(text, "0"))
	if !ok {
		return new(big.Rat)
	}
	return value
}

// rounded is the nearest whole number, and the larger one of two that are as near.
func rounded(value *big.Rat) int64 {
	twice := new(big.Rat).Add(new(big.Rat).Mul(value, big.NewRat(2, 1)), big.NewRat(1, 1))
	return new(big.Int).Div(twice.Num(), new(big.Int).Mul(twice.Denom(), big.NewInt(2))).Int64()
}
