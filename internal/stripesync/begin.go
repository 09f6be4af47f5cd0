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

// Beginning is what an operation begins with.
type Beginning[P any] struct {
	// ID is the operation's id, from [NewID].
	ID string
	// Subject is the id of the object that the operation changes, and Scope that of
	// the product or customer within which operations run one at a time. The caller
	// holds a lock on the scope's row.
	Subject, Scope string
	// NewScope says that the operation creates its scope, so that there are no
	// earlier operations to look for.
	NewScope bool
	// Background says that no client waits: a worker carries the operation out.
	Background bool
	Params     P
	// Steps are the declared steps that this operation needs.
	Steps []StepOf[P]
}

// NewID returns the id for a new operation. It is made before the operation begins,
// so that the rows that the operation creates can name it.
func NewID() string { return billing.NewID(billing.OperationPrefix) }

// Begin creates the operation's row in the caller's transaction. The first
// unfinished operation of a scope is created with its lease, so that the caller can
// [Engine.Execute] it; every other one waits for the operations before it, and one
// in the background for a worker. It fails only when the database does.
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
	position, first, err := b.place(ctx, tx)
	if err != nil {
		return nil, err
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
	tx.AfterCommit(func() { e.alarm.Wake(op.ID) })
	return op, nil
}

// place is an operation's position in its scope, and whether nothing before it is in
// the way.
func (b Beginning[P]) place(ctx context.Context, tx *store.Tx) (position int, first bool, err error) {
	if b.NewScope {
		return 1, true, nil
	}
	last, err := lastInScope(ctx, tx, b.Scope)
	switch {
	case err != nil:
		return 0, false, err
	case last == nil:
		return 1, true, nil
	case last.Status != billing.OperationNeedsAttention:
		return last.Position + 1, last.Status.Finished(), nil
	}
	blocked, err := tx.Operation.Query().Where(blocking(b.Scope, b.Subject, last.Position+1)...).Exist(ctx)
	return last.Position + 1, !blocked, err
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

// Unfinished returns the unfinished operation on the object of a link; nil when
// there is none.
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
