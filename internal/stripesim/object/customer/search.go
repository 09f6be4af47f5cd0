package customer

import "tallystick/internal/stripesim/state"

func searchCustomers(c *state.Request) (any, error) {
	return c.Search("customer", "customers", state.SearchFields{
		"created": state.Number, "email": state.Text, "name": state.Text, "phone": state.Text,
	})
}
