package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// CreateCustomer makes the row of a new customer and begins to create it in
// Stripe, in the caller's transaction. Nobody waits for it. An e-mail that is
// taken violates a unique index.
func (e *Engine) CreateCustomer(ctx context.Context, tx *store.Tx, email, name string, metadata map[string]string) (*ent.Customer, *ent.Operation, error) {
	operationID := billing.NewID(billing.OperationPrefix)
	create := tx.Customer.Create().
		SetEmail(email).
		SetName(name).
		SetStripeStatus(billing.SyncPending).
		SetStripeOperationID(operationID)
	if metadata != nil {
		create.SetMetadata(metadata)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, nil, err
	}
	op, err := e.begin(ctx, tx, beginning{
		id: operationID, kind: billing.KindCreateCustomer, subject: row.ID, scope: row.ID, newScope: true, alone: true,
		params: customerParams{CustomerID: row.ID, Create: freezeCustomer(row)},
		steps:  []string{createCustomerStep.Name},
	})
	return row, op, err
}

// RestoreCustomer begins to create a customer in Stripe again, that was
// deleted there and here, in the caller's transaction. Nobody waits for it.
func (e *Engine) RestoreCustomer(ctx context.Context, tx *store.Tx, row *ent.Customer) (*ent.Operation, error) {
	return e.beginCustomer(ctx, tx, beginning{
		kind: billing.KindRestoreCustomer, alone: true,
		params: customerParams{CustomerID: row.ID, Create: freezeCustomer(row)},
		steps:  []string{createCustomerStep.Name},
	}, row)
}

func freezeCustomer(row *ent.Customer) *newCustomer {
	return &newCustomer{Email: row.Email, Name: row.Name, Metadata: row.Metadata}
}
