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
	// Name is the mutation's in the schema.
	Name  string
	Key   *string // the client's idempotency key
	Input any     // what the key is bound to
	Check func() error
	// Begin checks the rules, records the intent and begins the operation.
	Begin func(context.Context, *store.Tx) (*ent.Operation, error)
	// Background says that the client does not wait for Stripe.
	Background bool
}

// Submit carries a mutation out and returns its operation as it stands when the
// client's time is up, with the rejection if there was one. The operation is
// nil when the mutation was rejected before it began. The same idempotency key
// and input return the first operation; another input is
// IDEMPOTENCY_KEY_REUSED. What cannot be decided before an earlier operation on
// the same object has ended is OPERATION_IN_PROGRESS when time is up.
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
	for {
		err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
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

// BusyWith is the unfinished operation that [Engine.NotBusy] has met with; nil
// when an error has another cause.
func BusyWith(err error) *ent.Operation {
	var busy *busyError
	if errors.As(err, &busy) {
		return busy.operation
	}
	return nil
}

// NotBusy fails when an operation on an object is unfinished, unless it is of
// one of the kinds that the command may queue up behind.
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

// Left is how much time there is until a deadline.
func (e *Engine) Left(deadline time.Time) time.Duration { return deadline.Sub(e.now()) }

// Deadline is when a mutation that starts now gives up waiting for Stripe.
func (e *Engine) Deadline() time.Time { return e.now().Add(e.budget) }
