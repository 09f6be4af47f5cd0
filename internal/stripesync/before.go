package stripesync

import (
	"context"
	"slices"

	"tallystick/internal/billing"
)

// Before returns the error by which a step demands that another step of its
// operation is carried out first, as when the object that the other step created
// was deleted in Stripe. The engine carries out the other step, again if need be,
// and then this one. After three times the operation is rejected with
// STRIPE_REJECTED.
func Before[P any](step StepOf[P]) error { return &stepBeforeError{step.name()} }

// stepBeforeError says which step must come first.
type stepBeforeError struct{ name string }

func (e *stepBeforeError) Error() string { return "the step " + e.name + " must come first" }

// maxBefore is how often a step may ask for another one to come first.
const maxBefore = 3

// putBefore makes another step of the operation come before the i-th one.
func (r *run) putBefore(ctx context.Context, i int, first *stepBeforeError) error {
	step := billing.OperationStep{Name: first.name, Status: billing.StepTodo}
	j := slices.IndexFunc(r.op.Steps, func(s billing.OperationStep) bool { return s.Name == first.name })
	if j < 0 {
		r.op.Steps = slices.Insert(r.op.Steps, i, step)
		return r.save(ctx, nil)
	}
	step.Generation, step.Look = r.op.Steps[j].Generation, true
	if step.Generation >= maxBefore {
		return billing.Errorf(billing.CodeStripeRejected, "What the change needs in Stripe is deleted there again and again.")
	}
	r.op.Steps[j] = step
	return r.save(ctx, nil)
}
