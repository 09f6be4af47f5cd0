package stripesync

import (
	"context"
	"slices"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// RetryOperation is the input of [Engine.RetryOperation].
type RetryOperation struct {
	OperationID    string
	IdempotencyKey *string
}

// RetryOperation tries an unfinished operation again now, also one that needs
// attention, and waits for it as [Engine.Submit] does. An operation that was
// rejected starts over if its kind declares Restart, as that of createCustomer
// does.
//
// It returns NOT_FOUND for an unknown operation, INVALID_INPUT for a finished one
// that cannot start over, IDEMPOTENCY_KEY_REUSED, and the operation's own error
// when it is rejected.
func (e *Engine) RetryOperation(ctx context.Context, in RetryOperation) (*ent.Operation, error) {
	return e.Submit(ctx, Mutation{
		Name: "retryOperation", Key: in.IdempotencyKey, Input: in,
		Check: func() error {
			return billing.CheckID("operation", billing.OperationPrefix, in.OperationID, "operationId")
		},
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			op, err := tx.Operation.Query().Where(operation.ID(in.OperationID), store.ForUpdate).Only(ctx)
			if err != nil {
				return nil, billing.At(store.OrNotFound(err, "operation", in.OperationID), "operationId")
			}
			if op, err = e.retry(ctx, tx, op); err != nil {
				return nil, billing.At(err, "operationId")
			}
			return op, nil
		},
	})
}

// retry makes an operation due now, one that needs attention too. A customer's
// that was refused starts over. One that is over otherwise is INVALID_INPUT.
func (e *Engine) retry(ctx context.Context, tx *store.Tx, op *ent.Operation) (*ent.Operation, error) {
	update := tx.Operation.UpdateOne(op).SetNextAttemptAt(e.clock())
	switch {
	case op.Status == billing.OperationNeedsAttention:
		if op.ErrorCode == nil { // Stripe has refused nothing: the same requests go on, with their keys
			update.SetStatus(billing.OperationPending)
			break
		}
		// Stripe would answer the old keys with the refusal that it remembers.
		steps := slices.Clone(op.Steps)
		for i := range steps {
			steps[i].Look = true
		}
		update.SetStatus(billing.OperationCompensating).SetSteps(steps)
	case op.Status.Finished():
		if err := e.restart(ctx, tx, op, update); err != nil {
			return nil, err
		}
	}
	op, err := update.Save(ctx)
	if err == nil {
		op.LeaseToken = nil // it may be another process's; the caller has to get one of its own
	}
	return op, err
}

func (e *Engine) restart(ctx context.Context, tx *store.Tx, op *ent.Operation, update *ent.OperationUpdateOne) error {
	def := e.kinds[op.Kind]
	if op.Status != billing.OperationFailed || def == nil || def.restart() == nil {
		return nothingToRetry(op)
	}
	if err := def.restart()(ctx, tx, op); err != nil { // first, as it locks the scope
		return err
	}
	last, err := lastInScope(ctx, tx, op.ScopeID)
	if err != nil {
		return err
	}
	if last.ID != op.ID {
		return nothingToRetry(op)
	}
	steps := make([]billing.OperationStep, len(op.Steps))
	for i, s := range op.Steps {
		steps[i] = billing.OperationStep{Name: s.Name, Status: billing.StepTodo, Generation: s.Generation, Look: true}
	}
	update.SetStatus(billing.OperationPending).SetSteps(steps).SetFaults(0).ClearFinishedAt().ClearErrorCode().ClearLastError()
	return nil
}

func nothingToRetry(op *ent.Operation) error {
	return billing.Errorf(billing.CodeInvalidInput, "The operation is %s; there is nothing to retry.", op.Status)
}
