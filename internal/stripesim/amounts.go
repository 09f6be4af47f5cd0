package stripesim

import (
	"math/big"
	"strconv"
	"strings"
)

// How an amount follows from a quantity.
const (
	schemePerUnit  = "per_unit"
	schemeTiered   = "tiered"
	tiersGraduated = "graduated" // each tier for the units within it
	tiersVolume    = "volume"    // the tier of the whole quantity for all units
	usageMetered   = "metered"
)

// maxAmount is the largest amount in minor units that Stripe takes in a currency.
func maxAmount(currency string) int64 {
	switch currency {
	case "idr":
		return 999_999_999_999
	case "cop", "huf", "jpy", "lbp":
		return 9_999_999_999
	}
	return 99_999_999
}

// unitAmount is an amount in minor units, with up to twelve decimal places; whole is nil where it has some.
type unitAmount struct {
	whole   *int64
	decimal *string
}

// readUnitAmount reads an amount that is given as a whole number or as a decimal one.
func readUnitAmount(p *params, currency string) (amount unitAmount, given bool) {
	whole, decimal := p.integer("unit_amount"), p.text("unit_amount_decimal", 40)
	most := maxAmount(currency)
	switch {
	case whole != nil && decimal != nil:
		p.fail(invalid(p.name("unit_amount"), "You may only specify one of these parameters: unit_amount, unit_amount_decimal."))
		return amount, true
	case decimal != nil:
		return readDecimal(p, *decimal), true
	case whole == nil:
		return amount, false
	case *whole < 0:
		p.fail(invalid(p.name("unit_amount"), "Invalid non-negative integer").withCode("parameter_invalid_integer"))
	case *whole > most:
		p.fail(invalid(p.name("unit_amount"), "Amount must be no more than %d", most).withCode("amount_too_large"))
	}
	text := strconv.FormatInt(*whole, 10)
	return unitAmount{whole: whole, decimal: &text}, true
}

func readDecimal(p *params, text string) unitAmount {
	value, ok := new(big.Rat).SetString(text)
	_, places, _ := strings.Cut(text, ".")
	if !ok || strings.ContainsAny(text, "eE/_") || value.Sign() < 0 || len(places) > 12 {
		p.fail(invalid(p.name("unit_amount_decimal"), "Invalid decimal: %s; must be a non-negative decimal with at most 12 decimal places", text))
		return unitAmount{}
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	amount := unitAmount{decimal: &text}
	if value.IsInt() && value.Num().IsInt64() {
		whole := value.Num().Int64()
		amount.whole = &whole
	}
	return amount
}

// priceTier is what a tiered price charges up to a quantity.
type priceTier struct {
	FlatAmount        *int64  `json:"flat_amount"`
	FlatAmountDecimal *string `json:"flat_amount_decimal"`
	UnitAmount        *int64  `json:"unit_amount"`
	UnitAmountDecimal *string `json:"unit_amount_decimal"`
	UpTo              *int64  `json:"up_to"`
}

func readTiers(p *params, currency string) []priceTier {
	tiers := []priceTier{}
	for _, element := range p.objects("tiers") {
		amount, _ := readUnitAmount(element, currency)
		tier := priceTier{UnitAmount: amount.whole, UnitAmountDecimal: amount.decimal, FlatAmount: element.integer("flat_amount")}
		if tier.FlatAmount != nil {
			text := strconv.FormatInt(*tier.FlatAmount, 10)
			tier.FlatAmountDecimal = &text
		}
		switch upTo := element.text("up_to", 20); {
		case upTo == nil:
			element.missing("up_to")
		case *upTo != "inf":
			limit, err := strconv.ParseInt(*upTo, 10, 64)
			if err != nil {
				element.fail(invalid(element.name("up_to"), "Invalid integer: %s", *upTo))
			}
			tier.UpTo = &limit
		}
		tiers = append(tiers, tier)
	}
	if len(tiers) > 0 && tiers[len(tiers)-1].UpTo != nil {
		p.fail(invalid("tiers", "The final tier must have `up_to` set to `inf`."))
	}
	return tiers
}

// currencyOption is what a price charges in another currency than its own.
type currencyOption struct {
	CustomUnitAmount  *struct{} `json:"custom_unit_amount"`
	TaxBehavior       string    `json:"tax_behavior"`
	UnitAmount        *int64    `json:"unit_amount"`
	UnitAmountDecimal *string   `json:"unit_amount_decimal"`
}

func readCurrencyOptions(p *params) map[string]currencyOption {
	given := p.object("currency_options")
	if given == nil {
		return nil
	}
	options := map[string]currencyOption{}
	for _, currency := range given.fields.order {
		option := given.object(currency)
		currency = strings.ToLower(currency)
		amount, _ := readUnitAmount(option, currency)
		options[currency] = currencyOption{
			TaxBehavior: orDefault(option.choice("tax_behavior", "exclusive", "inclusive", "unspecified"), "unspecified"),
			UnitAmount:  amount.whole, UnitAmountDecimal: amount.decimal,
		}
	}
	return options
}

// cost is what a quantity costs, rounded to whole minor units. What is metered costs nothing here: the sandbox keeps no
// usage.
func (x *price) cost(quantity *int64) int64 {
	if quantity == nil {
		return 0
	}
	total := new(big.Rat)
	if x.BillingScheme != schemeTiered {
		return rounded(total.Mul(decimal(x.UnitAmountDecimal), big.NewRat(*quantity, 1)))
	}
	before := int64(0)
	for _, tier := range x.Tiers {
		last := tier.UpTo == nil || *tier.UpTo >= *quantity
		units := *quantity
		if orDefault(x.TiersMode, tiersGraduated) == tiersGraduated {
			if units = *quantity - before; !last {
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

// each describes what one unit costs.
func (x *price) each() string {
	if x.UnitAmount == nil {
		return "several amounts"
	}
	return inMajorUnits(*x.UnitAmount, x.Currency)
}

func decimal(text *string) *big.Rat {
	value, ok := new(big.Rat).SetString(orDefault(text, "0"))
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
