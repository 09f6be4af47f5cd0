package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// UpdateCustomer is the input of [Commands.UpdateCustomer]. What is nil stays.
type UpdateCustomer struct {
	CustomerID     string
	Email          *string
	Name           *string // an empty one removes it
	Metadata       map[string]string
	IdempotencyKey *string
}

func (in UpdateCustomer) check() error {
	if in.Email != nil {
		if err := billing.CheckEmail(*in.Email); err != nil {
			return at(err, "email")
		}
	}
	if in.Email == nil && in.Name == nil && in.Metadata == nil {
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is to be changed.").At()
	}
	return first(
		checkCustomerID(in.CustomerID),
		optional("name", in.Name, billing.MaxCustomerName, "name"),
		at(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// UpdateCustomer changes what is known of a customer.
func (c *Commands) UpdateCustomer(ctx context.Context, in UpdateCustomer) (CustomerResult, error) {
	op, err := c.run(ctx, mutation{
		name: "updateCustomer", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockCustomer(ctx, tx, in.CustomerID, "customerId")
			if err != nil {
				return nil, err
			}
			if in.Email != nil {
				if err := store.CheckEmailFree(ctx, tx, *in.Email, row.ID); err != nil {
					return nil, err
				}
			}
			if err := billing.CheckMetadata(billing.MergeMetadata(row.Metadata, in.Metadata)); err != nil {
				return nil, at(err, "metadata")
			}
			return c.sync.UpdateCustomer(ctx, tx, row, stripesync.CustomerPatch{
				Email: in.Email, Name: in.Name, Metadata: in.Metadata,
			})
		},
	})
	return c.customerResult(ctx, op, err)
}
