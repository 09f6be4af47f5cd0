package stripesync

import (
	"context"
	"errors"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/idempotency"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Object names an object in Stripe by Stripe's name of its type, and its id.
type Object struct{ Type, ID string }

// ResolveOperation is the input of [Engine.ResolveOperation].
type ResolveOperation struct {
	OperationID string
	// Accept says whose state is accepted; there is only Stripe's.
	Accept         billing.ResolutionSource
	IdempotencyKey *string
}

// ResolveOperation ends an operation that needs attention as FAILED: every object
// that it may have changed is read from Stripe and shown here as it is there, and
// the operations that waited behind it continue.
//
// It returns NOT_FOUND for an unknown operation, INVALID_INPUT for one that does
// not need attention, and IDEMPOTENCY_KEY_REUSED. It returns STRIPE_UNAVAILABLE
// when Stripe does not answer, and OPERATION_IN_PROGRESS when another operation is
// changing one of the objects; the operation still needs attention then.
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
	op, err := e.giveUp(ctx, in.OperationID, key)
	if err != nil {
		return nil, billing.At(err, "operationId")
	}
	operationsFinished.WithLabelValues(string(op.Kind), string(op.Status)).Inc()
	e.wakeNext(ctx, op)
	return op, nil
}

// giveUp ends an operation that needs attention, whose objects are shown by now.
func (e *Engine) giveUp(ctx context.Context, id string, key *idempotency.Binding) (op *ent.Operation, err error) {
	err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, def, err := e.lockUnresolved(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := def.forget(ctx, tx, e, found); err != nil {
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
	return op, err
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
