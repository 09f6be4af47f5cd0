// Package catalog has products and prices.
package catalog

import (
	"net/url"
	"reflect"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Product is what is sold.
type Product struct {
	state.Record
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
	metadata                              form.MetadataChange
}

func readProductChange(p *form.Params) productChange {
	change := productChange{
		active:      p.Boolean("active"),
		description: p.Clearable("description", 40_000),
		descriptor:  p.Clearable("statement_descriptor", 22),
		taxCode:     p.Clearable("tax_code", form.MaxText),
		unitLabel:   p.Clearable("unit_label", 12),
		url:         p.Clearable("url", form.MaxText),
		shippable:   p.Boolean("shippable"),
		metadata:    p.Metadata(),
	}
	change.images, change.imagesGiven = p.Texts("images")
	if len(change.images) > 8 {
		p.Fail(apierror.Invalid("images", "You can only have up to 8 images."))
	}
	if change.url != nil && *change.url != "" {
		if u, err := url.Parse(*change.url); err != nil || u.Scheme == "" || u.Host == "" {
			p.Fail(apierror.Invalid("url", "Not a valid URL").WithCode("url_invalid"))
		}
	}
	return change
}

func (change productChange) applyTo(x *Product) (err error) {
	form.Set(&x.Active, change.active)
	form.SetNullable(&x.Description, change.description)
	form.SetNullable(&x.StatementDescriptor, change.descriptor)
	form.SetNullable(&x.TaxCode, change.taxCode)
	form.SetNullable(&x.UnitLabel, change.unitLabel)
	form.SetNullable(&x.URL, change.url)
	if change.shippable != nil {
		x.Shippable = change.shippable
	}
	if change.imagesGiven {
		x.Images = change.images
	}
	x.Metadata, err = change.metadata.ApplyTo(x.Metadata)
	return err
}

// productUnmodelled are Stripe's parameters of a product that the sandbox leaves out.
var productUnmodelled = []string{"features", "package_dimensions"}

func createProduct(c *state.Request) (any, error) {
	id := c.Params.Text("id", form.MaxText)
	name := c.Params.Required("name", form.MaxText)
	change := readProductChange(c.Params)
	var defaultPrice *priceTerms
	if data := c.Params.Object("default_price_data"); data != nil {
		terms := readPriceTerms(data)
		defaultPrice = &terms
	}
	if err := c.Params.Done(append(productUnmodelled, "default_price_data[currency_options]")...); err != nil {
		return nil, err
	}
	made := newProduct(c.Tx, name)
	if id != nil {
		if _, _, err := c.Body(*id); err == nil {
			return nil, apierror.Invalid("id", "Product already exists.").WithCode("resource_already_exists")
		}
		made.ID = *id
	}
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	if defaultPrice != nil {
		price := newPrice(c.Tx, made.ID, *defaultPrice)
		if err := storeNew(c.Tx, price); err != nil {
			return nil, err
		}
		made.DefaultPrice = &price.ID
	}
	return made, c.Create(made, "product.created")
}

func newProduct(t *state.Tx, name string) *Product {
	return &Product{
		Record: t.NewRecord("product", "prod_"), Name: name, Active: true, Updated: t.Now,
		Images: []string{}, Metadata: map[string]string{},
	}
}

func getProduct(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedProduct(c)
}

// namedProduct is the one that the URL names.
func namedProduct(c *state.Request) (*Product, error) {
	return state.Find[Product](c.Tx, "product", c.ID(), apierror.NotFound("product", c.ID(), "id"))
}

func updateProduct(c *state.Request) (any, error) {
	name := c.Params.Text("name", form.MaxText)
	defaultPrice := c.Params.Clearable("default_price", form.MaxText)
	change := readProductChange(c.Params)
	if err := c.Params.Done(productUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := namedProduct(c)
	if err != nil {
		return nil, err
	}
	if err := checkDefaultPrice(c.Tx, changed, defaultPrice); err != nil {
		return nil, err
	}
	before := *changed
	form.Set(&changed.Name, name)
	form.SetNullable(&changed.DefaultPrice, defaultPrice)
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(before, *changed) {
		changed.Updated = c.Now
	}
	return changed, c.Update(changed, "product.updated")
}

// checkDefaultPrice refuses a default price that is not an active price of the product.
func checkDefaultPrice(t *state.Tx, of *Product, id *string) error {
	if id == nil || *id == "" {
		return nil
	}
	chosen, err := state.Find[Price](t, "price", *id, apierror.UnknownReference("price", *id, "default_price"))
	switch {
	case err != nil:
		return err
	case chosen.Product != of.ID:
		return apierror.Invalid("default_price", "The price `%s` belongs to another product and cannot be the default price of `%s`.", *id, of.ID)
	case !chosen.Active:
		return apierror.Invalid("default_price", "The price specified is inactive. This field only accepts active prices.")
	}
	return nil
}

func deleteProduct(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := namedProduct(c)
	if err != nil {
		return nil, err
	}
	prices, err := state.FindAll[Price](c.Tx, "price", state.Equal("product", gone.ID))
	if err != nil {
		return nil, err
	}
	if len(prices) > 0 {
		return nil, apierror.Invalid("", "This product cannot be deleted because it has one or more user-created prices.")
	}
	return state.StubOf(gone), c.Remove(gone, "product.deleted")
}

func listProducts(c *state.Request) (any, error) {
	list := c.NewList("product", "/v1/products")
	list.MatchBool("active", c.Params.Boolean("active"))
	list.MatchBool("shippable", c.Params.Boolean("shippable"))
	list.Match("url", c.Params.Text("url", form.MaxText))
	if ids, given := c.Params.Texts("ids"); given {
		list.Where(state.OneOf("id", ids))
	}
	list.MatchTime("created")
	return list.Run()
}
