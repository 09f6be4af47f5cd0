package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// RetryOperation is the input of [Commands.RetryOperation].
type RetryOperation struct {
	OperationID    string
	IdempotencyKey *string
}

// RetryOperation tries an operation again, at once.
func (c *Commands) RetryOperation(ctx context.Context, in RetryOperation) (*ent.Operation, error) {
	return c.run(ctx, mutation{
		name: "retryOperation", key: in.IdempotencyKey, input: in,
		check: func() error { return checkID("operation", billing.OperationPrefix, in.OperationID, "operationId") },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			op, err := tx.Operation.Query().Where(operation.ID(in.OperationID), store.ForUpdate).Only(ctx)
			if err != nil {
				return nil, at(store.OrNotFound(err, "operation", in.OperationID), "operationId")
			}
			if op, err = c.sync.Retry(ctx, tx, op); err != nil {
				return nil, at(err, "operationId")
			}
			return op, nil
		},
	})
}
