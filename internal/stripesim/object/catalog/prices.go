package catalog

import (
	"encoding/json"
	"slices"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// maxIntervalCount is how many of each interval make up the three years that a billing
// period may last.
var maxIntervalCount = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

// Price is what a product costs.
type Price struct {
	state.Record
	Active            bool               `json:"active"`
	Currency          string             `json:"currency"`
	LookupKey         *string            `json:"lookup_key"`
	Metadata          map[string]string  `json:"metadata"`
	Nickname          *string            `json:"nickname"`
	Product           string             `json:"product"`
	Recurring         *billing.Recurring `json:"recurring"`
	TaxBehavior       string             `json:"tax_behavior"`
	Type              string             `json:"type"`
	UnitAmount        *int64             `json:"unit_amount"`
	UnitAmountDecimal *string            `json:"unit_amount_decimal"`
	BillingScheme     string             `json:"billing_scheme"`
	TiersMode         *string            `json:"tiers_mode"`
	// Shown only where a request expands them.
	Tiers           []billing.PriceTier       `json:"tiers"`
	CurrencyOptions map[string]currencyOption `json:"currency_options"`
}

// UnmarshalJSON also reads prices of the time when all had one amount per unit.
func (x *Price) UnmarshalJSON(b []byte) error {
	type plain Price
	x.BillingScheme = billing.SchemePerUnit
	return json.Unmarshal(b, (*plain)(x))
}

// priceTerms are what a price says and can never change.
type priceTerms struct {
	currency    string
	amount      unitAmount
	recurring   *billing.Recurring
	taxBehavior *string
	tiers       []billing.PriceTier // nil for a price per unit
	tiersMode   *string
	options     map[string]currencyOption
}

func readPriceTerms(p *form.Params) priceTerms {
	terms := priceTerms{
		currency:    readCurrency(p),
		recurring:   readRecurring(p),
		taxBehavior: p.Choice("tax_behavior", "exclusive", "inclusive", "unspecified"),
	}
	terms.options = readCurrencyOptions(p)
	tiered := form.OrDefault(p.Choice("billing_scheme", billing.SchemePerUnit, billing.SchemeTiered), billing.SchemePerUnit) == billing.SchemeTiered
	tiers, mode := readTiers(p, terms.currency), p.Choice("tiers_mode", billing.TiersGraduated, billing.TiersVolume)
	switch {
	case tiered && mode == nil:
		p.Missing("tiers_mode")
	case tiered:
		terms.tiers, terms.tiersMode = tiers, mode
		if len(tiers) == 0 {
			p.Missing("tiers")
		}
		return terms
	case len(tiers) > 0 || mode != nil:
		p.Fail(apierror.Invalid("tiers", "`tiers` can only be used when `billing_scheme` is `tiered`."))
	}
	amount, given := readUnitAmount(p, terms.currency)
	if !given {
		p.Fail(apierror.Invalid(p.Path, "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."))
	}
	terms.amount = amount
	return terms
}

// CheckCurrency refuses what is no currency of Stripe's.
func CheckCurrency(p *form.Params, currency string) {
	if !slices.Contains(billing.Currencies, strings.ToLower(currency)) {
		p.Fail(apierror.Invalid(p.Name("currency"), "Invalid currency: %s. Stripe currently supports these currencies: %s",
			currency, strings.Join(billing.Currencies, ", ")))
	}
}

func readCurrency(p *form.Params) string {
	currency := strings.ToLower(p.Required("currency", form.MaxText))
	if currency != "" {
		CheckCurrency(p, currency)
	}
	return currency
}

func readRecurring(p *form.Params) *billing.Recurring {
	r := p.Object("recurring")
	if r == nil {
		return nil
	}
	terms := &billing.Recurring{UsageType: "licensed", IntervalCount: 1}
	interval := r.Choice("interval", "day", "month", "week", "year")
	if interval == nil {
		r.Missing("interval")
		return nil
	}
	terms.Interval = *interval
	if count := r.Integer("interval_count"); count != nil {
		terms.IntervalCount = *count
	}
	switch limit := maxIntervalCount[terms.Interval]; {
	case terms.IntervalCount < 1:
		r.Fail(apierror.Invalid(r.Name("interval_count"), "This value must be greater than or equal to 1.").WithCode("parameter_invalid_integer"))
	case terms.IntervalCount > limit:
		r.Fail(apierror.Invalid(r.Name("interval_count"), "Invalid value: the maximum interval is three years, which is %d for the interval %s.", limit, terms.Interval))
	}
	terms.TrialPeriodDays = r.Between("trial_period_days", 1, 730)
	form.Set(&terms.UsageType, r.Choice("usage_type", "licensed", billing.UsageMetered))
	if aggregate := r.Choice("aggregate_usage", "last_during_period", "last_ever", "max", "sum"); aggregate != nil {
		terms.AggregateUsage = aggregate
	} else if terms.UsageType == billing.UsageMetered {
		sum := "sum"
		terms.AggregateUsage = &sum
	}
	return terms
}

func newPrice(t *state.Tx, productID string, terms priceTerms) *Price {
	made := &Price{
		Record: t.NewRecord("price", "price_1"), Active: true, Product: productID, Metadata: map[string]string{},
		Currency: terms.currency, Recurring: terms.recurring, Type: "one_time",
		TaxBehavior:   form.OrDefault(terms.taxBehavior, "unspecified"),
		BillingScheme: billing.SchemePerUnit, UnitAmount: terms.amount.whole, UnitAmountDecimal: terms.amount.decimal,
		CurrencyOptions: terms.options,
	}
	if terms.tiers != nil {
		made.BillingScheme, made.Tiers, made.TiersMode = billing.SchemeTiered, terms.tiers, terms.tiersMode
	}
	if terms.recurring != nil {
		made.Type = "recurring"
	}
	return made
}

// priceLabels are what can change on a price.
type priceLabels struct {
	active              *bool
	nickname, lookupKey *string
	transferLookupKey   bool
	metadata            form.MetadataChange
}

func readPriceLabels(p *form.Params) priceLabels {
	return priceLabels{
		active:            p.Boolean("active"),
		nickname:          p.Clearable("nickname", form.MaxText),
		lookupKey:         p.Clearable("lookup_key", 200),
		transferLookupKey: form.OrDefault(p.Boolean("transfer_lookup_key"), false),
		metadata:          p.Metadata(),
	}
}

// labelPrice applies the labels to a price. A lookup key that another price holds is
// taken from it, or the request refused.
func labelPrice(t *state.Tx, x *Price, labels priceLabels) (err error) {
	if key := labels.lookupKey; key != nil && *key != "" {
		if err := takeLookupKey(t, *key, x.ID, labels.transferLookupKey); err != nil {
			return err
		}
	}
	form.Set(&x.Active, labels.active)
	form.SetNullable(&x.Nickname, labels.nickname)
	form.SetNullable(&x.LookupKey, labels.lookupKey)
	x.Metadata, err = labels.metadata.ApplyTo(x.Metadata)
	return err
}

func takeLookupKey(t *state.Tx, key, forPrice string, transfer bool) error {
	holders, err := state.FindAll[Price](t, "price", state.Equal("lookup_key", key))
	if err != nil {
		return err
	}
	for _, holder := range holders {
		if holder.ID == forPrice {
			continue
		}
		if !transfer {
			return apierror.Invalid("lookup_key", "A price (`%s`) already uses that lookup key.", holder.ID)
		}
		holder.LookupKey = nil
		if err := storeChange(t, holder); err != nil {
			return err
		}
	}
	return nil
}

func createPrice(c *state.Request) (any, error) {
	terms := readPriceTerms(c.Params)
	labels := readPriceLabels(c.Params)
	productID := c.Params.Text("product", form.MaxText)
	newProduct := readProductData(c.Params)
	switch {
	case productID == nil && newProduct == nil:
		c.Params.Missing("product")
	case productID != nil && newProduct != nil:
		c.Params.Fail(apierror.Invalid("product_data", "You may only specify one of these parameters: product, product_data."))
	}
	if err := c.Params.Done("custom_unit_amount", "transform_quantity"); err != nil {
		return nil, err
	}
	owner, err := productOfNewPrice(c.Tx, productID, newProduct)
	if err != nil {
		return nil, err
	}
	made := newPrice(c.Tx, owner, terms)
	if err := labelPrice(c.Tx, made, labels); err != nil {
		return nil, err
	}
	return made, storeNew(c.Tx, made)
}

// productData describes a product that is made along with its price.
type productData struct {
	id     *string
	name   string
	change productChange
}

func readProductData(p *form.Params) *productData {
	data := p.Object("product_data")
	if data == nil {
		return nil
	}
	return &productData{
		id: data.Text("id", form.MaxText), name: data.Required("name", form.MaxText),
		change: productChange{
			active: data.Boolean("active"), descriptor: data.Clearable("statement_descriptor", 22),
			taxCode: data.Clearable("tax_code", form.MaxText), unitLabel: data.Clearable("unit_label", 12),
			metadata: data.Metadata(),
		},
	}
}

func productOfNewPrice(t *state.Tx, id *string, data *productData) (string, error) {
	if id != nil {
		owner, err := state.Find[Product](t, "product", *id, apierror.UnknownReference("product", *id, "product"))
		if err != nil {
			return "", err
		}
		return owner.ID, nil
	}
	made := newProduct(t, data.name)
	form.Set(&made.ID, data.id)
	if _, _, err := t.Body(made.ID); err == nil {
		return "", apierror.Invalid("product_data[id]", "Product already exists.").WithCode("resource_already_exists")
	}
	if err := data.change.applyTo(made); err != nil {
		return "", err
	}
	return made.ID, t.Create(made, "product.created")
}

func getPrice(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedPrice(c)
}

// namedPrice is the one that the URL names.
func namedPrice(c *state.Request) (*Price, error) {
	return state.Find[Price](c.Tx, "price", c.ID(), apierror.NotFound("price", c.ID(), "price"))
}

func updatePrice(c *state.Request) (any, error) {
	labels := readPriceLabels(c.Params)
	taxBehavior := c.Params.Choice("tax_behavior", "exclusive", "inclusive", "unspecified")
	options := readCurrencyOptions(c.Params)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedPrice(c)
	if err != nil {
		return nil, err
	}
	if labels.active != nil && !*labels.active && changed.Active {
		owner, err := state.Find[Product](c.Tx, "product", changed.Product, apierror.UnknownReference("product", changed.Product, "product"))
		if err != nil {
			return nil, err
		}
		if owner.DefaultPrice != nil && *owner.DefaultPrice == changed.ID {
			return nil, apierror.Invalid("", "This price cannot be archived because it is the default price of its product.")
		}
	}
	if err := labelPrice(c.Tx, changed, labels); err != nil {
		return nil, err
	}
	form.Set(&changed.TaxBehavior, taxBehavior)
	if options != nil {
		changed.CurrencyOptions = options
	}
	return changed, storeChange(c.Tx, changed)
}

// storeNew stores a new price. A recurring one is a plan too, and has the events of both.
func storeNew(t *state.Tx, made *Price) error {
	if made.Recurring != nil {
		if err := t.EmitPlan("plan.created", made, nil); err != nil {
			return err
		}
	}
	return t.Create(made, "price.created")
}

// storeChange stores a changed price, with the events of both where it is a plan too.
func storeChange(t *state.Tx, changed *Price) error {
	before, err := PriceByID(t, changed.ID)
	if err != nil {
		return err
	}
	if changed.Recurring != nil {
		if err := t.EmitPlan("plan.updated", changed, before); err != nil {
			return err
		}
	}
	return t.Update(changed, "price.updated")
}

func listPrices(c *state.Request) (any, error) {
	list := c.NewList("price", "/v1/prices")
	list.MatchBool("active", c.Params.Boolean("active"))
	list.Match("currency", c.Params.Text("currency", 3))
	list.MatchObject("product", "product", c.Params.Text("product", form.MaxText))
	list.Match("type", c.Params.Choice("type", "one_time", "recurring"))
	if keys, given := c.Params.Texts("lookup_keys"); given {
		list.Where(state.OneOf("lookup_key", keys))
	}
	if filter := c.Params.Object("recurring"); filter != nil {
		list.Match("recurring.interval", filter.Choice("interval", "day", "month", "week", "year"))
		list.Match("recurring.usage_type", filter.Choice("usage_type", "licensed", "metered"))
	}
	list.MatchTime("created")
	return list.Run()
}

// PriceByID loads a price that another object refers to.
func PriceByID(t *state.Tx, id string) (*Price, error) {
	return state.Find[Price](t, "price", id, apierror.NotFound("price", id, "price"))
}

// Metered says whether the price is for usage that is reported, not for a quantity.
func (x *Price) Metered() bool {
	return x.Recurring != nil && x.Recurring.UsageType == billing.UsageMetered
}

// Quantity is how many units an item of the price has: one unless the request says
// more, and none of what is metered.
func (x *Price) Quantity(asked *int64, param string) (*int64, error) {
	if x.Metered() {
		if asked != nil {
			return nil, apierror.Invalid(param, "You cannot set the quantity for metered plans.")
		}
		return nil, nil
	}
	one := int64(1)
	if asked == nil {
		asked = &one
	}
	return asked, nil
}
