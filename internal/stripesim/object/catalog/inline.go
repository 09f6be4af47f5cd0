package catalog

import (
	"strconv"

	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Inline is a price that a request describes where another would name one.
type Inline struct {
	productID *string
	product   *productData
	terms     priceTerms
}

// ReadInline reads the price that a parameter describes; nil when the request does not have it.
func ReadInline(p *form.Params, key string) *Inline {
	data := p.Object(key)
	if data == nil {
		return nil
	}
	described := &Inline{productID: data.Text("product", form.MaxText), terms: readPriceTerms(data)}
	if described.product = readProductData(data); described.product == nil && described.productID == nil {
		data.Missing("product")
	}
	return described
}

// Make makes the price, and its product where that is described too.
func (x *Inline) Make(t *state.Tx) (*Price, error) {
	owner, err := productOfNewPrice(t, x.productID, x.product)
	if err != nil {
		return nil, err
	}
	made := newPrice(t, owner, x.terms)
	return made, storeNew(t, made)
}

// OneTime makes a price for what is billed once, with a product of its own.
func OneTime(t *state.Tx, name, currency string, amount int64) (*Price, error) {
	text := strconv.FormatInt(amount, 10)
	return (&Inline{
		product: &productData{name: name},
		terms:   priceTerms{currency: currency, amount: unitAmount{whole: &amount, decimal: &text}},
	}).Make(t)
}
