package stripesync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"strings"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// tries is how often a step is tried before its operation waits.
const tries = 3

// run is one process's turn at one operation.
type run struct {
	engine *Engine
	op     *ent.Operation
	def    definition
	calls  *callLog
	// leasedUntil is when the lease lapses, unless it is renewed.
	leasedUntil time.Time
	// ahead says that a step is done of which the database does not know yet.
	ahead bool
}

// advanceOrFault is advance, where a panic is a fault of the operation like every other:
// a mistake in the code must not end the process, and with it the changes of others.
func (r *run) advanceOrFault(ctx context.Context) (state State, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			state, err = Waiting, fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return r.advance(ctx)
}

// advance takes the operation forward, or back, as far as it goes now.
func (r *run) advance(ctx context.Context) (State, error) {
	if r.op.Status == billing.OperationCompensating {
		return r.undo(ctx)
	}
	for i := 0; i < len(r.op.Steps); i++ {
		if r.op.Steps[i].Status == billing.StepDone {
			continue
		}
		err := r.step(ctx, i)
		var first *stepBeforeError
		if errors.As(err, &first) {
			if err = r.putBefore(ctx, i, first); err == nil {
				i = -1 // from the beginning
				continue
			}
		}
		r.ahead = r.ahead || err == nil // stored with the next request, the end or a fault
		if state, stop, err := r.judge(ctx, i, err); stop {
			return state, err
		}
	}
	return r.finish(ctx)
}

// finish shows readers the new state.
func (r *run) finish(ctx context.Context) (State, error) {
	err := r.save(ctx, func(ctx context.Context, tx *store.Tx, u *ent.OperationUpdate) error {
		u.SetStatus(billing.OperationSucceeded).AddAttempts(1).SetFinishedAt(r.engine.clock())
		release(u)
		u.ClearErrorCode().ClearLastError()
		if err := r.showAgain(ctx, tx); err != nil {
			return err
		}
		return r.def.finish(ctx, tx, r)
	})
	if err == nil {
		r.count(billing.OperationSucceeded)
	}
	var rejection *billing.Error
	if errors.As(err, &rejection) { // another change here won, an e-mail say
		state, _, err := r.judge(ctx, -1, rejection)
		return state, err
	}
	return Finished, err
}

// showAgain has Stripe's reports on the objects shown again that were shown while the
// operation needed attention, as its end, which knows nothing of them, is about to write
// over them.
func (r *run) showAgain(ctx context.Context, tx *store.Tx) error {
	if r.op.Faults < maxFaults {
		return nil
	}
	objects, err := r.def.resolve(ctx, tx, r.engine, r.op)
	if err != nil {
		return err
	}
	return r.engine.again(ctx, tx, r.op.CreatedAt, objects)
}

func (r *run) count(s billing.OperationStatus) {
	operationsFinished.WithLabelValues(string(r.op.Kind), string(s)).Inc()
}

// step carries one step out. A failure that may pass is tried again with the
// same idempotency key, a few times.
func (r *run) step(ctx context.Context, i int) error {
	step := &r.op.Steps[i]
	repeated := false
	for try := 0; ; try++ {
		if found, err := r.lookIfStale(ctx, i); found || err != nil {
			return err
		}
		result, err := r.def.do(r.calls.record(ctx), r, i)
		stripeErr := stripeapi.AsError(err)
		if err == nil || stripeErr == nil {
			if err == nil {
				step.Status = billing.StepDone
			}
			r.keep(i, result)
			return err
		}
		r.keep(i, result)
		if stripeErr.Kind == stripeapi.Rejected {
			executed, doubtErr := r.settleDoubt(ctx, i)
			switch {
			case doubtErr != nil:
				return doubtErr
			case step.Status == billing.StepDone:
				return nil
			case executed && !repeated: // Stripe has the answer by now, and repeats it
				repeated = true
				continue
			}
			return err
		}
		if try == tries-1 || !worthWaiting(stripeErr) {
			return err
		}
		if stripeErr.KeySpent {
			if found, err := r.look(ctx, i); found || err != nil {
				return err
			}
		}
		if err := r.save(ctx, nil); err != nil { // a sign of life, and the new generation
			return err
		}
		r.engine.pause(ctx, try)
	}
}

// worthWaiting reports whether a failure may pass while somebody waits.
func worthWaiting(f *stripeapi.Error) bool {
	return f.Kind != stripeapi.Misconfigured && !f.NotSent && f.RetryAfter <= time.Second
}

// look looks for the object that a step was to create, which a request with a
// key that is of no use any more may have created. When there is none, the
// next request gets a new key.
//
// It is the one door to a new key of a step that is to be done.
func (r *run) look(ctx context.Context, i int) (found bool, err error) {
	step := &r.op.Steps[i]
	if r.def.finds(step.Name) {
		var result Result
		if result, found, err = r.def.find(r.calls.record(ctx), r, i); err != nil {
			return false, stripeapi.Untold(err)
		}
		if found {
			step.Status, step.Look = billing.StepDone, false
			r.keep(i, result)
			return true, nil
		}
	}
	r.renewKey(i)
	return false, nil
}

// renewKey gives a step another idempotency key. It is for [run.look], and for
// undoing, which can be repeated without harm.
func (r *run) renewKey(i int) {
	r.op.Steps[i].Generation++
	r.op.Steps[i].Look = false
}

// lookIfStale looks for the object that a step was to create, when Stripe may
// have forgotten the key, or when the operation was started over. That is the
// only way to a new key.
func (r *run) lookIfStale(ctx context.Context, i int) (found bool, err error) {
	step := &r.op.Steps[i]
	if step.Look {
		return r.look(ctx, i)
	}
	if !r.def.finds(step.Name) {
		return false, nil
	}
	if stale, err := r.keyIsStale(ctx, r.key(i)); err != nil || !stale {
		return false, err
	}
	return r.look(ctx, i)
}

// settleDoubt makes sure of what became of a rejected step, an earlier request
// of which may have been carried out, or may yet be: the key is spent, so that
// nothing comes after, and then the object is looked for that the step was to
// create. executed reports that Stripe has carried out a request with the key.
func (r *run) settleDoubt(ctx context.Context, i int) (executed bool, err error) {
	name := r.op.Steps[i].Name
	if doubt, err := r.calls.inDoubt(ctx, name); err != nil || !doubt {
		return false, err
	}
	err = r.def.spend(r.calls.record(ctx), r, i)
	switch stripeErr := stripeapi.AsError(err); {
	case err == nil, stripeapi.IsGone(err): // what is gone takes no late request either
	case stripeErr != nil && stripeErr.Kind == stripeapi.Rejected: // Stripe keeps no key of a request that it finds invalid
		return false, fmt.Errorf("a request of %s may yet be carried out, and Stripe refuses what would prevent that: %s", name, stripeErr.Message)
	case stripeErr != nil && stripeErr.KeySpent:
		executed = true
	default:
		return false, err
	}
	if r.def.finds(name) {
		_, err = r.look(ctx, i)
		return executed, err
	}
	return executed, nil
}

// keep adds to what a step has of Stripe's answers.
func (r *run) keep(i int, result Result) {
	if len(result) == 0 {
		return
	}
	kept := maps.Clone(r.op.Steps[i].Result)
	if kept == nil {
		kept = Result{}
	}
	maps.Copy(kept, result)
	r.op.Steps[i].Result = kept
}

// key is the idempotency key of a step.
func (r *run) key(i int) string {
	step := r.op.Steps[i]
	key := r.op.ID + ":" + step.Name
	if step.Generation > 0 {
		key += fmt.Sprintf(":%d", step.Generation)
	}
	return key
}

// IsKey reports whether an idempotency key is an operation's.
func IsKey(key string) bool {
	operation, _, ok := strings.Cut(key, ":")
	return ok && strings.HasPrefix(operation, billing.OperationPrefix+"_")
}

// keyLifetime is how long Stripe surely remembers an idempotency key: a day,
// less an hour for caution.
const keyLifetime = 23 * time.Hour

// keyIsStale reports whether Stripe may have forgotten a key that was used.
func (r *run) keyIsStale(ctx context.Context, key string) (bool, error) {
	now := r.engine.clock()
	if now.Sub(r.op.CreatedAt) < keyLifetime {
		return false, nil
	}
	return r.calls.usedBefore(ctx, key, now.Add(-keyLifetime))
}

// hold renews the lease when what is left of it may be too short for a
// request. It fails when the lease was lost, so that the request does not
// leave.
func (r *run) hold(ctx context.Context) error {
	if r.mayAsk() {
		return nil
	}
	return r.save(ctx, nil)
}

// mayAsk reports whether what is left of the lease is long enough for a request.
func (r *run) mayAsk() bool { return r.engine.clock().Before(r.leasedUntil.Add(-leaseForRequest)) }

// admit is hold for a request that is put on record, together with what the step
// before has done.
func (r *run) admit(ctx context.Context, record func(context.Context, store.Writer) error) error {
	if r.mayAsk() && !r.ahead {
		return record(ctx, r.engine.store.Writer)
	}
	return r.save(ctx, func(ctx context.Context, tx *store.Tx, _ *ent.OperationUpdate) error {
		return record(ctx, tx.Writer)
	})
}

// release ends the lease.
func release(u *ent.OperationUpdate) { u.ClearLeaseToken().ClearLeaseExpiresAt() }

// save persists the steps and the calls made since the last time, with what a
// function adds, and renews the lease unless the function ends it. It fails
// when the lease was lost.
func (r *run) save(ctx context.Context, more func(context.Context, *store.Tx, *ent.OperationUpdate) error) error {
	until := r.engine.clock().Add(Lease)
	err := r.engine.store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		if err := r.calls.flush(ctx, tx.Writer); err != nil {
			return err
		}
		update := tx.Operation.Update().
			Where(operation.ID(r.op.ID), operation.LeaseToken(*r.op.LeaseToken)).
			SetSteps(r.op.Steps).
			SetLeaseExpiresAt(until)
		if r.op.LastError != nil {
			update.SetLastError(*r.op.LastError).SetNillableErrorCode(r.op.ErrorCode).
				SetNillableErrorNodeID(r.op.ErrorNodeID).SetNillableDeclineCode(r.op.DeclineCode)
			if r.op.ErrorPath != nil {
				update.SetErrorPath(r.op.ErrorPath)
			}
		}
		if more != nil {
			if err := more(ctx, tx, update); err != nil {
				return err
			}
		}
		n, err := update.Save(ctx)
		if err == nil && n == 0 {
			err = errLeaseLost
		}
		return err
	})
	if err == nil {
		r.leasedUntil, r.ahead = until, false
		r.calls.flushed()
	}
	return err
}
