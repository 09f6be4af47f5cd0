package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// CreateCustomer is the input of [Commands.CreateCustomer].
type CreateCustomer struct {
	Email          string
	Name           *string
	Metadata       map[string]string
	IdempotencyKey *string
}

func (in CreateCustomer) check() error {
	return first(
		at(billing.CheckEmail(in.Email), "email"),
		optional("name", in.Name, billing.MaxCustomerName, "name"),
		at(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// CreateCustomer creates a customer and returns at once, whatever state Stripe
// is in: signing up must not depend on it. An e-mail that a live customer has
// is EMAIL_TAKEN.
func (c *Commands) CreateCustomer(ctx context.Context, in CreateCustomer) (CustomerResult, error) {
	var row *ent.Customer
	op, err := c.run(ctx, mutation{
		name: "createCustomer", key: in.IdempotencyKey, input: in, check: in.check, background: true,
		begin: func(ctx context.Context, tx *store.Tx) (op *ent.Operation, err error) {
			row, op, err = c.sync.CreateCustomer(ctx, tx, in.Email, valueOr(in.Name, ""), billing.MergeMetadata(nil, in.Metadata))
			return op, err
		},
	})
	if store.IsUnique(err) {
		return CustomerResult{}, c.emailTaken(ctx, in.Email)
	}
	if op != nil && row != nil {
		return CustomerResult{Customer: row, Operation: op}, err
	}
	return c.customerResult(ctx, op, err)
}

// emailTaken is the refusal of an e-mail, with the customer that has it.
func (c *Commands) emailTaken(ctx context.Context, email string) error {
	holder, err := c.store.Client.Customer.Query().Where(store.HasEmail(email)).FirstID(ctx)
	if err != nil && !ent.IsNotFound(err) { // not found: deleted since
		return err
	}
	return store.EmailTaken(email, holder)
}
