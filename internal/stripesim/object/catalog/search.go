package catalog

import "tallystick/internal/stripesim/state"

func searchProducts(c *state.Request) (any, error) {
	return c.Search("product", "products", state.SearchFields{
		"active": state.Flag, "description": state.Text, "name": state.Text, "shippable": state.Flag, "url": state.Text,
	})
}

func searchPrices(c *state.Request) (any, error) {
	return c.Search("price", "prices", state.SearchFields{
		"active": state.Flag, "currency": state.Token, "lookup_key": state.Text, "product": state.Token, "type": state.Token,
	})
}
