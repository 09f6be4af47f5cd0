package stripesync

import (
	"context"
	"fmt"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/backoff"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// waitForStripe is how long an operation waits that could not be sent, or not
// with this key.
const waitForStripe = 5 * time.Second

// wait lets go of the operation until Stripe can answer.
func (r *run) wait(ctx context.Context, f *stripeapi.Error) error {
	e := r.engine
	delay := backoff.Delay(time.Second, time.Minute, r.op.Attempts)
	counted := 1
	if f.Kind == stripeapi.Misconfigured || f.NotSent {
		counted, delay = 0, backoff.Spread(waitForStripe)
	}
	at := e.clock().Add(max(delay, f.RetryAfter)).Truncate(time.Microsecond)
	status := billing.OperationPending
	if r.op.Status == billing.OperationCompensating {
		status = billing.OperationCompensating
	}
	e.logger.Info("an operation waits for Stripe", "operation", r.op.ID, "kind", r.op.Kind,
		"outcome", f.Kind, "until", at, "reason", f.Message)
	return r.save(ctx, func(ctx context.Context, tx *store.Tx, u *ent.OperationUpdate) error {
		u.SetStatus(status).AddAttempts(counted).SetNextAttemptAt(at)
		release(u)
		if r.op.Status != billing.OperationCompensating { // there, the refusal is what the client must see
			u.SetLastError(f.Message)
		}
		if !e.stripe.Available() {
			return nil // the sweep wakes it up once Stripe is back
		}
		return e.alarm.Schedule(ctx, tx, at, r.op.ID)
	})
}

// maxFaults is how often a fault here can stop an operation, a database that
// refuses its end, say, before somebody has to look at it, and has to again. Waits for
// Stripe do not count.
const maxFaults = 20

// fault lets go of an operation that something here has stopped, and shows
// that it did.
func (r *run) fault(ctx context.Context) error {
	if r.op.LeaseToken == nil {
		return nil
	}
	const message = "Something went wrong here; the log has the rest."
	at := r.engine.clock().Add(backoff.Delay(time.Second, time.Minute, r.op.Faults%maxFaults)).Truncate(time.Microsecond)
	update := r.engine.store.Writer.Operation.Update().
		Where(operation.ID(r.op.ID), operation.LeaseToken(*r.op.LeaseToken), operation.FinishedAtIsNil()).
		SetSteps(r.op.Steps).AddAttempts(1).AddFaults(1).SetLastError(message).SetNextAttemptAt(at)
	if r.op.Status == billing.OperationRunning {
		update.SetStatus(billing.OperationPending)
	}
	release(update)
	ctx = context.WithoutCancel(ctx)
	if (r.op.Faults+1)%maxFaults != 0 {
		return update.Exec(ctx)
	}
	r.count(billing.OperationNeedsAttention)
	if err := update.SetStatus(billing.OperationNeedsAttention).Exec(ctx); err != nil {
		return err
	}
	return r.engine.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return r.def.mark(ctx, tx, r.op, func(l Link) { Failed(l, message, false) })
	})
}

// needAttention gives up on undoing a step that Stripe refuses to undo.
func (r *run) needAttention(ctx context.Context, i int, f *stripeapi.Error) error {
	r.count(billing.OperationNeedsAttention)
	message := fmt.Sprintf("Undoing %s was refused: %s", r.op.Steps[i].Name, stripeapi.Rejection(f).Message)
	r.engine.logger.Error("an operation needs attention", "operation", r.op.ID, "kind", r.op.Kind, "reason", message)
	return r.save(ctx, func(ctx context.Context, tx *store.Tx, u *ent.OperationUpdate) error {
		u.SetStatus(billing.OperationNeedsAttention).AddAttempts(1).SetLastError(message)
		release(u)
		return r.def.mark(ctx, tx, r.op, func(l Link) { Failed(l, message, false) })
	})
}
