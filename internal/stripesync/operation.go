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

// Operation declares how a change of one kind comes about in Stripe and here.
// P is its frozen input, which is stored with each operation of the kind.
type Operation[P any] struct {
	Kind billing.OperationKind
	// Steps are all steps that operations of this kind can have, in their
	// order. Each operation has those that its beginning names.
	Steps []StepOf[P]
	// Finish shows readers the new state, once all steps are done. When it
	// returns a [billing.Error], the operation is rejected after all.
	Finish func(context.Context, *store.Tx, *Ending[P]) error
	// Discard takes back the intent of a rejected operation, once all steps
	// are undone.
	Discard func(context.Context, *store.Tx, *Ending[P]) error
	// Mark shows on the operation's subject how its link stands, unless a later
	// operation on it is in sight.
	Mark func(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(Link)) error
	// Resolve is for an operation that needs attention, when Stripe's side is
	// accepted: it gives the rows the ids of what the steps have created, takes
	// back what Stripe has nothing of, and returns the objects in Stripe that
	// the operation may have touched, in the order in which they are read anew.
	Resolve func(context.Context, *store.Tx, *Ending[P]) ([]Object, error)
	// Restart prepares the subject of a rejected operation for starting over;
	// nil when the intent has ended with the rejection.
	Restart func(context.Context, *store.Tx, *ent.Operation) error

	engine *Engine
}

// Ending is an operation whose steps are all done, or all undone.
type Ending[P any] struct {
	*ent.Operation
	Params P
	// Now is the time of the end.
	Now time.Time
}

// Rejected shows on the subject's link that the operation was rejected, and
// that nothing is under way any more.
func (e *Ending[P]) Rejected(l Link) { Failed(l, *e.LastError, true) }

// Has reports whether a step is one of the operation's.
func (e *Ending[P]) Has(step StepOf[P]) bool {
	return slices.ContainsFunc(e.Steps, func(s billing.OperationStep) bool { return s.Name == step.name() })
}

// Declaration is what a step of an operation declares about itself.
type Declaration struct {
	Name string
	// Keeps says that what the step did stays, Finds that what it created can be
	// looked for, and Spends that its key can be used up without an effect.
	Keeps, Finds, Spends bool
}

// Declared are the steps of every kind of operation, in their order.
func (e *Engine) Declared() map[billing.OperationKind][]Declaration {
	all := map[billing.OperationKind][]Declaration{}
	for kind, def := range e.kinds {
		all[kind] = def.declared()
	}
	return all
}

// Declare makes a kind of operation known to the engine, before it begins to
// work. A declaration that is incomplete panics: it is a mistake in the code.
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

// ParamsOf is the frozen input of an operation of the kind.
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

func (o *Operation[P]) restart() func(context.Context, *store.Tx, *ent.Operation) error {
	return o.Restart
}
