package stripesync

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// beginning is what an operation starts from.
type beginning struct {
	id      string // the operation's own, from [billing.NewID]
	kind    billing.OperationKind
	subject string
	scope   string
	// newScope says that the scope is new with this operation, so that there
	// can be no earlier ones.
	newScope bool
	// alone says that nobody waits: a worker carries the operation out.
	alone  bool
	params any
	steps  []string
}

// begin writes the operation's row. The first unfinished operation of a scope
// comes with its lease, so that the caller can carry it out at once; the
// others wait for their turn. The caller holds a lock on the scope's row.
func (e *Engine) begin(ctx context.Context, tx *store.Tx, b beginning) (*ent.Operation, error) {
	params, err := json.Marshal(b.params)
	if err != nil {
		return nil, err
	}
	steps := make([]billing.OperationStep, len(b.steps))
	for i, name := range b.steps {
		steps[i] = billing.OperationStep{Name: name, Status: billing.StepTodo}
	}
	position, first := 1, true
	if !b.newScope {
		last, err := lastInScope(ctx, tx, b.scope)
		if err != nil {
			return nil, err
		}
		if last != nil {
			position, first = last.Position+1, last.Status.Finished()
		}
	}
	now := e.clock()
	create := tx.Operation.Create().
		SetID(b.id).
		SetKind(b.kind).
		SetSubjectID(b.subject).
		SetScopeID(b.scope).
		SetPosition(position).
		SetParams(params).
		SetSteps(steps).
		SetCreatedAt(now).
		SetUpdatedAt(now)
	if first && !b.alone {
		create.SetStatus(billing.OperationRunning).
			SetLeaseToken(billing.NewID("lse")).
			SetLeaseExpiresAt(now.Add(Lease))
		return create.Save(ctx)
	}
	op, err := create.SetNextAttemptAt(now).Save(ctx)
	if err != nil {
		return nil, err
	}
	return op, e.alarm.Schedule(ctx, tx, now, op.ID)
}

// lastInScope is the last operation of a scope, nil when there is none. As a
// scope's operations run in order, all are over when that one is.
func lastInScope(ctx context.Context, tx *store.Tx, scope string) (*ent.Operation, error) {
	last, err := tx.Operation.Query().
		Where(operation.ScopeID(scope)).
		Order(ent.Desc(operation.FieldPosition)).
		First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return last, err
}

// Unfinished is the unfinished operation on an object, or nil.
func (e *Engine) Unfinished(ctx context.Context, tx *store.Tx, link *billing.StripeLink) (*ent.Operation, error) {
	if link.OperationID == nil {
		return nil, nil
	}
	op, err := tx.Operation.Get(ctx, *link.OperationID)
	if err != nil || op.Status.Finished() {
		return nil, err
	}
	return op, nil
}

// Retry makes an operation due now, one that needs attention too. A customer's
// that was refused starts over. One that is over otherwise is INVALID_INPUT.
func (e *Engine) Retry(ctx context.Context, tx *store.Tx, op *ent.Operation) (*ent.Operation, error) {
	update := tx.Operation.UpdateOne(op).SetNextAttemptAt(e.clock())
	switch {
	case op.Status == billing.OperationNeedsAttention:
		update.SetFaults(0)
		if op.ErrorCode == nil { // Stripe has refused nothing: the same requests go on, with their keys
			update.SetStatus(billing.OperationPending)
			break
		}
		// Stripe would answer the old keys with the refusal that it remembers.
		steps := slices.Clone(op.Steps)
		for i := range steps {
			steps[i].Generation++
		}
		update.SetStatus(billing.OperationCompensating).SetSteps(steps)
	case op.Status.Finished():
		if err := e.restart(ctx, tx, op, update); err != nil {
			return nil, err
		}
	}
	op, err := update.Save(ctx)
	if err == nil {
		op.LeaseToken = nil // it may be another process's; the caller has to get one of its own
	}
	return op, err
}

func (e *Engine) restart(ctx context.Context, tx *store.Tx, op *ent.Operation, update *ent.OperationUpdateOne) error {
	if restartable(op) { // its place in the scope's order is the customer's to give
		if _, err := tx.Customer.Query().Where(customer.ID(op.ScopeID), store.ForUpdate).OnlyID(ctx); err != nil {
			return store.OrNotFound(err, "customer", op.ScopeID)
		}
	}
	last, err := lastInScope(ctx, tx, op.ScopeID)
	if err != nil {
		return err
	}
	if op.Status != billing.OperationFailed || !restartable(op) || last.ID != op.ID {
		return billing.Errorf(billing.CodeInvalidInput, "The operation is %s; there is nothing to retry.", op.Status)
	}
	steps := make([]billing.OperationStep, len(op.Steps))
	for i, s := range op.Steps {
		steps[i] = billing.OperationStep{Name: s.Name, Status: billing.StepTodo, Generation: s.Generation, Look: true}
	}
	update.SetStatus(billing.OperationPending).SetSteps(steps).SetFaults(0).ClearFinishedAt().ClearErrorCode().ClearLastError()
	return tx.Customer.UpdateOneID(op.SubjectID).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(op.ID).ClearStripeError().Exec(ctx)
}

// restartable reports whether the intent of a refused operation still stands:
// a customer exists here whether or not Stripe took it.
func restartable(op *ent.Operation) bool {
	return op.Kind == billing.KindCreateCustomer || op.Kind == billing.KindRestoreCustomer
}

// Left is how much time there is until a deadline.
func (e *Engine) Left(deadline time.Time) time.Duration { return deadline.Sub(e.now()) }

// Deadline is when a mutation that starts now gives up waiting for Stripe.
func (e *Engine) Deadline() time.Time { return e.now().Add(e.budget) }
