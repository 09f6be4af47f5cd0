package stripesync

import (
	"context"
	"encoding/json"
	"fmt"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// Beginning is what an operation starts from.
type Beginning[P any] struct {
	// ID is the operation's own, from [NewID].
	ID string
	// Subject is the object that the operation changes, and Scope the product
	// or customer within which operations run one at a time. The caller holds
	// a lock on the scope's row.
	Subject, Scope string
	// NewScope says that the scope is new with this operation, so that there
	// can be no earlier ones.
	NewScope bool
	// Background says that nobody waits: a worker carries the operation out.
	Background bool
	Params     P
	// Steps are those of the declared ones that this operation needs.
	Steps []StepOf[P]
}

// NewID is the id of an operation that is going to begin.
func NewID() string { return billing.NewID(billing.OperationPrefix) }

// Begin writes the operation's row in the caller's transaction. The first
// unfinished operation of a scope comes with its lease, so that the caller can
// carry it out at once; the others wait for their turn.
func (o *Operation[P]) Begin(ctx context.Context, tx *store.Tx, b Beginning[P]) (*ent.Operation, error) {
	e := o.engine
	params, err := json.Marshal(b.Params)
	if err != nil {
		return nil, fmt.Errorf("freeze the input of %s: %w", o.Kind, err)
	}
	steps := make([]billing.OperationStep, len(b.Steps))
	for i, s := range b.Steps {
		steps[i] = billing.OperationStep{Name: s.name(), Status: billing.StepTodo}
	}
	position, first := 1, true
	if !b.NewScope {
		last, err := lastInScope(ctx, tx, b.Scope)
		if err != nil {
			return nil, err
		}
		if last != nil {
			position, first = last.Position+1, last.Status.Finished()
		}
		if last != nil && last.Status == billing.OperationNeedsAttention {
			blocked, err := tx.Operation.Query().Where(blocking(b.Scope, b.Subject, position)...).Exist(ctx)
			if err != nil {
				return nil, err
			}
			first = !blocked
		}
	}
	now := e.clock()
	create := tx.Operation.Create().
		SetID(b.ID).
		SetKind(o.Kind).
		SetSubjectID(b.Subject).
		SetScopeID(b.Scope).
		SetPosition(position).
		SetParams(params).
		SetSteps(steps).
		SetCreatedAt(now).
		SetUpdatedAt(now)
	if by := e.requester(ctx); by != nil {
		create.SetRequestedByKind(by.Kind).SetRequestedBy(by.ID).SetRequestedByLabel(by.Label)
	}
	if first && !b.Background {
		create.SetStatus(billing.OperationRunning).
			SetLeaseToken(billing.NewID("lse")).
			SetLeaseExpiresAt(now.Add(Lease))
		return create.Save(ctx)
	}
	op, err := create.SetNextAttemptAt(now).Save(ctx)
	if err != nil {
		return nil, err
	}
	if !e.stripe.Available() { // another replica may reach it
		return op, e.alarm.Schedule(ctx, tx, now, op.ID)
	}
	tx.AfterCommit(func() { e.alarm.Wake(op.ID) })
	return op, nil
}

// lastInScope is the last operation of a scope, nil when there is none. As a
// scope's operations run in order, all are over when that one is, but for those
// that need attention on another subject.
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
