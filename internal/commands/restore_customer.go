package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// RestoreCustomer is the input of [Commands.RestoreCustomer].
type RestoreCustomer struct {
	CustomerID     string
	IdempotencyKey *string
}

// RestoreCustomer brings back a deleted customer. What was deleted in Stripe
// cannot come back, so a new customer is created there; like at sign-up,
// nobody waits for that.
func (c *Commands) RestoreCustomer(ctx context.Context, in RestoreCustomer) (CustomerResult, error) {
	var email string
	op, err := c.run(ctx, mutation{
		name: "restoreCustomer", key: in.IdempotencyKey, input: in, background: true,
		check: func() error { return checkCustomerID(in.CustomerID) },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			ctx = store.WithDeleted(ctx)
			row, err := tx.Customer.Query().Where(customer.ID(in.CustomerID), store.ForUpdate).Only(ctx)
			if err != nil {
				return nil, at(store.OrNotFound(err, "customer", in.CustomerID), "customerId")
			}
			if err := c.notBusy(ctx, tx, row.Stripe()); err != nil {
				return nil, err
			}
			if row.DeletedAt == nil {
				return nil, billing.Errorf(billing.CodeInvalidInput, "The customer is not deleted.").At("customerId").About(row.ID)
			}
			email = row.Email
			if row, err = tx.Customer.UpdateOne(row).ClearDeletedAt().Save(ctx); err != nil {
				return nil, err
			}
			return c.sync.RestoreCustomer(ctx, tx, row)
		},
	})
	if store.IsUnique(err) {
		return CustomerResult{}, at(c.emailTaken(ctx, email), "customerId")
	}
	return c.customerResult(ctx, op, err)
}
