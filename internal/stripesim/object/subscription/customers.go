package subscription

import (
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// deleteCustomer is for good, and ends the customer's subscriptions at once.
func deleteCustomer(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := customer.Named(c)
	if err != nil {
		return nil, err
	}
	if err := endAll(c.Tx, gone.ID); err != nil {
		return nil, err
	}
	return state.StubOf(gone), c.Remove(gone, "customer.deleted")
}
