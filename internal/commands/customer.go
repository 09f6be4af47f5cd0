package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// CustomerResult is the outcome of a command on a customer.
type CustomerResult struct {
	Customer  *ent.Customer
	Operation *ent.Operation
}

// lockCustomer reads a customer under lock. Changes of a customer may queue up
// behind its creation, which Stripe's absence can hold up.
func (c *Commands) lockCustomer(ctx context.Context, tx *store.Tx, id, field string) (*ent.Customer, error) {
	row, err := tx.Customer.Query().Where(customer.ID(id), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, at(store.OrNotFound(err, "customer", id), field)
	}
	return row, c.notBusy(ctx, tx, row.Stripe(),
		billing.KindCreateCustomer, billing.KindRestoreCustomer, billing.KindUpdateCustomer, billing.KindLinkCustomer)
}

// customerResult reads the customer that an operation was on, also when that
// has deleted it.
func (c *Commands) customerResult(ctx context.Context, op *ent.Operation, refusal error) (CustomerResult, error) {
	if op == nil {
		return CustomerResult{}, refusal
	}
	row, err := c.store.Client.Customer.Get(store.WithDeleted(ctx), op.SubjectID)
	if err != nil {
		return CustomerResult{}, err
	}
	return CustomerResult{Customer: row, Operation: op}, refusal
}

func checkCustomerID(id string) error {
	return checkID("customer", billing.CustomerPrefix, id, "customerId")
}
