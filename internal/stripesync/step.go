package stripesync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Step is one change in Stripe. R is what later steps and the end need of the
// answer: a struct whose fields are written as texts in JSON. It is stored, and
// must hold no secret.
type Step[P, R any] struct {
	Name string
	// Do makes the change. It may be repeated with the same idempotency key.
	// What it returns with an error is kept too.
	Do func(*Call[P]) (R, error)
	// Find looks for what Do creates or changes, when Stripe cannot be trusted
	// to remember the idempotency key; nil when repeating Do does no harm even
	// then.
	Find func(*Call[P]) (R, bool, error)
	// Spend sends a request that changes nothing, with the idempotency key of
	// Do. Stripe then refuses a request of Do that is still on its way, for ever.
	// It is asked to when Do was rejected while an earlier request of it may yet
	// arrive; nil where Undo does the same, or where no such request exists.
	Spend func(*Call[P]) error
	// Undo takes back what Do did, and only that. It is also asked to when a
	// rejected step may have been carried out, or may yet be, by a request whose
	// answer was lost: first with the key of Do itself, which thereby is spent.
	// It may add to the result.
	Undo func(*Call[P], *R) error
	// Keep says that what Do did stays when the operation is rejected, because
	// it does no harm or cannot be taken back: the step remains DONE. A step
	// has either Undo or Keep.
	Keep bool
}

// Nothing is the result of a step of whose answer nothing is needed.
type Nothing struct{}

// StepOf is a [Step] of an operation with the input P, whatever it results in.
type StepOf[P any] interface {
	name() string
	check() error
	readable(Result) error
	keeps() bool
	finds() bool
	spends() bool
	spendIt(*Call[P]) error
	doIt(*Call[P]) (Result, error)
	findIt(*Call[P]) (Result, bool, error)
	undoIt(*Call[P]) (Result, error)
}

var _ StepOf[Nothing] = (*Step[Nothing, Nothing])(nil)

// Result is what a step has resulted in, as it is stored.
type Result = map[string]string

// Of is what the step has resulted in, in an operation; empty when it has not
// been done, or is none of the operation's.
func (s *Step[P, R]) Of(op *ent.Operation) R {
	var r R
	for _, step := range op.Steps {
		if step.Name == s.Name {
			r, _ = unpack[R](step.Result) // it was found to be readable when the operation was taken up
		}
	}
	return r
}

func pack[R any](r R) (Result, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("keep the result of a step: %w", err)
	}
	var result Result
	if err := json.Unmarshal(b, &result); err != nil {
		return nil, fmt.Errorf("keep the result of a step: %w", err)
	}
	return result, nil
}

func unpack[R any](result Result) (r R, err error) {
	b, err := json.Marshal(result)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

func (s *Step[P, R]) name() string { return s.Name }
func (s *Step[P, R]) keeps() bool  { return s.Keep }
func (s *Step[P, R]) finds() bool  { return s.Find != nil }
func (s *Step[P, R]) spends() bool { return s.Spend != nil }

// check returns an error unless the declaration says what becomes of the step
// after a rejection.
func (s *Step[P, R]) check() error {
	if (s.Undo == nil) != s.Keep {
		return fmt.Errorf("the step %s must have either Undo or Keep", s.Name)
	}
	return nil
}

// readable returns an error unless what was stored is what the step results in.
func (s *Step[P, R]) readable(result Result) error {
	_, err := unpack[R](result)
	return err
}

// spendIt uses up the key of Do, where there is a way to.
func (s *Step[P, R]) spendIt(c *Call[P]) error {
	if s.Spend == nil {
		return nil
	}
	return s.Spend(c)
}

func (s *Step[P, R]) doIt(c *Call[P]) (Result, error) {
	r, err := s.Do(c)
	result, packErr := pack(r)
	if err == nil {
		err = packErr
	}
	return result, err
}

func (s *Step[P, R]) findIt(c *Call[P]) (Result, bool, error) {
	r, found, err := s.Find(c)
	if err != nil || !found {
		return nil, false, err
	}
	result, err := pack(r)
	return result, err == nil, err
}

func (s *Step[P, R]) undoIt(c *Call[P]) (Result, error) {
	r := s.Of(c.Op)
	if err := s.Undo(c, &r); err != nil {
		return nil, err
	}
	return pack(r)
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

// Now is the time by the engine's clock.
func (c *Call[P]) Now() time.Time { return c.run.engine.clock() }

// InDoubt reports whether Stripe may have carried out an earlier request of
// the step without saying so.
func (c *Call[P]) InDoubt() (bool, error) { return c.run.calls.inDoubt(c, c.step) }

// Refresh shows an object as Stripe has it, after an answer that contradicts
// what is shown here.
func (c *Call[P]) Refresh(objectType, stripeID string) error {
	return c.run.engine.refresh(c, objectType, stripeID)
}

// Gone reports whether an object has been deleted in Stripe, and shows that here
// if so.
func (c *Call[P]) Gone(objectType, stripeID string) (bool, error) {
	return c.run.engine.gone(c, objectType, stripeID)
}

// KeepLease makes sure of the operation's lease, for a step whose requests are not
// on record. It fails when the lease was lost.
func (c *Call[P]) KeepLease() error { return c.run.hold(c) }

// Write is for a request that changes something. A step that makes more than
// one tells them apart by a suffix of the idempotency key.
func (c *Call[P]) Write(suffix ...string) stripe.Params {
	key := c.key
	for _, s := range suffix {
		key += ":" + s
	}
	return stripe.Params{Context: c.Context, IdempotencyKey: stripe.String(key)}
}

// Read is for a request that changes nothing.
func (c *Call[P]) Read() stripe.Params { return stripe.Params{Context: c.Context} }

// List is Read for a list.
func (c *Call[P]) List() stripe.ListParams {
	return stripe.ListParams{Context: c.Context, Limit: stripe.Int64(100)}
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

// IsMine reports whether metadata say that this operation has created an
// object.
func (c *Call[P]) IsMine(metadata map[string]string) bool {
	return metadata[stripeapi.MetadataOperation] == c.Op.ID
}
