package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/store"
)

// DeleteCustomer is the input of [Commands.DeleteCustomer].
type DeleteCustomer struct {
	CustomerID     string
	IdempotencyKey *string
}

// DeleteCustomer deletes a customer on both sides: its live subscriptions end,
// the customer in Stripe is deleted for good, the row here is hidden, and the
// e-mail is free again.
func (c *Commands) DeleteCustomer(ctx context.Context, in DeleteCustomer) (CustomerResult, error) {
	op, err := c.run(ctx, mutation{
		name: "deleteCustomer", key: in.IdempotencyKey, input: in,
		check: func() error { return checkCustomerID(in.CustomerID) },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockCustomer(ctx, tx, in.CustomerID, "customerId")
			if err != nil {
				return nil, err
			}
			return c.sync.DeleteCustomer(ctx, tx, row)
		},
	})
	return c.customerResult(ctx, op, err)
}
