// Package stripesync keeps the two halves of the billing data equal: the database
// here and Stripe.
//
// An operation is one change to both. Its row is the truth: it says what is to be
// done, how far it has come and which process holds its lease; the job queue only
// wakes it up. An operation begins in the transaction that records the intent. Its
// steps send their requests to Stripe with no transaction open. It finishes in one
// transaction that shows readers the new state. When Stripe rejects a step, the
// steps before it are undone in reverse order. When a process dies, its lease
// expires and another process continues from the last step on record.
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

// Alarm wakes operations up when they are due. An alarm that is lost costs time
// only: the sweep finds operations that are overdue.
type Alarm interface {
	// Schedule wakes operations up at a time, in any replica. It is part of the
	// transaction that makes them wait, which fails when it does.
	Schedule(ctx context.Context, tx *store.Tx, at time.Time, operationIDs ...string) error
	// Rescue wakes operations up now, ahead of those that Schedule wakes up. It is
	// for the operations of a process that died while it carried them out.
	Rescue(ctx context.Context, tx *store.Tx, operationIDs ...string) error
	// Wake wakes an operation up now, in this process or, where that cannot reach
	// Stripe, in another one. It is called after the commit, must not block, and may
	// drop the operation.
	Wake(operationID string)
}

// Lease is how long a process holds an operation without renewing its lease. After
// that another process may take it.
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
	// Requester returns who asks for an operation; nil for the program itself.
	Requester func(context.Context) *Requester
	// Refresh reads an object from Stripe and shows it here. One that cannot be
	// shown is passed over.
	Refresh func(ctx context.Context, objectType, stripeID string) error
	// Gone asks Stripe whether it has deleted an object that a request was rejected
	// for, and shows that here if so, also during an operation on the object.
	Gone func(ctx context.Context, objectType, stripeID string) (bool, error)
	// Again has what Stripe has reported about objects since a time, and what was shown
	// here because of that, read and shown once more after the commit.
	Again func(ctx context.Context, tx *store.Tx, since time.Time, objects []Object) error
	// Budget is how long a mutation waits for Stripe; 10 seconds by default.
	Budget time.Duration
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Pause waits between two attempts at a step; by default 100 ms, then 300 ms.
	Pause func(ctx context.Context, try int)
}

// Requester identifies who asked for an operation, as the operation shows it.
type Requester struct{ Kind, ID, Label string }

// Engine carries operations out. Its methods may be called concurrently.
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
	again     func(ctx context.Context, tx *store.Tx, since time.Time, objects []Object) error

	mu      sync.Mutex
	driving map[string]chan struct{} // by operation; closed when this process lets go of it
	work    sync.WaitGroup
	stop    context.Context //nolint:containedctx // the engine's own life, which outlives every request
	cancel  context.CancelFunc
}

// New builds an engine. Every kind of operation must be declared to it with
// [Declare] before it begins to work.
func New(o Options) *Engine {
	e := &Engine{
		store: o.Store, stripe: o.Stripe, alarm: o.Alarm, logger: o.Logger,
		budget: o.Budget, now: o.Now, pause: o.Pause,
		driving: map[string]chan struct{}{}, kinds: map[billing.OperationKind]definition{}, keys: idempotency.New(o.Store),
		refresh: o.Refresh, gone: o.Gone, again: o.Again,
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

// Budget returns how long a mutation waits for Stripe before it answers with its
// operation PENDING.
func (e *Engine) Budget() time.Duration { return e.budget }

// Close waits until no operation is being carried out by this process. When the
// context ends first, it stops them and returns an error; another process continues
// them after their leases expire, or this program when it starts again.
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

// Later runs a function in the background. [Engine.Close] waits for it, and ends
// its context when time is up.
func (e *Engine) Later(do func(context.Context)) { e.work.Go(func() { do(e.stop) }) }

// Execute carries out an operation whose lease came with its beginning, and waits
// until it has finished or waits for Stripe, but not beyond the deadline. It
// returns the operation as it is then, PENDING if it is still running; the engine
// continues it in the background. That the operation was rejected is not an error
// here: see [Rejection].
func (e *Engine) Execute(ctx context.Context, op *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	return e.await(ctx, e.drive(op.ID, op), op, deadline)
}

// Go is Execute without waiting.
func (e *Engine) Go(op *ent.Operation) { e.drive(op.ID, op) }

// Await is Execute for an operation that another process may hold the lease of. One
// that has finished is returned as it is.
func (e *Engine) Await(ctx context.Context, op *ent.Operation, deadline time.Time) (*ent.Operation, error) {
	if op.Status.Finished() {
		return op, nil
	}
	return e.await(ctx, e.drive(op.ID, nil), op, deadline)
}

// AwaitEnd is Await for a caller who needs the operation to have finished: it also
// waits while the operation waits for Stripe. It returns an unfinished operation at
// the deadline, and as soon as one needs attention. It fails when the operation
// cannot be read.
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
	// A caller that waits for an operation that was committed a moment ago may come
	// before the one that has its lease, and must not keep that one from it.
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
	next := operationID
	for {
		state, err := e.Run(ctx, next)
		switch {
		case err != nil, state == Waiting, state == Finished && next == operationID, state == Busy && e.now().After(patience):
			return err
		case state == Finished: // one that had to come first
			next = operationID
		case state == Blocked:
			if next, err = e.firstUnfinished(ctx, next); err != nil {
				return err
			}
			if next == "" { // it has ended meanwhile
				next = operationID
			}
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
	// Finished operations have SUCCEEDED or FAILED.
	Finished State = iota
	// Waiting operations wait for Stripe, or for attention.
	Waiting
	// Blocked operations wait for an earlier one of their scope, or have just waited.
	Blocked
	// Busy operations are leased by another process.
	Busy
)

// Run takes the lease of an operation and carries it as far as possible now. It may
// be called at any time by any process: it returns Busy while another process holds
// the lease, Blocked for an operation that must wait for an earlier one, and Waiting
// for one that waits for Stripe or for attention. An error is an internal one, such as
// the database's; the operation is tried again later, and needs attention after twenty
// of them.
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
	r.calls = &callLog{engine: e, operationID: op.ID, admit: r.admit}
	state, err := r.advanceOrFault(ctx)
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
