package stripesync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Result is what later steps and the end of an operation need of Stripe's
// answer to one step. It is stored; it must hold no secret.
type Result = map[string]string

// Operation declares how a change of one kind comes about in Stripe and here.
// P is its frozen input.
type Operation[P any] struct {
	// Steps are all steps that operations of this kind can have, in their
	// order. Each operation has those that its beginning names.
	Steps []Step[P]
	// Finish shows readers the new state, once all steps are done. When it
	// returns a [billing.Error], the operation is refused after all.
	Finish func(context.Context, *store.Tx, *Done[P]) error
	// Discard takes back the intent of a refused operation, once all steps
	// are undone.
	Discard func(context.Context, *store.Tx, *Done[P]) error
}

// Step is one change in Stripe.
type Step[P any] struct {
	Name string
	// Do makes the change. It may be repeated with the same idempotency key.
	Do func(*Call[P]) (Result, error)
	// Find looks for the object that Do creates, when Stripe cannot be
	// trusted to remember the idempotency key; nil when repeating Do does no
	// harm even then.
	Find func(*Call[P]) (Result, bool, error)
	// Undo takes back what Do did, and only that. It is also asked to when a
	// refused step may have been carried out by a request whose answer was
	// lost.
	Undo func(*Call[P]) (Result, error)
	// Keep says that what Do did stays when the operation is refused, because
	// it does no harm or cannot be taken back: the step remains DONE. A step
	// has either Undo or Keep.
	Keep bool
}

// Done is an operation whose steps are all done, or all undone.
type Done[P any] struct {
	*ent.Operation
	Params P
	Engine *Engine
}

// Result is a value that a step has kept of Stripe's answer.
func (d *Done[P]) Result(step, key string) string { return result(d.Operation, step, key) }

// has reports whether a step is one of the operation's.
func (d *Done[P]) has(step string) bool {
	return slices.ContainsFunc(d.Steps, func(s billing.OperationStep) bool { return s.Name == step })
}

// Call is what a step gets to work with.
type Call[P any] struct {
	context.Context //nolint:containedctx // a call lives no longer than the context it is made in
	Stripe          *stripeapi.Client
	Store           *store.Store
	Op              *ent.Operation
	Params          P
	// SentAt is when the step began to ask Stripe.
	SentAt time.Time
	key    string
	run    *run
	step   string
}

// InDoubt reports whether Stripe may have carried out an earlier request of
// the step without saying so.
func (c *Call[P]) InDoubt() (bool, error) { return c.run.calls.inDoubt(c, c.step) }

// Result is a value that an earlier step has kept of Stripe's answer.
func (c *Call[P]) Result(step, key string) string { return result(c.Op, step, key) }

// Write is for a request that changes something. A step that makes more than
// one tells them apart by a suffix of the idempotency key.
func (c *Call[P]) Write(suffix ...string) stripe.Params {
	key := c.key
	for _, s := range suffix {
		key += ":" + s
	}
	return stripe.Params{Context: c.Context, IdempotencyKey: stripe.String(key)}
}

// Metadata is for a request that creates an object of ours. It tells which
// one, and by which operation.
func (c *Call[P]) Metadata(objectID string, metadata map[string]string) map[string]string {
	m := make(map[string]string, len(metadata)+2)
	maps.Copy(m, metadata)
	m[stripeapi.MetadataID] = objectID
	m[stripeapi.MetadataOperation] = c.Op.ID
	return m
}

// Read is for a request that changes nothing.
func (c *Call[P]) Read() stripe.Params { return stripe.Params{Context: c.Context} }

// List is Read for a list.
func (c *Call[P]) List() stripe.ListParams {
	return stripe.ListParams{Context: c.Context, Limit: stripe.Int64(100)}
}

// IsMine reports whether metadata say that this operation has created an
// object.
func (c *Call[P]) IsMine(metadata map[string]string) bool {
	return metadata[stripeapi.MetadataOperation] == c.Op.ID
}

func result(op *ent.Operation, step, key string) string {
	for _, s := range op.Steps {
		if s.Name == step {
			return s.Result[key]
		}
	}
	return ""
}

// definition is an [Operation] without its type parameter.
type definition interface {
	do(ctx context.Context, r *run, i int) (Result, error)
	find(ctx context.Context, r *run, i int) (Result, bool, error)
	undo(ctx context.Context, r *run, i int) (Result, error)
	mustLook(step string) bool
	keeps(step string) bool
	check() error
	finish(ctx context.Context, tx *store.Tx, r *run) error
	discard(ctx context.Context, tx *store.Tx, r *run) error
}

func (o *Operation[P]) step(name string) (Step[P], error) {
	i := slices.IndexFunc(o.Steps, func(s Step[P]) bool { return s.Name == name })
	if i < 0 {
		return Step[P]{}, fmt.Errorf("there is no step %q", name)
	}
	return o.Steps[i], nil
}

func (o *Operation[P]) call(ctx context.Context, r *run, i int) (Step[P], *Call[P], error) {
	step, err := o.step(r.op.Steps[i].Name)
	if err != nil {
		return step, nil, err
	}
	c := &Call[P]{Context: ctx, Stripe: r.engine.stripe, Store: r.engine.store, Op: r.op, SentAt: r.engine.clock(), key: r.key(i), run: r, step: step.Name}
	if err := json.Unmarshal(r.op.Params, &c.Params); err != nil {
		return step, nil, fmt.Errorf("read the input of operation %s: %w", r.op.ID, err)
	}
	return step, c, nil
}

func (o *Operation[P]) do(ctx context.Context, r *run, i int) (Result, error) {
	step, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, err
	}
	return step.Do(c)
}

func (o *Operation[P]) mustLook(name string) bool {
	step, err := o.step(name)
	return err == nil && step.Find != nil
}

func (o *Operation[P]) keeps(name string) bool {
	step, err := o.step(name)
	return err == nil && step.Keep
}

// check returns an error unless the declaration says of each step how it is
// undone or that it is kept.
func (o *Operation[P]) check() error {
	for _, s := range o.Steps {
		if (s.Undo == nil) != s.Keep {
			return fmt.Errorf("the step %s must have either Undo or Keep", s.Name)
		}
	}
	return nil
}

func (o *Operation[P]) find(ctx context.Context, r *run, i int) (Result, bool, error) {
	step, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, false, err
	}
	return step.Find(c)
}

// undoSuffix tells the idempotency keys apart by which a step is undone.
const undoSuffix = ":undo"

func (o *Operation[P]) undo(ctx context.Context, r *run, i int) (Result, error) {
	step, c, err := o.call(ctx, r, i)
	if err != nil {
		return nil, err
	}
	c.key += undoSuffix
	return step.Undo(c)
}

func (o *Operation[P]) finish(ctx context.Context, tx *store.Tx, r *run) error {
	return o.end(ctx, tx, r, o.Finish)
}

func (o *Operation[P]) discard(ctx context.Context, tx *store.Tx, r *run) error {
	return o.end(ctx, tx, r, o.Discard)
}

func (o *Operation[P]) end(ctx context.Context, tx *store.Tx, r *run, end func(context.Context, *store.Tx, *Done[P]) error) error {
	d := &Done[P]{Operation: r.op, Engine: r.engine}
	if err := json.Unmarshal(r.op.Params, &d.Params); err != nil {
		return fmt.Errorf("read the input of operation %s: %w", r.op.ID, err)
	}
	return end(ctx, tx, d)
}
