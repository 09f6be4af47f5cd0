package catalog

import (
	"math/big"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
)

// unitAmount is an amount in minor units, with up to twelve decimal places; whole is
// nil where it has some.
type unitAmount struct {
	whole   *int64
	decimal *string
}

// readUnitAmount reads an amount that is given as a whole number or as a decimal one.
func readUnitAmount(p *form.Params, currency string) (amount unitAmount, given bool) {
	whole, decimal := p.Integer("unit_amount"), p.Text("unit_amount_decimal", 40)
	most := billing.MaxAmount(currency)
	switch {
	case whole != nil && decimal != nil:
		p.Fail(apierror.Invalid(p.Name("unit_amount"), "You may only specify one of these parameters: unit_amount, unit_amount_decimal."))
		return amount, true
	case decimal != nil:
		return readDecimal(p, *decimal), true
	case whole == nil:
		return amount, false
	case *whole < 0:
		p.Fail(apierror.Invalid(p.Name("unit_amount"), "Invalid non-negative integer").WithCode("parameter_invalid_integer"))
	case *whole > most:
		p.Fail(apierror.Invalid(p.Name("unit_amount"), "Amount must be no more than %d", most).WithCode("amount_too_large"))
	}
	text := strconv.FormatInt(*whole, 10)
	return unitAmount{whole: whole, decimal: &text}, true
}

func readDecimal(p *form.Params, text string) unitAmount {
	value, ok := new(big.Rat).SetString(text)
	_, places, _ := strings.Cut(text, ".")
	if !ok || strings.ContainsAny(text, "eE/_") || value.Sign() < 0 || len(places) > 12 {
		p.Fail(apierror.Invalid(p.Name("unit_amount_decimal"), "Invalid decimal: %s; must be a non-negative decimal with at most 12 decimal places", text))
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

func readTiers(p *form.Params, currency string) []billing.PriceTier {
	tiers := []billing.PriceTier{}
	for _, element := range p.Objects("tiers") {
		amount, _ := readUnitAmount(element, currency)
		tier := billing.PriceTier{UnitAmount: amount.whole, UnitAmountDecimal: amount.decimal, FlatAmount: element.Integer("flat_amount")}
		if tier.FlatAmount != nil {
			text := strconv.FormatInt(*tier.FlatAmount, 10)
			tier.FlatAmountDecimal = &text
		}
		switch upTo := element.Text("up_to", 20); {
		case upTo == nil:
			element.Missing("up_to")
		case *upTo != "inf":
			limit, err := strconv.ParseInt(*upTo, 10, 64)
			if err != nil {
				element.Fail(apierror.Invalid(element.Name("up_to"), "Invalid integer: %s", *upTo))
			}
			tier.UpTo = &limit
		}
		tiers = append(tiers, tier)
	}
	if len(tiers) > 0 && tiers[len(tiers)-1].UpTo != nil {
		p.Fail(apierror.Invalid("tiers", "The final tier must have `up_to` set to `inf`."))
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

func readCurrencyOptions(p *form.Params) map[string]currencyOption {
	given := p.Object("currency_options")
	if given == nil {
		return nil
	}
	options := map[string]currencyOption{}
	for _, currency := range given.Fields.Order {
		option := given.Object(currency)
		currency = strings.ToLower(currency)
		amount, _ := readUnitAmount(option, currency)
		options[currency] = currencyOption{
			TaxBehavior: form.OrDefault(option.Choice("tax_behavior", "exclusive", "inclusive", "unspecified"), "unspecified"),
			UnitAmount:  amount.whole, UnitAmountDecimal: amount.decimal,
		}
	}
	return options
}

// Cost is what a quantity costs. What is metered costs nothing here: the sandbox keeps
// no usage.
func (x *Price) Cost(quantity *int64) int64 {
	switch {
	case quantity == nil:
		return 0
	case x.BillingScheme == billing.SchemeTiered:
		return billing.TieredCost(x.Tiers, form.OrDefault(x.TiersMode, billing.TiersGraduated), *quantity)
	}
	return billing.PerUnitCost(x.UnitAmountDecimal, *quantity)
}

// Each describes what one unit costs.
func (x *Price) Each() string {
	if x.UnitAmount == nil {
		return "several amounts"
	}
	return billing.InMajorUnits(*x.UnitAmount, x.Currency)
}
