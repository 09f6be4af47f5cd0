package stripesim

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxIntervalCount is how many of each interval make up the three years that a billing period may last.
var maxIntervalCount = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

type price struct {
	record
	Active            bool              `json:"active"`
	Currency          string            `json:"currency"`
	LookupKey         *string           `json:"lookup_key"`
	Metadata          map[string]string `json:"metadata"`
	Nickname          *string           `json:"nickname"`
	Product           string            `json:"product"`
	Recurring         *recurring        `json:"recurring"`
	TaxBehavior       string            `json:"tax_behavior"`
	Type              string            `json:"type"`
	UnitAmount        *int64            `json:"unit_amount"`
	UnitAmountDecimal *string           `json:"unit_amount_decimal"`
	BillingScheme     string            `json:"billing_scheme"`
	TiersMode         *string           `json:"tiers_mode"`
	// Shown only where a request expands them.
	Tiers           []priceTier               `json:"tiers"`
	CurrencyOptions map[string]currencyOption `json:"currency_options"`
}

// UnmarshalJSON also reads prices of the time when all had one amount per unit.
func (x *price) UnmarshalJSON(b []byte) error {
	type plain price
	x.BillingScheme = schemePerUnit
	return json.Unmarshal(b, (*plain)(x))
}

type recurring struct {
	AggregateUsage *string `json:"aggregate_usage"`
	Interval       string  `json:"interval"`
	IntervalCount  int64   `json:"interval_count"`
	UsageType      string  `json:"usage_type"`
}

// priceTerms are what a price says and can never change.
type priceTerms struct {
	currency    string
	amount      unitAmount
	recurring   *recurring
	taxBehavior *string
	tiers       []priceTier // nil for a price per unit
	tiersMode   *string
	options     map[string]currencyOption
}

func readPriceTerms(p *params) priceTerms {
	terms := priceTerms{
		currency:    readCurrency(p),
		recurring:   readRecurring(p),
		taxBehavior: p.choice("tax_behavior", "exclusive", "inclusive", "unspecified"),
	}
	terms.options = readCurrencyOptions(p)
	tiered := orDefault(p.choice("billing_scheme", schemePerUnit, schemeTiered), schemePerUnit) == schemeTiered
	tiers, mode := readTiers(p, terms.currency), p.choice("tiers_mode", tiersGraduated, tiersVolume)
	switch {
	case tiered && mode == nil:
		p.missing("tiers_mode")
	case tiered:
		terms.tiers, terms.tiersMode = tiers, mode
		if len(tiers) == 0 {
			p.missing("tiers")
		}
		return terms
	case len(tiers) > 0 || mode != nil:
		p.fail(invalid("tiers", "`tiers` can only be used when `billing_scheme` is `tiered`."))
	}
	amount, given := readUnitAmount(p, terms.currency)
	if !given {
		p.fail(invalid(p.path, "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."))
	}
	terms.amount = amount
	return terms
}

func readCurrency(p *params) string {
	currency := strings.ToLower(p.required("currency", maxText))
	if currency != "" && !slices.Contains(currencies, currency) {
		p.fail(invalid(p.name("currency"), "Invalid currency: %s. Stripe currently supports these currencies: %s",
			currency, strings.Join(currencies, ", ")))
	}
	return currency
}

func readRecurring(p *params) *recurring {
	r := p.object("recurring")
	if r == nil {
		return nil
	}
	terms := &recurring{UsageType: "licensed", IntervalCount: 1}
	interval := r.choice("interval", "day", "month", "week", "year")
	if interval == nil {
		r.missing("interval")
		return nil
	}
	terms.Interval = *interval
	if count := r.integer("interval_count"); count != nil {
		terms.IntervalCount = *count
	}
	switch limit := maxIntervalCount[terms.Interval]; {
	case terms.IntervalCount < 1:
		r.fail(invalid(r.name("interval_count"), "This value must be greater than or equal to 1.").withCode("parameter_invalid_integer"))
	case terms.IntervalCount > limit:
		r.fail(invalid(r.name("interval_count"), "Invalid value: the maximum interval is three years, which is %d for the interval %s.", limit, terms.Interval))
	}
	set(&terms.UsageType, r.choice("usage_type", "licensed", usageMetered))
	if aggregate := r.choice("aggregate_usage", "last_during_period", "last_ever", "max", "sum"); aggregate != nil {
		terms.AggregateUsage = aggregate
	} else if terms.UsageType == usageMetered {
		sum := "sum"
		terms.AggregateUsage = &sum
	}
	return terms
}

func (c *tx) newPrice(productID string, terms priceTerms) *price {
	made := &price{
		record: c.newRecord("price", "price_1"), Active: true, Product: productID, Metadata: map[string]string{},
		Currency: terms.currency, Recurring: terms.recurring, Type: "one_time",
		TaxBehavior:   orDefault(terms.taxBehavior, "unspecified"),
		BillingScheme: schemePerUnit, UnitAmount: terms.amount.whole, UnitAmountDecimal: terms.amount.decimal,
		CurrencyOptions: terms.options,
	}
	if terms.tiers != nil {
		made.BillingScheme, made.Tiers, made.TiersMode = schemeTiered, terms.tiers, terms.tiersMode
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
	metadata            metadataChange
}

func readPriceLabels(p *params) priceLabels {
	return priceLabels{
		active:            p.boolean("active"),
		nickname:          p.clearable("nickname", maxText),
		lookupKey:         p.clearable("lookup_key", 200),
		transferLookupKey: orDefault(p.boolean("transfer_lookup_key"), false),
		metadata:          p.metadata(),
	}
}

// label applies the labels to a price. A lookup key that another price holds is taken from it, or the request refused.
func (c *tx) label(x *price, labels priceLabels) (err error) {
	if key := labels.lookupKey; key != nil && *key != "" {
		if err := c.takeLookupKey(*key, x.ID, labels.transferLookupKey); err != nil {
			return err
		}
	}
	set(&x.Active, labels.active)
	setNullable(&x.Nickname, labels.nickname)
	setNullable(&x.LookupKey, labels.lookupKey)
	x.Metadata, err = labels.metadata.applyTo(x.Metadata)
	return err
}

func (c *tx) takeLookupKey(key, forPrice string, transfer bool) error {
	holders, err := findAll[price](c, "price", equal("lookup_key", key))
	if err != nil {
		return err
	}
	for _, holder := range holders {
		if holder.ID == forPrice {
			continue
		}
		if !transfer {
			return invalid("lookup_key", "A price (`%s`) already uses that lookup key.", holder.ID)
		}
		holder.LookupKey = nil
		if err := c.update(holder, "price.updated"); err != nil {
			return err
		}
	}
	return nil
}

func createPrice(c *call) (any, error) {
	terms := readPriceTerms(c.params)
	labels := readPriceLabels(c.params)
	productID := c.params.text("product", maxText)
	newProduct := readProductData(c.params)
	switch {
	case productID == nil && newProduct == nil:
		c.params.missing("product")
	case productID != nil && newProduct != nil:
		c.params.fail(invalid("product_data", "You may only specify one of these parameters: product, product_data."))
	}
	if err := c.params.done("custom_unit_amount", "transform_quantity"); err != nil {
		return nil, err
	}
	owner, err := c.productOfNewPrice(productID, newProduct)
	if err != nil {
		return nil, err
	}
	made := c.newPrice(owner, terms)
	if err := c.label(made, labels); err != nil {
		return nil, err
	}
	return made, c.create(made, "price.created")
}

// productData describes a product that is made along with its price.
type productData struct {
	id     *string
	name   string
	change productChange
}

func readProductData(p *params) *productData {
	data := p.object("product_data")
	if data == nil {
		return nil
	}
	return &productData{
		id: data.text("id", maxText), name: data.required("name", maxText),
		change: productChange{
			active: data.boolean("active"), descriptor: data.clearable("statement_descriptor", 22),
			taxCode: data.clearable("tax_code", maxText), unitLabel: data.clearable("unit_label", 12),
			metadata: data.metadata(),
		},
	}
}

func (c *tx) productOfNewPrice(id *string, data *productData) (string, error) {
	if id != nil {
		owner, err := find[product](c, "product", *id, unknownReference("product", *id, "product"))
		if err != nil {
			return "", err
		}
		return owner.ID, nil
	}
	made := c.newProduct(data.name)
	set(&made.ID, data.id)
	if _, _, err := c.body(made.ID); err == nil {
		return "", invalid("product_data[id]", "Product already exists.").withCode("resource_already_exists")
	}
	if err := data.change.applyTo(made); err != nil {
		return "", err
	}
	return made.ID, c.create(made, "product.created")
}

func getPrice(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.price()
}

// price is the one that the URL names.
func (c *call) price() (*price, error) {
	return find[price](c.tx, "price", c.id(), notFound("price", c.id(), "price"))
}

func updatePrice(c *call) (any, error) {
	labels := readPriceLabels(c.params)
	taxBehavior := c.params.choice("tax_behavior", "exclusive", "inclusive", "unspecified")
	options := readCurrencyOptions(c.params)
	if err := c.params.done(); err != nil {
		return nil, err
	}
	changed, err := c.price()
	if err != nil {
		return nil, err
	}
	if labels.active != nil && !*labels.active && changed.Active {
		owner, err := find[product](c.tx, "product", changed.Product, unknownReference("product", changed.Product, "product"))
		if err != nil {
			return nil, err
		}
		if owner.DefaultPrice != nil && *owner.DefaultPrice == changed.ID {
			return nil, invalid("", "This price cannot be archived because it is the default price of its product.")
		}
	}
	if err := c.label(changed, labels); err != nil {
		return nil, err
	}
	set(&changed.TaxBehavior, taxBehavior)
	if options != nil {
		changed.CurrencyOptions = options
	}
	return changed, c.update(changed, "price.updated")
}

func listPrices(c *call) (any, error) {
	list := c.newList("price", "/v1/prices")
	list.matchBool("active", c.params.boolean("active"))
	list.match("currency", c.params.text("currency", 3))
	list.match("product", c.params.text("product", maxText))
	list.match("type", c.params.choice("type", "one_time", "recurring"))
	if keys, given := c.params.texts("lookup_keys"); given {
		list.where(oneOf("lookup_key", keys))
	}
	if filter := c.params.object("recurring"); filter != nil {
		list.match("recurring.interval", filter.choice("interval", "day", "month", "week", "year"))
		list.match("recurring.usage_type", filter.choice("usage_type", "licensed", "metered"))
	}
	list.matchTime("created")
	return list.run()
}
