package stripesync

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// judge decides what an error of a step means for the operation. stop is
// false when there was none.
func (r *run) judge(ctx context.Context, i int, err error) (state State, stop bool, _ error) {
	if err == nil {
		return Finished, false, nil
	}
	var rejection *billing.Error
	stripeErr := stripeapi.AsError(err)
	switch {
	case errors.As(err, &rejection):
	case stripeErr == nil: // a fault of ours
		return Waiting, true, err
	case stripeErr.Kind == stripeapi.Rejected:
		rejection = stripeapi.Rejection(stripeErr)
	default:
		return Waiting, true, r.wait(ctx, stripeErr)
	}
	if i >= 0 {
		r.op.Steps[i].Status = billing.StepFailed
		r.keep(i, Result{rejectionResult: rejection.Message})
	}
	keepRejection(r.op, rejection)
	r.op.Status = billing.OperationCompensating
	undoes, err := r.undoes(ctx)
	if err != nil {
		return Waiting, true, err
	}
	if undoes { // on record first, so that whoever takes over does not do it again
		if err := r.save(ctx, func(_ context.Context, _ *store.Tx, u *ent.OperationUpdate) error {
			u.SetStatus(billing.OperationCompensating)
			return nil
		}); err != nil {
			return Waiting, true, err
		}
	}
	state, err = r.undo(ctx)
	return state, true, err
}

// undoes reports whether a step was done, or must be undone although it was refused.
func (r *run) undoes(ctx context.Context) (bool, error) {
	for i, step := range r.op.Steps {
		if step.Status == billing.StepDone {
			return true, nil
		}
		if must, err := r.mustUndo(ctx, i); must || err != nil {
			return must, err
		}
	}
	return false, nil
}

// undo takes back the steps that were done, the last one first, and then the
// intent.
func (r *run) undo(ctx context.Context) (State, error) {
	for i := len(r.op.Steps) - 1; i >= 0; i-- {
		must, err := r.mustUndo(ctx, i)
		if err != nil {
			return Waiting, err
		}
		if !must {
			continue
		}
		err = r.compensate(ctx, i)
		if stripeErr := stripeapi.AsError(err); stripeErr != nil {
			if stripeErr.Kind == stripeapi.Rejected {
				return Waiting, r.needAttention(ctx, i, stripeErr)
			}
			return Waiting, r.wait(ctx, stripeErr)
		}
		if err == nil {
			err = r.save(ctx, nil)
		}
		if err != nil {
			return Waiting, err
		}
	}
	for _, step := range r.op.Steps { // what undoing has met with is over
		if message, ok := step.Result[rejectionResult]; ok {
			r.op.LastError = &message
		}
	}
	err := r.save(ctx, func(ctx context.Context, tx *store.Tx, u *ent.OperationUpdate) error {
		u.SetStatus(billing.OperationFailed).AddAttempts(1).SetFinishedAt(r.engine.clock())
		release(u)
		return r.def.discard(ctx, tx, r)
	})
	if err == nil {
		r.count(billing.OperationFailed)
	}
	return Finished, err
}

// rejectionResult keeps why a step was rejected.
const rejectionResult = "refusal"

// undone marks a refused step of which nothing is left in Stripe.
const undone = "undone"

// mustUndo reports whether a step has to be undone, which a step that is kept
// never has: one that was done, and one
// that was refused but may have been done before, by a request whose answer
// was lost. What such a step creates has been looked for already.
func (r *run) mustUndo(ctx context.Context, i int) (bool, error) {
	step := r.op.Steps[i]
	switch {
	case r.def.keeps(step.Name):
		return false, nil
	case step.Status == billing.StepDone:
		return true, nil
	case step.Status != billing.StepFailed, step.Result[undone] != "", r.def.finds(step.Name):
		return false, nil
	}
	return r.calls.inDoubt(ctx, step.Name)
}

// compensate undoes one step. One that was rejected, and may yet be carried out
// by a request that is on its way, is undone with its own key first: Stripe then
// refuses that request. When it says that the key was used, the request has been
// carried out, and is undone like any other.
func (r *run) compensate(ctx context.Context, i int) error {
	step := &r.op.Steps[i]
	key := keyOfUndo
	if step.Status == billing.StepFailed {
		key = ownKey
	}
	for try := 0; ; try++ {
		if step.Look && key == keyOfUndo {
			r.renewKey(i)
		}
		result, err := r.def.undo(r.calls.record(ctx), r, i, key)
		stripeErr := stripeapi.AsError(err)
		if stripeErr != nil && stripeErr.KeySpent && key == ownKey {
			key = keyOfUndo
			continue
		}
		if stripeErr != nil && stripeErr.Kind == stripeapi.Rejected && stripeErr.Code == string(stripe.ErrorCodeResourceMissing) {
			err = nil // what was changed is gone: there is nothing left to undo
		}
		if err == nil {
			if step.Status == billing.StepFailed {
				r.keep(i, Result{undone: "true"})
			} else {
				step.Status = billing.StepCompensated
			}
			r.keep(i, result)
			return nil
		}
		if stripeErr == nil || stripeErr.Kind == stripeapi.Rejected || try == tries-1 || !worthWaiting(stripeErr) {
			return err
		}
		if stripeErr.KeySpent {
			r.renewKey(i)
		}
		if err := r.save(ctx, nil); err != nil {
			return err
		}
		r.engine.pause(ctx, try)
	}
}
