package stripesync

import (
	"context"
	"errors"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/ent/predicate"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// errLeaseLost says that another process has taken an operation over.
var errLeaseLost = errors.New("the lease on the operation was lost")

// lease takes an operation for this process, unless it is over, leased, or
// not the first unfinished one of its scope; op is nil then.
func (e *Engine) lease(ctx context.Context, operationID string) (op *ent.Operation, state State, err error) {
	found, err := e.store.Reader.Operation.Get(ctx, operationID)
	if err != nil {
		return nil, Waiting, err
	}
	now := e.clock()
	switch {
	case found.Status.Finished():
		return nil, Finished, nil
	case found.Status == billing.OperationNeedsAttention:
		return nil, Waiting, nil
	case found.LeaseExpiresAt != nil && found.LeaseExpiresAt.After(now):
		return nil, Busy, nil
	}
	blocked, err := e.store.Reader.Operation.Query().Where(blocking(found.ScopeID, found.SubjectID, found.Position)...).Exist(ctx)
	if err != nil || blocked {
		return nil, Blocked, err
	}
	status := billing.OperationRunning
	if found.Status == billing.OperationCompensating {
		status = billing.OperationCompensating
	}
	ctx = context.WithoutCancel(ctx) // who gets the lease has to know
	token := billing.NewID("lse")
	n, err := e.store.Writer.Operation.Update().
		Where(operation.ID(operationID), operation.StatusEQ(found.Status), operation.Or(
			operation.LeaseExpiresAtIsNil(), operation.LeaseExpiresAtLTE(now),
		)).
		SetStatus(status).
		SetLeaseToken(token).
		SetLeaseExpiresAt(now.Add(Lease)).
		ClearNextAttemptAt().
		Save(ctx)
	if err != nil || n == 0 { // another process was faster
		return nil, Busy, err
	}
	// Others may have had it between the look and the lease.
	op, err = store.OrNil(e.store.Reader.Operation.Query().Where(operation.ID(operationID), operation.LeaseToken(token)).Only(ctx))
	return op, Busy, err
}

// blocking selects the operations that must end before one can run: the earlier
// unfinished ones of its scope. One that needs attention blocks its own subject
// alone, so that nothing else waits for a person.
func blocking(scope, subject string, position int) []predicate.Operation {
	return []predicate.Operation{
		operation.ScopeID(scope), operation.PositionLT(position), operation.FinishedAtIsNil(),
		operation.Or(operation.StatusNEQ(billing.OperationNeedsAttention), operation.SubjectID(subject)),
	}
}

// firstUnfinished is the operation that must run next before a given one can,
// which may be that one itself; empty when that one is over.
func (e *Engine) firstUnfinished(ctx context.Context, operationID string) (string, error) {
	op, err := e.store.Reader.Operation.Get(ctx, operationID)
	if err != nil || op.Status.Finished() {
		return "", err
	}
	id, err := e.store.Reader.Operation.Query().
		Where(blocking(op.ScopeID, op.SubjectID, op.Position+1)...).
		Order(operation.ByPosition()).
		FirstID(ctx)
	if ent.IsNotFound(err) {
		return "", nil // it has ended meanwhile
	}
	return id, err
}

func (e *Engine) nextInScope(ctx context.Context, op *ent.Operation) (string, error) {
	id, err := e.store.Reader.Operation.Query().
		Where(
			operation.ScopeID(op.ScopeID), operation.PositionGT(op.Position), operation.FinishedAtIsNil(),
			operation.StatusNEQ(billing.OperationNeedsAttention),
		).
		Order(operation.ByPosition()).
		FirstID(ctx)
	if ent.IsNotFound(err) {
		return "", nil
	}
	return id, err
}

// sweepGrace is how long the sweep leaves an operation alone that it has woken
// up.
const sweepGrace = 20 * time.Second

// lateAfter is how long an operation may be due before it counts as late: its own
// alarm goes off sooner.
const lateAfter = 5 * time.Second

// Sweep wakes up the operations that are due and that no process holds the lease
// of, the oldest first: those of processes that died, and those that waited for
// Stripe. It does nothing while Stripe is unavailable. It fails only when the
// database does.
func (e *Engine) Sweep(ctx context.Context) (woken int, err error) { return e.sweep(ctx, 0) }

// SweepLate is Sweep for operations that have been due for five seconds, so that it
// leaves those alone whose own alarm is about to wake them up.
func (e *Engine) SweepLate(ctx context.Context) (woken int, err error) {
	return e.sweep(ctx, lateAfter)
}

// mostSwept is how many operations one sweep wakes up of either kind.
const mostSwept = 500

func (e *Engine) sweep(ctx context.Context, dueFor time.Duration) (woken int, err error) {
	if !e.stripe.Available() {
		return 0, nil
	}
	err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := e.clock()
		orphans, err := takeDue(ctx, tx, now, now, operation.LeaseExpiresAtLTE(now))
		if err != nil {
			return err
		}
		due, err := takeDue(ctx, tx, now, now.Add(-dueFor), operation.LeaseExpiresAtIsNil())
		if err != nil {
			return err
		}
		woken = len(orphans) + len(due)
		if len(orphans) > 0 {
			err = e.alarm.Rescue(ctx, tx, orphans...)
		}
		if err == nil && len(due) > 0 {
			err = e.alarm.Schedule(ctx, tx, now, due...)
		}
		return err
	})
	return woken, err
}

// takeDue are unfinished operations of one kind whose time has come, the oldest
// first, which other sweeps leave alone from now on.
func takeDue(ctx context.Context, tx *store.Tx, now, dueAt time.Time, kind predicate.Operation) ([]string, error) {
	ids, err := tx.Operation.Query().
		Where(
			kind, operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention),
			operation.Or(operation.NextAttemptAtIsNil(), operation.NextAttemptAtLTE(dueAt)),
			store.ForUpdateIfFree,
		).
		Order(operation.ByCreatedAt(), operation.ByID()).
		Limit(mostSwept).
		IDs(ctx)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return ids, tx.Operation.Update().Where(operation.IDIn(ids...)).SetNextAttemptAt(now.Add(sweepGrace)).Exec(ctx)
}
