package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

func detachPaymentMethod(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	method, err := customer.NamedPaymentMethod(c)
	if err != nil {
		return nil, err
	}
	if method.Customer == nil {
		return nil, apierror.Invalid("", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	if err := forgetMethod(c.Tx, method); err != nil {
		return nil, err
	}
	method.Customer, method.Private.Spent = nil, true
	return method, c.Update(method, "payment_method.detached")
}

// forgetMethod takes a payment method out of the defaults that name it.
func forgetMethod(t *state.Tx, method *customer.Method) error {
	owner, err := state.Find[customer.Customer](t, "customer", *method.Customer, apierror.NotFound("customer", *method.Customer, "customer"))
	if err != nil {
		return err
	}
	if chosen := owner.InvoiceSettings.DefaultPaymentMethod; chosen != nil && *chosen == method.ID {
		owner.InvoiceSettings.DefaultPaymentMethod = nil
		if err := t.Update(owner, "customer.updated"); err != nil {
			return err
		}
	}
	users, err := state.FindAll[Subscription](t, "subscription", state.Equal("customer", owner.ID), state.Equal("default_payment_method", method.ID))
	if err != nil {
		return err
	}
	for _, user := range users {
		user.DefaultPaymentMethod = nil
		if err := t.Update(user, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}
