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

// Step is one change in Stripe. R is its result, which later steps and the end use:
// a struct whose fields are strings in JSON. It is stored, and must not hold a
// secret.
type Step[P, R any] struct {
	Name string
	// Do makes the change. It may be repeated with the same idempotency key. A result
	// that comes with an error is stored too.
	Do func(*Call[P]) (R, error)
	// Find looks for what Do creates, before a new idempotency key is used: Stripe
	// may have forgotten the old one, or replay a server error for it. It is nil when
	// repeating Do with another key does no harm.
	Find func(*Call[P]) (R, bool, error)
	// Spend uses up the idempotency key of Do by a request that changes nothing, so that
	// Stripe refuses a request of Do that is still on its way. It is called when Do was
	// rejected while an earlier request of it is in doubt, and before Find, if there is
	// one. It is nil where Undo uses up the key, and where no request could: nothing is
	// there to change before the first object of an operation is created.
	Spend func(*Call[P]) error
	// Undo reverts what Do did, and nothing else. It may add to the result. It is also
	// called for a rejected step of which an earlier request is in doubt, at first with
	// the key of Do, so that Stripe refuses the earlier request. A step with Find is then
	// undone only if that finds what Do creates.
	Undo func(*Call[P], *R) error
	// Keep leaves the step DONE when the operation is rejected, because what it did
	// does no harm or cannot be reverted. A step has either Undo or Keep.
	Keep bool
}

// Nothing is the result of a step that needs none.
type Nothing struct{}

// StepOf is a [Step] of an operation with the input P, with any result.
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

// Result is a step's result as it is stored.
type Result = map[string]string

// Of returns the step's result in an operation; the zero value when the step is not
// done or not part of the operation.
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

// Call is what a step works with.
type Call[P any] struct {
	context.Context //nolint:containedctx // a call lives no longer than the context it is made in
	Stripe          *stripeapi.Client
	Store           *store.Store
	Op              *ent.Operation
	Params          P
	// SentAt is when the step began, before its first request.
	SentAt time.Time
	key    string
	run    *run
	step   string
}

// Now returns the time by the engine's clock.
func (c *Call[P]) Now() time.Time { return c.run.engine.clock() }

// InDoubt reports whether Stripe may have carried out an earlier request of the
// step: one that got no answer, or a server error, or an answer whose result could not
// be stored. It fails only when the database does.
func (c *Call[P]) InDoubt() (bool, error) { return c.run.calls.inDoubt(c, c.step) }

// Kept returns what an earlier try of the step has resulted in under a name; empty if
// nothing.
func (c *Call[P]) Kept(name string) string {
	for _, step := range c.Op.Steps {
		if step.Name == c.step {
			return step.Result[name]
		}
	}
	return ""
}

// Refresh reads an object from Stripe and shows it here, after an answer that
// contradicts the row. Its errors are those of [Options.Refresh].
func (c *Call[P]) Refresh(objectType, stripeID string) error {
	return c.run.engine.refresh(c, objectType, stripeID)
}

// Gone asks Stripe whether it has deleted an object, and shows that here if so.
func (c *Call[P]) Gone(objectType, stripeID string) (bool, error) {
	return c.run.engine.gone(c, objectType, stripeID)
}

// KeepLease renews the operation's lease if it is about to expire. It fails when
// another process has taken the operation. Requests through Call do this by
// themselves.
func (c *Call[P]) KeepLease() error { return c.run.hold(c) }

// Write returns the parameters of a request that changes something, with the step's
// idempotency key. A step with several such requests distinguishes them by a
// suffix.
func (c *Call[P]) Write(suffix ...string) stripe.Params {
	key := c.key
	for _, s := range suffix {
		key += ":" + s
	}
	return stripe.Params{Context: c.Context, IdempotencyKey: stripe.String(key)}
}

// Read returns the parameters of a request that changes nothing.
func (c *Call[P]) Read() stripe.Params { return stripe.Params{Context: c.Context} }

// List returns the parameters of a list.
func (c *Call[P]) List() stripe.ListParams {
	return stripe.ListParams{Context: c.Context, Limit: stripe.Int64(100)}
}

// Metadata returns the metadata of an object that a step creates: the given ones,
// the id of its row and that of the operation.
func (c *Call[P]) Metadata(objectID string, metadata map[string]string) map[string]string {
	m := make(map[string]string, len(metadata)+2)
	maps.Copy(m, metadata)
	m[stripeapi.MetadataID] = objectID
	m[stripeapi.MetadataOperation] = c.Op.ID
	return m
}

// IsMine reports whether the operation has created the object with these metadata.
func (c *Call[P]) IsMine(metadata map[string]string) bool {
	return metadata[stripeapi.MetadataOperation] == c.Op.ID
}
