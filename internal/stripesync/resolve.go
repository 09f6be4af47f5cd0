package stripesync

import (
	"context"
	"errors"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Object is something in Stripe, by Stripe's word for its type.
type Object struct{ Type, ID string }

// ResolveOperation is the input of [Engine.ResolveOperation].
type ResolveOperation struct {
	OperationID string
	// Accept is whose side of the change is taken; there is only Stripe's.
	Accept         billing.ResolutionSource
	IdempotencyKey *string
}

// ResolveOperation ends an operation that needs attention: every object that it
// touched is read from Stripe again and shown as it is there, the operation is
// FAILED, and what waited behind it goes on. An unknown operation is NOT_FOUND,
// and one that does not need attention INVALID_INPUT. When Stripe does not
// answer, it is STRIPE_UNAVAILABLE, and the operation still needs attention.
func (e *Engine) ResolveOperation(ctx context.Context, in ResolveOperation) (*ent.Operation, error) {
	key, err := e.keys.Bind(ctx, "resolveOperation", in.IdempotencyKey, in)
	if err != nil {
		return nil, err
	}
	if first, err := bound(ctx, key); first != nil || err != nil {
		return first, err
	}
	if err := billing.CheckID("operation", billing.OperationPrefix, in.OperationID, "operationId"); err != nil {
		return nil, err
	}
	var touched []Object
	err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		op, def, err := e.lockUnresolved(ctx, tx, in.OperationID)
		if err != nil {
			return err
		}
		touched, err = def.resolve(ctx, tx, e, op)
		return err
	})
	if err != nil {
		return nil, billing.At(err, "operationId")
	}
	for _, o := range touched {
		if err := e.refresh(ctx, o.Type, o.ID); err != nil {
			return nil, unresolved(err, in.OperationID)
		}
	}
	var op *ent.Operation
	err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, def, err := e.lockUnresolved(ctx, tx, in.OperationID)
		if err != nil {
			return err
		}
		if err := def.mark(ctx, tx, found, Settled); err != nil {
			return err
		}
		if op, err = tx.Operation.UpdateOne(found).
			SetStatus(billing.OperationFailed).SetFinishedAt(e.clock()).ClearNextAttemptAt().Save(ctx); err != nil {
			return err
		}
		return key.Operation(ctx, tx, op.ID)
	})
	if err != nil {
		return nil, billing.At(err, "operationId")
	}
	operationsFinished.WithLabelValues(string(op.Kind), string(op.Status)).Inc()
	e.wakeNext(ctx, op)
	return op, nil
}

// lockUnresolved reads an operation that needs attention under lock.
func (e *Engine) lockUnresolved(ctx context.Context, tx *store.Tx, id string) (*ent.Operation, definition, error) {
	op, err := tx.Operation.Query().Where(operation.ID(id), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, nil, store.OrNotFound(err, "operation", id)
	}
	def := e.kinds[op.Kind]
	if op.Status != billing.OperationNeedsAttention || def == nil {
		return nil, nil, billing.Errorf(billing.CodeInvalidInput, "The operation is %s; there is nothing to resolve.", op.Status)
	}
	return op, def, nil
}

// unresolved is the error of an operation whose objects could not be read.
func unresolved(err error, operationID string) error {
	if e := stripeapi.AsError(err); e != nil {
		return billing.Errorf(billing.CodeStripeUnavailable, "Stripe does not answer: %s", e.Error()).About(operationID)
	}
	return errors.Join(errors.New("an object of the operation cannot be read"), err)
}
