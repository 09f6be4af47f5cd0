package stripesync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// Operation declares how a kind of change is made in Stripe and here. P is its
// input, which is stored with each operation of the kind and does not change
// afterwards.
type Operation[P any] struct {
	Kind billing.OperationKind
	// Steps are all steps that operations of this kind can have, in order. An
	// operation has those of them that its [Beginning] names.
	Steps []StepOf[P]
	// Finish shows readers the new state, once all steps are done. When it returns a
	// [billing.Error], the operation is rejected, and its steps are undone.
	Finish func(context.Context, *store.Tx, *Ending[P]) error
	// Discard removes the intent of a rejected operation, once its steps are undone.
	Discard func(context.Context, *store.Tx, *Ending[P]) error
	// Mark changes the link of the operation's subject with the function show,
	// unless the row names a later operation.
	Mark func(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(Link)) error
	// Resolve prepares an operation that needs attention for accepting Stripe's state:
	// it gives the rows the ids of what the steps have created, and returns the objects
	// in Stripe that the operation may have changed, in the order in which to read them.
	// It may be called more than once.
	Resolve func(context.Context, *store.Tx, *Ending[P]) ([]Object, error)
	// Forget removes the rows of what the steps were to create and have not, once Stripe's
	// state is accepted; nil when the steps create nothing that has a row.
	Forget func(context.Context, *store.Tx, *Ending[P]) error
	// Restart prepares the subject of a rejected operation for starting over; nil when
	// a rejected operation of the kind cannot.
	Restart func(context.Context, *store.Tx, *ent.Operation) error

	engine *Engine
}

// Ending is an operation whose steps are all done or all undone.
type Ending[P any] struct {
	*ent.Operation
	Params P
	// Now is the time of the end.
	Now time.Time
}

// Rejected sets a link to FAILED with the reason of the rejection, without an
// operation.
func (e *Ending[P]) Rejected(l Link) { Failed(l, *e.LastError, true) }

// Has reports whether the operation includes a step.
func (e *Ending[P]) Has(step StepOf[P]) bool {
	return slices.ContainsFunc(e.Steps, func(s billing.OperationStep) bool { return s.Name == step.name() })
}

// Declaration is what a step declares.
type Declaration struct {
	Name string
	// Keeps, Finds and Spends say whether the step has Keep, Find and Spend.
	Keeps, Finds, Spends bool
}

// Declared returns the steps of every kind of operation, in their order.
func (e *Engine) Declared() map[billing.OperationKind][]Declaration {
	all := map[billing.OperationKind][]Declaration{}
	for kind, def := range e.kinds {
		all[kind] = def.declared()
	}
	return all
}

// Declare makes a kind of operation known to an engine, and returns it. It panics
// when the declaration is incomplete, which is a mistake in the code: without
// Finish, Discard, Mark, Resolve or steps, or with a step that has neither Undo nor
// Keep, or both.
func Declare[P any](e *Engine, o *Operation[P]) *Operation[P] {
	if o.Finish == nil || o.Discard == nil || o.Mark == nil || o.Resolve == nil || len(o.Steps) == 0 {
		panic(fmt.Sprintf("the operation %s is declared by half", o.Kind))
	}
	for _, s := range o.Steps {
		if err := s.check(); err != nil {
			panic(fmt.Sprintf("%s: %v", o.Kind, err))
		}
	}
	o.engine = e
	e.kinds[o.Kind] = o
	countFrom0(o.Kind)
	return o
}

// read is the frozen input of an operation, once all of what its steps have
// resulted in was found to be readable.
func (o *Operation[P]) read(op *ent.Operation) (P, error) {
	for _, stored := range op.Steps {
		s, err := o.step(stored.Name)
		if err == nil {
			err = s.readable(stored.Result)
		}
		if err != nil {
			var none P
			return none, fmt.Errorf("read step %s of operation %s: %w", stored.Name, op.ID, err)
		}
	}
	return o.ParamsOf(op)
}

// ParamsOf returns the stored input of an operation of the kind. It fails when that
// is not JSON of the type P.
func (o *Operation[P]) ParamsOf(op *ent.Operation) (P, error) {
	var p P
	if err := json.Unmarshal(op.Params, &p); err != nil {
		return p, fmt.Errorf("read the input of operation %s: %w", op.ID, err)
	}
	return p, nil
}

// definition is an [Operation] without its type parameter.
type definition interface {
	declared() []Declaration
	keeps(step string) bool
	finds(step string) bool
	do(ctx context.Context, r *run, i int) (Result, error)
	find(ctx context.Context, r *run, i int) (Result, bool, error)
	spend(ctx context.Context, r *run, i int) error
	undo(ctx context.Context, r *run, i int, withKeyOf undoKey) (Result, error)
	finish(ctx context.Context, tx *store.Tx, r *run) error
	discard(ctx context.Context, tx *store.Tx, r *run) error
	mark(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(Link)) error
	resolve(ctx context.Context, tx *store.Tx, e *Engine, op *ent.Operation) ([]Object, error)
	forget(ctx context.Context, tx *store.Tx, e *Engine, op *ent.Operation) error
	restart() func(context.Context, *store.Tx, *ent.Operation) error
}

func (o *Operation[P]) step(name string) (StepOf[P], error) {
	i := slices.IndexFunc(o.Steps, func(s StepOf[P]) bool { return s.name() == name })
	if i < 0 {
		return nil, fmt.Errorf("%s has no step %q", o.Kind, name)
	}
	return o.Steps[i], nil
}

func (o *Operation[P]) declared() []Declaration {
	all := make([]Declaration, len(o.Steps))
	for i, s := range o.Steps {
		all[i] = Declaration{Name: s.name(), Keeps: s.keeps(), Finds: s.finds(), Spends: s.spends()}
	}
	return all
}

func (o *Operation[P]) keeps(name string) bool {
	s, err := o.step(name)
	return err == nil && s.keeps()
}

func (o *Operation[P]) finds(name string) bool {
	s, err := o.step(name)
	return err == nil && s.finds()
}

func (o *Operation[P]) call(ctx context.Context, r *run, i int) (StepOf[P], *Call[P], error) {
	s, err := o.step(r.op.Steps[i].Name)
	if err != nil {
		return nil, nil, err
	}
	p, err := o.read(r.op)
	return s, &Call[P]{
		Context: ctx, Stripe: r.engine.stripe, Store: r.engine.store, Op: r.op, Params: p,
		SentAt: r.engine.clock(), key: r.key(i), run: r, step: s.name(),
	}, err
}

func (o *Operation[P]) do(ctx context.Context, r *run, i int) (Result, error) {
	s, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, err
	}
	return s.doIt(c)
}

func (o *Operation[P]) find(ctx context.Context, r *run, i int) (Result, bool, error) {
	s, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, false, err
	}
	return s.findIt(c)
}

func (o *Operation[P]) spend(ctx context.Context, r *run, i int) error {
	s, c, err := o.call(ctx, r, i)
	if err != nil {
		return err
	}
	return s.spendIt(c)
}

// undoKey is the idempotency key by which a step is undone: its own, or one that
// nothing else has used.
type undoKey string

const (
	ownKey    undoKey = ""
	keyOfUndo undoKey = ":undo"
)

func (o *Operation[P]) undo(ctx context.Context, r *run, i int, key undoKey) (Result, error) {
	s, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, err
	}
	c.key += string(key)
	return s.undoIt(c)
}

func (o *Operation[P]) finish(ctx context.Context, tx *store.Tx, r *run) error {
	return o.end(ctx, tx, r, o.Finish)
}

func (o *Operation[P]) discard(ctx context.Context, tx *store.Tx, r *run) error {
	return o.end(ctx, tx, r, o.Discard)
}

func (o *Operation[P]) end(ctx context.Context, tx *store.Tx, r *run, end func(context.Context, *store.Tx, *Ending[P]) error) error {
	p, err := o.read(r.op)
	if err != nil {
		return err
	}
	return end(ctx, tx, &Ending[P]{Operation: r.op, Params: p, Now: r.engine.clock()})
}

func (o *Operation[P]) mark(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(Link)) error {
	return o.Mark(ctx, tx, op, show)
}

func (o *Operation[P]) resolve(ctx context.Context, tx *store.Tx, e *Engine, op *ent.Operation) ([]Object, error) {
	p, err := o.read(op)
	if err != nil {
		return nil, err
	}
	return o.Resolve(ctx, tx, &Ending[P]{Operation: op, Params: p, Now: e.clock()})
}

func (o *Operation[P]) forget(ctx context.Context, tx *store.Tx, e *Engine, op *ent.Operation) error {
	if o.Forget == nil {
		return nil
	}
	p, err := o.read(op)
	if err != nil {
		return err
	}
	return o.Forget(ctx, tx, &Ending[P]{Operation: op, Params: p, Now: e.clock()})
}

func (o *Operation[P]) restart() func(context.Context, *store.Tx, *ent.Operation) error {
	return o.Restart
}
