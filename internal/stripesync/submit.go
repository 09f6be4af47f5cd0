package stripesync

import (
	"context"
	"errors"
	"time"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/idempotency"
	"tallystick/internal/store"
)

// Mutation is a change that a client asks for.
type Mutation struct {
	// Name is the mutation's name in the schema.
	Name string
	// Key is the client's idempotency key, nil if it gave none, and Input the input
	// that the key is bound to.
	Key   *string
	Input any
	// Check validates the input, before the database is asked; nil to validate nothing.
	Check func() error
	// Begin checks the rules, records the intent and begins the operation, in one
	// transaction, which may be repeated. It sends no request to Stripe.
	Begin func(context.Context, *store.Tx) (*ent.Operation, error)
	// Background says that the client does not wait for Stripe.
	Background bool
	// InsertsOnly says that Begin inserts rows and reads none, so that its transaction
	// takes one round trip.
	InsertsOnly bool
}

// Submit carries a mutation out and returns its operation as it is when it has
// finished or [Engine.Budget] is over, with a [billing.Error] if it was rejected.
// Stripe being unavailable is not an error: the operation is PENDING then. The
// operation is nil when the mutation was rejected before it began.
//
// Repeating a mutation with the same idempotency key and input returns the
// operation of the first one; with another input Submit returns
// IDEMPOTENCY_KEY_REUSED. It returns OPERATION_IN_PROGRESS when an earlier
// operation on the same object has not finished in time, and the errors of Check
// and Begin unchanged.
func (e *Engine) Submit(ctx context.Context, m Mutation) (*ent.Operation, error) {
	deadline := e.Deadline()
	key, err := e.keys.Bind(ctx, m.Name, m.Key, m.Input)
	if err != nil {
		return nil, err
	}
	if op, err := e.replay(ctx, key, m, deadline); op != nil || err != nil {
		return op, err
	}
	if m.Check != nil {
		if err := m.Check(); err != nil {
			return nil, err
		}
	}
	op, err := e.begin(ctx, m, key, deadline)
	if err != nil {
		// The same request may have come a moment before, and won.
		if op, replayErr := e.replay(ctx, key, m, deadline); op != nil || replayErr != nil {
			return op, replayErr
		}
		return nil, err
	}
	if !m.Background {
		if op, err = e.Execute(ctx, op, deadline); err != nil {
			return nil, err
		}
	}
	return op, rejectionOf(op)
}

// begin opens the transaction in which a mutation begins. Where an earlier
// operation on the same object is unfinished, it waits for that one first, and
// gives up at the deadline with OPERATION_IN_PROGRESS.
func (e *Engine) begin(ctx context.Context, m Mutation, key *idempotency.Binding, deadline time.Time) (op *ent.Operation, err error) {
	inTx := e.store.InTx
	if m.InsertsOnly {
		inTx = e.store.InPipeline
	}
	for {
		err = inTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if op, err = m.Begin(ctx, tx); err != nil {
				return err
			}
			return key.Operation(ctx, tx, op.ID)
		})
		if errors.Is(err, store.ErrInDoubt) {
			return e.ifCommitted(ctx, op, err, deadline)
		}
		var busy *busyError
		if !errors.As(err, &busy) {
			return op, err
		}
		earlier, err := e.AwaitEnd(ctx, busy.operation, deadline)
		if err != nil {
			return nil, err
		}
		if !earlier.Status.Finished() {
			return nil, billing.Errorf(billing.CodeOperationInProgress,
				"An earlier operation on the same object (%s) must finish first.", earlier.Kind).About(earlier.ID)
		}
	}
}

// ifCommitted is an operation whose transaction may have been committed or not. The
// error remains when it was not, and when that cannot be found out in time.
func (e *Engine) ifCommitted(ctx context.Context, op *ent.Operation, inDoubt error, deadline time.Time) (*ent.Operation, error) {
	for e.now().Before(deadline) {
		found, err := store.OrNil(e.store.Reader.Operation.Get(ctx, op.ID))
		switch {
		case found != nil:
			return found, nil
		case err == nil:
			return nil, inDoubt
		}
		select {
		case <-ctx.Done():
			return nil, inDoubt
		case <-time.After(pollEvery):
		}
	}
	return nil, inDoubt
}

// busyError says that an earlier operation on the same object is unfinished.
type busyError struct{ operation *ent.Operation }

func (e *busyError) Error() string { return "operation " + e.operation.ID + " is unfinished" }

// BusyWith returns the unfinished operation because of which [Engine.NotBusy]
// returned an error; nil for an error of another cause.
func BusyWith(err error) *ent.Operation {
	var busy *busyError
	if errors.As(err, &busy) {
		return busy.operation
	}
	return nil
}

// NotBusy returns an error when an operation on the object of a link is unfinished,
// unless its kind is one of those that the new operation may queue up behind. From
// a mutation's Begin, the error makes [Engine.Submit] wait for that operation and
// begin again.
func (e *Engine) NotBusy(ctx context.Context, tx *store.Tx, link *billing.StripeLink, behind ...billing.OperationKind) error {
	op, err := e.Unfinished(ctx, tx, link)
	if err != nil || op == nil {
		return err
	}
	for _, kind := range behind {
		if op.Kind == kind && op.Status != billing.OperationNeedsAttention {
			return nil
		}
	}
	return &busyError{op}
}

// rejectionOf is why an operation was rejected, as an error.
func rejectionOf(op *ent.Operation) error {
	if r := Rejection(op); r != nil {
		return r
	}
	return nil
}

// replay returns what the key's first mutation began, or nil.
func (e *Engine) replay(ctx context.Context, b *idempotency.Binding, m Mutation, deadline time.Time) (*ent.Operation, error) {
	op, err := bound(ctx, b)
	if op == nil || err != nil {
		return nil, err
	}
	if !m.Background {
		if op, err = e.Await(ctx, op, deadline); err != nil {
			return nil, err
		}
	}
	return op, rejectionOf(op)
}

// bound is the operation that a key is bound to; nil when there is none.
func bound(ctx context.Context, b *idempotency.Binding) (*ent.Operation, error) {
	first, err := b.First(ctx)
	if first == nil || err != nil {
		return nil, err
	}
	return first.Edges.Operation, nil
}

// Left returns the time until a deadline; negative when it has passed.
func (e *Engine) Left(deadline time.Time) time.Duration { return deadline.Sub(e.now()) }

// Deadline returns when a mutation that begins now stops waiting for Stripe.
func (e *Engine) Deadline() time.Time { return e.now().Add(e.budget) }
