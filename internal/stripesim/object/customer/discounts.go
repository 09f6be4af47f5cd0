package customer

import (
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/state"
)

// changeDiscount gives a customer the discount that a request asks for.
func (x *Customer) changeDiscount(t *state.Tx, chosen discount.Choice) error {
	return chosen.Change(t, &x.Discount, discount.Holder{
		Customer: x.ID, Clock: form.OrDefault(x.TestClock, ""), Currency: form.OrDefault(x.Currency, ""),
	})
}

func getDiscount(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	holder, err := Named(c)
	if err != nil {
		return nil, err
	}
	if holder.Discount == nil {
		return nil, discount.None("customer", holder.ID)
	}
	found, _, err := discount.ByID(c.Tx, *holder.Discount)
	return found, err
}

func deleteDiscount(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	holder, err := Named(c)
	if err != nil {
		return nil, err
	}
	if holder.Discount == nil {
		return nil, discount.None("customer", holder.ID)
	}
	gone, err := discount.Remove(c.Tx, *holder.Discount)
	if err != nil {
		return nil, err
	}
	holder.Discount = nil
	return gone, c.Update(holder, "customer.updated")
}
