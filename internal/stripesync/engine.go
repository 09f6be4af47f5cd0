// Package stripesync keeps the two halves of the billing data equal: the
// database here and Stripe.
//
// An operation is one change to both. Its row says what is to be done, how
// far it has come and who is at it; it is the truth, and the job queue is only
// the alarm clock. Beginning an operation is part of the transaction that
// records the intent. Carrying it out asks Stripe step by step, with no
// transaction open. Finishing it is one transaction that shows readers the new
// state. When Stripe says no, the steps that were done are undone in reverse.
// When a process dies, its lease on the operation lapses and another one goes
// on where it stopped.
package stripesync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tallystick/ent"
	"tallystick/internal/backoff"
	"tallystick/internal/billing"
	"tallystick/internal/idempotency"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Alarm wakes operations up. An alarm that is lost does no harm: the sweep finds
// the operations that are late.
type Alarm interface {
	// Schedule wakes operations up at a time, in any replica. It is part of the
	// transaction that makes them wait.
	Schedule(ctx context.Context, tx *store.Tx, at time.Time, operationIDs ...string) error
	// Rescue wakes operations up now, before all that Schedule has woken up: those
	// of a process that died in the middle of them.
	Rescue(ctx context.Context, tx *store.Tx, operationIDs ...string) error
	// Wake wakes an operation up at once, in this process, and costs nothing. It is
	// called once the operation is committed.
	Wake(operationID string)
}

// Lease is how long an operation belongs to the process that carries it out,
// counted from its last sign of life.
const Lease = 15 * time.Second

// leaseForRequest is what is left of a lease when a request leaves: more than
// a request can take, so that nobody else changes the object meanwhile.
const leaseForRequest = 10 * time.Second

// Options configure an [Engine].
type Options struct {
	Store  *store.Store
	Stripe *stripeapi.Client
	Alarm  Alarm
	Logger *slog.Logger
	// Requester tells who asks for an operation; nil for the program itself.
	Requester func(context.Context) *Requester
	// Refresh reads an object from Stripe and shows it here. One that cannot be
	// shown is passed over.
	Refresh func(ctx context.Context, objectType, stripeID string) error
	// Gone asks Stripe whether an object has been deleted there that a request was
	// rejected for, and shows that here if so, whatever is under way.
	Gone func(ctx context.Context, objectType, stripeID string) (bool, error)
	// Budget is how long a mutation waits for Stripe; 10 seconds by default.
	Budget time.Duration
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Pause waits between two tries of a step; by default 100 ms, 300 ms.
	Pause func(ctx context.Context, try int)
}

// Requester is who has asked for an operation.
type Requester struct{ Kind, ID, Label string }

// Engine carries operations out.
type Engine struct {
	store     *store.Store
	stripe    *stripeapi.Client
	alarm     Alarm
	logger    *slog.Logger
	budget    time.Duration
	now       func() time.Time
	pause     func(context.Context, int)
	kinds     map[billing.OperationKind]definition
	keys      *idempotency.Keys
	requester func(context.Context) *Requester
	refresh   func(ctx context.Context, objectType, stripeID string) error
	gone      func(ctx context.Context, objectType, stripeID string) (bool, error)

	mu      sync.Mutex
	driving map[string]chan struct{} // by operation; closed when this process lets go of it
	work    sync.WaitGroup
	stop    context.Context //nolint:containedctx // the engine's own life, which outlives every request
	cancel  context.CancelFunc
}

// New builds an engine.
func New(o Options) *Engine {
	e := &Engine{
		store: o.Store, stripe: o.Stripe, alarm: o.Alarm, logger: o.Logger,
		budget: o.Budget, now: o.Now, pause: o.Pause,
		driving: map[string]chan struct{}{}, kinds: map[billing.OperationKind]definition{}, keys: idempotency.New(o.Store), refresh: o.Refresh, gone: o.Gone,
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	if e.budget == 0 {
		e.budget = 10 * time.Second
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.pause == nil {
		e.pause = pause
	}
	if e.requester = o.Requester; e.requester == nil {
		e.requester = func(context.Context) *Requester { return nil }
	}
	e.stop, e.cancel = context.WithCancel(context.Background()) //nolint:forbidigo // work outlives the requests that begin it
	return e
}

// Budget is how long a mutation waits for Stripe.
func (e *Engine) Budget() time.Duration { return e.budget }

// Close waits for what is under way, until the context ends. What is not done
// by then goes on in another process, or when this one starts again.
func (e *Engine) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		e.work.Wait()
		close(done)
	}()
	defer e.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("operations were still under way; they go on when the server starts again")
	}
}

func (e *Engine) clock() time.Time { return e.now().UTC().Truncate(time.Microsecond) }

func pause(ctx context.Context, try int) {
	d := 100 * time.Millisecond
	for range try {
		d *= 3
	}
	select {
	case <-ctx.Done():
	case <-time.After(backoff.Spread(d)):
	}
}

// Later does something that nobody waits for, and that [Engine.Close] does wait for.
func (e *Engine) Later(do func(context.Context)) { e.work.Go(func() { do(e.stop) }) }

// Execute carries out an operation that this process has just begun, and
// waits until it has come to its end or has to wait, but no longer than until
// the deadline. It returns the operation as it stands then; what is not done
// goes on by itself.
func (e *Engine) Execute(ctx context.Context, op *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	return e.await(ctx, e.drive(op.ID, op), op, deadline)
}

// Go is Execute for somebody who does not wait.
func (e *Engine) Go(op *ent.Operation) { e.drive(op.ID, op) }

// Await is Execute for an operation that may be anybody's.
func (e *Engine) Await(ctx context.Context, op *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	if op.Status.Finished() {
		return op, nil
	}
	return e.await(ctx, e.drive(op.ID, nil), op, deadline)
}

// AwaitEnd is Await for somebody who needs the operation to be over: it goes on
// waiting while the operation waits for Stripe, but not for attention.
func (e *Engine) AwaitEnd(ctx context.Context, op *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	op, err := e.Await(ctx, op, deadline)
	for err == nil && !op.Status.Finished() && op.Status != billing.OperationNeedsAttention && e.now().Before(deadline) {
		select {
		case <-ctx.Done():
			return op, nil
		case <-time.After(min(pollEvery, max(0, deadline.Sub(e.now())))):
		}
		op, err = e.store.Reader.Operation.Get(ctx, op.ID)
	}
	return op, err
}

// await waits until an operation is let go of, but no longer than until the
// deadline, and returns it as it stands then. While the database does not answer,
// it is PENDING: it has begun, and goes on.
func (e *Engine) await(ctx context.Context, done <-chan struct{}, begun *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	timer := time.NewTimer(deadline.Sub(e.now()))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done(): // the client has gone; the operation goes on
	}
	op, err := e.store.Reader.Operation.Get(context.WithoutCancel(ctx), begun.ID)
	if err != nil {
		e.logger.ErrorContext(ctx, "how an operation stands cannot be read", "operation", begun.ID, "error", err)
		shown := *begun
		op = &shown
	}
	if op.Status == billing.OperationRunning {
		op.Status = billing.OperationPending // to the client, who has given up waiting for it
	}
	return op, nil
}

// drive carries an operation forward in the background, after the earlier ones
// of its scope. begun is the operation when its lease came with its beginning.
// The channel closes when it has come to its end or has to wait.
func (e *Engine) drive(operationID string, begun *ent.Operation) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	// Whoever waits for an operation that has only just been committed may be
	// here before the one that has its lease, without whom nothing moves.
	if done, ok := e.driving[operationID]; ok && (begun == nil || begun.LeaseToken == nil) {
		return done
	}
	done := make(chan struct{})
	e.driving[operationID] = done
	e.work.Go(func() {
		defer func() {
			e.mu.Lock()
			if e.driving[operationID] == done {
				delete(e.driving, operationID)
			}
			e.mu.Unlock()
			close(done)
		}()
		if err := e.driveOn(e.stop, operationID, begun); err != nil {
			e.logger.Error("an operation stopped on a fault here; it is taken up again",
				"operation", operationID, "error", err)
		}
	})
	return done
}

// pollEvery is how often a process looks whether another one is done with an
// operation.
const pollEvery = 50 * time.Millisecond

func (e *Engine) driveOn(ctx context.Context, operationID string, begun *ent.Operation) error {
	if begun != nil && begun.LeaseToken != nil {
		_, err := e.carryOut(ctx, begun)
		return err
	}
	patience := e.now().Add(e.budget)
	for {
		next, err := e.firstUnfinished(ctx, operationID)
		if err != nil || next == "" {
			return err
		}
		state, err := e.Run(ctx, next)
		switch {
		case err != nil:
			return err
		case state == Waiting, state == Finished && next == operationID:
			return nil
		case state == Busy && e.now().After(patience):
			return nil
		case state == Busy:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pollEvery):
			}
		}
	}
}

// State is how a run left an operation.
type State int

// The ways in which a run can leave an operation.
const (
	Finished State = iota
	Waiting        // for Stripe, for an earlier operation, or for attention
	Busy           // another process is at it
)

// Run carries an operation forward as far as it goes now. It is the same for
// requests and for workers, and harmless at any time.
func (e *Engine) Run(ctx context.Context, operationID string) (State, error) {
	op, state, err := e.lease(ctx, operationID)
	if err != nil || op == nil {
		return state, err
	}
	return e.carryOut(ctx, op)
}

// carryOut is Run for an operation that this process has the lease on.
func (e *Engine) carryOut(ctx context.Context, op *ent.Operation) (State, error) {
	def, ok := e.kinds[op.Kind]
	if !ok {
		return Waiting, fmt.Errorf("operation %s is of an unknown kind: %s", op.ID, op.Kind)
	}
	r := &run{engine: e, op: op, def: def, leasedUntil: *op.LeaseExpiresAt}
	r.calls = &callLog{engine: e, operationID: op.ID, hold: r.hold}
	state, err := r.advance(ctx)
	if flushErr := r.calls.flushLeftover(ctx); flushErr != nil {
		e.logger.Warn("calls to Stripe have no outcome on record", "operation", op.ID, "error", flushErr)
	}
	switch {
	case errors.Is(err, errLeaseLost):
		return Busy, nil
	case err != nil:
		return Waiting, errors.Join(err, r.fault(ctx))
	case state == Finished:
		e.wakeNext(ctx, op)
	}
	return state, nil
}

// wakeNext starts the next operation of the scope.
func (e *Engine) wakeNext(ctx context.Context, op *ent.Operation) {
	next, err := e.nextInScope(context.WithoutCancel(ctx), op)
	if err != nil {
		e.logger.Warn("could not look for the next operation; the sweep will", "error", err)
		return
	}
	if next != "" {
		e.drive(next, nil)
	}
}
