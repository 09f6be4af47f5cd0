package stripesim

import (
	"net/url"
	"reflect"
)

// maxText is Stripe's limit for most strings.
const maxText = 5000

type product struct {
	record
	Active              bool              `json:"active"`
	DefaultPrice        *string           `json:"default_price"`
	Description         *string           `json:"description"`
	Images              []string          `json:"images"`
	Metadata            map[string]string `json:"metadata"`
	Name                string            `json:"name"`
	Shippable           *bool             `json:"shippable"`
	StatementDescriptor *string           `json:"statement_descriptor"`
	TaxCode             *string           `json:"tax_code"`
	UnitLabel           *string           `json:"unit_label"`
	Updated             int64             `json:"updated"`
	URL                 *string           `json:"url"`
}

// productChange is what creation and update have in common.
type productChange struct {
	active                                *bool
	description, descriptor, taxCode, url *string
	unitLabel                             *string
	images                                []string
	imagesGiven                           bool
	shippable                             *bool
	metadata                              metadataChange
}

func readProductChange(p *params) productChange {
	change := productChange{
		active:      p.boolean("active"),
		description: p.clearable("description", 40_000),
		descriptor:  p.clearable("statement_descriptor", 22),
		taxCode:     p.clearable("tax_code", maxText),
		unitLabel:   p.clearable("unit_label", 12),
		url:         p.clearable("url", maxText),
		shippable:   p.boolean("shippable"),
		metadata:    p.metadata(),
	}
	change.images, change.imagesGiven = p.texts("images")
	if len(change.images) > 8 {
		p.fail(invalid("images", "You can only have up to 8 images."))
	}
	if change.url != nil && *change.url != "" {
		if u, err := url.Parse(*change.url); err != nil || u.Scheme == "" || u.Host == "" {
			p.fail(invalid("url", "Not a valid URL").withCode("url_invalid"))
		}
	}
	return change
}

func (change productChange) applyTo(x *product) (err error) {
	set(&x.Active, change.active)
	setNullable(&x.Description, change.description)
	setNullable(&x.StatementDescriptor, change.descriptor)
	setNullable(&x.TaxCode, change.taxCode)
	setNullable(&x.UnitLabel, change.unitLabel)
	setNullable(&x.URL, change.url)
	if change.shippable != nil {
		x.Shippable = change.shippable
	}
	if change.imagesGiven {
		x.Images = change.images
	}
	x.Metadata, err = change.metadata.applyTo(x.Metadata)
	return err
}

// productUnmodelled are Stripe's parameters of a product that the sandbox leaves out.
var productUnmodelled = []string{"features", "package_dimensions"}

func createProduct(c *call) (any, error) {
	id := c.params.text("id", maxText)
	name := c.params.required("name", maxText)
	change := readProductChange(c.params)
	var defaultPrice *priceTerms
	if data := c.params.object("default_price_data"); data != nil {
		terms := readPriceTerms(data)
		defaultPrice = &terms
	}
	if err := c.params.done(append(productUnmodelled, "default_price_data[currency_options]")...); err != nil {
		return nil, err
	}
	made := c.newProduct(name)
	if id != nil {
		if _, _, err := c.body(*id); err == nil {
			return nil, invalid("id", "Product already exists.").withCode("resource_already_exists")
		}
		made.ID = *id
	}
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	if defaultPrice != nil {
		price := c.newPrice(made.ID, *defaultPrice)
		if err := c.create(price, "price.created"); err != nil {
			return nil, err
		}
		made.DefaultPrice = &price.ID
	}
	return made, c.create(made, "product.created")
}

func (c *tx) newProduct(name string) *product {
	return &product{
		record: c.newRecord("product", "prod_"), Name: name, Active: true, Updated: c.now,
		Images: []string{}, Metadata: map[string]string{},
	}
}

func getProduct(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.product()
}

// product is the one that the URL names.
func (c *call) product() (*product, error) {
	return find[product](c.tx, "product", c.id(), notFound("product", c.id(), "id"))
}

func updateProduct(c *call) (any, error) {
	name := c.params.text("name", maxText)
	defaultPrice := c.params.clearable("default_price", maxText)
	change := readProductChange(c.params)
	if err := c.params.done(productUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := c.product()
	if err != nil {
		return nil, err
	}
	if err := c.checkDefaultPrice(changed, defaultPrice); err != nil {
		return nil, err
	}
	before := *changed
	set(&changed.Name, name)
	setNullable(&changed.DefaultPrice, defaultPrice)
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(before, *changed) {
		changed.Updated = c.now
	}
	return changed, c.update(changed, "product.updated")
}

// checkDefaultPrice refuses a default price that is not an active price of the product.
func (c *tx) checkDefaultPrice(of *product, id *string) error {
	if id == nil || *id == "" {
		return nil
	}
	chosen, err := find[price](c, "price", *id, unknownReference("price", *id, "default_price"))
	switch {
	case err != nil:
		return err
	case chosen.Product != of.ID:
		return invalid("default_price", "The price `%s` belongs to another product and cannot be the default price of `%s`.", *id, of.ID)
	case !chosen.Active:
		return invalid("default_price", "The price specified is inactive. This field only accepts active prices.")
	}
	return nil
}

func deleteProduct(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	gone, err := c.product()
	if err != nil {
		return nil, err
	}
	prices, err := findAll[price](c.tx, "price", equal("product", gone.ID))
	if err != nil {
		return nil, err
	}
	if len(prices) > 0 {
		return nil, invalid("", "This product cannot be deleted because it has one or more user-created prices.")
	}
	return stubOf(gone), c.remove(gone, "product.deleted")
}

func listProducts(c *call) (any, error) {
	list := c.newList("product", "/v1/products")
	list.matchBool("active", c.params.boolean("active"))
	list.matchBool("shippable", c.params.boolean("shippable"))
	list.match("url", c.params.text("url", maxText))
	if ids, given := c.params.texts("ids"); given {
		list.where(oneOf("id", ids))
	}
	list.matchTime("created")
	return list.run()
}
