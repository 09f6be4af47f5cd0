// Package commands holds the use cases, one in each file: who may change what,
// and when. A command checks its input and the rules, records the intent and
// begins an operation in one transaction; how the change then reaches both
// halves is package stripesync's business.
package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"tallystick/ent"
	"tallystick/ent/idempotencykey"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// Commands are the use cases.
type Commands struct {
	store *store.Store
	sync  *stripesync.Engine
}

// New builds the use cases.
func New(s *store.Store, e *stripesync.Engine) *Commands { return &Commands{store: s, sync: e} }

// mutation is what all commands have in common.
type mutation struct {
	name  string
	key   *string // the client's idempotency key
	input any     // what the key is bound to
	check func() error
	// begin records the intent and begins the operation.
	begin func(context.Context, *store.Tx) (*ent.Operation, error)
	// background says that the client does not wait for Stripe.
	background bool
}

// run carries a mutation out and returns its operation as it stands when the
// client's patience ends, with the refusal if there was one. The operation is
// nil when the mutation was refused before it began.
func (c *Commands) run(ctx context.Context, m mutation) (*ent.Operation, error) {
	deadline := c.sync.Deadline()
	bound, err := c.newBinding(ctx, m)
	if err != nil {
		return nil, err
	}
	if op, err := c.replay(ctx, bound, m, deadline); op != nil || err != nil {
		return op, err
	}
	if m.check != nil {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	op, err := c.begin(ctx, m, bound, deadline)
	if err != nil {
		// The same request may have come a moment before, and won.
		if op, replayErr := c.replay(ctx, bound, m, deadline); op != nil || replayErr != nil {
			return op, replayErr
		}
		return nil, err
	}
	if !m.background {
		if op, err = c.sync.Execute(ctx, op, deadline); err != nil {
			return nil, err
		}
	}
	return op, refusal(op)
}

// begin opens the transaction in which a mutation begins. Where an earlier
// operation on the same object is unfinished, it waits for that one first, and
// gives up at the deadline with OPERATION_IN_PROGRESS.
func (c *Commands) begin(ctx context.Context, m mutation, bound *binding, deadline time.Time) (op *ent.Operation, err error) {
	for {
		err = c.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if op, err = m.begin(ctx, tx); err != nil {
				return err
			}
			return bound.save(ctx, tx, op.ID)
		})
		var busy *busyError
		if !errors.As(err, &busy) {
			return op, err
		}
		earlier, err := c.sync.AwaitEnd(ctx, busy.operation, deadline)
		if err != nil {
			return nil, err
		}
		if !earlier.Status.Finished() {
			return nil, billing.Errorf(billing.CodeOperationInProgress,
				"An earlier operation on the same object (%s) must finish first.", earlier.Kind).About(earlier.ID)
		}
	}
}

// busyError says that an earlier operation on the same object is unfinished.
type busyError struct{ operation *ent.Operation }

func (e *busyError) Error() string { return "operation " + e.operation.ID + " is unfinished" }

// notBusy fails when an operation on an object is unfinished, unless it is of
// one of the kinds that the command may queue up behind.
func (c *Commands) notBusy(ctx context.Context, tx *store.Tx, link *billing.StripeLink, behind ...billing.OperationKind) error {
	op, err := c.sync.Unfinished(ctx, tx, link)
	if err != nil || op == nil {
		return err
	}
	for _, kind := range behind {
		if op.Kind == kind && op.Status != billing.OperationNeedsAttention {
			return nil
		}
	}
	return &busyError{op}
}

// refusal is why an operation was refused, as an error.
func refusal(op *ent.Operation) error {
	if r := stripesync.Refusal(op); r != nil {
		return r
	}
	return nil
}

// binding ties an idempotency key to a mutation's input.
type binding struct {
	principal, key, mutation, hash string
}

// newBinding is nil when the client gave no key.
func (c *Commands) newBinding(ctx context.Context, m mutation) (*binding, error) {
	if m.key == nil {
		return nil, nil
	}
	if err := billing.CheckText("idempotency key", *m.key, billing.MaxIdempotencyKey); err != nil {
		return nil, at(err, "idempotencyKey")
	}
	principal, ok := auth.From(ctx)
	if !ok {
		return nil, auth.ErrUnauthenticated
	}
	hash, err := hashInput(m.input)
	if err != nil {
		return nil, fmt.Errorf("read the input of %s: %w", m.name, err)
	}
	return &binding{principal: principal.ID, key: *m.key, mutation: m.name, hash: hash}, nil
}

// hashInput is the same for the same input, also when a later version knows
// more fields: what was left out does not count, nor does the key. A false
// that was given is not left out.
func hashInput(input any) (string, error) {
	b, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return "", err
	}
	delete(fields, "IdempotencyKey")
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == nil })
	if b, err = json.Marshal(fields); err != nil { // in the order of the names
		return "", err
	}
	hash := sha256.Sum256(b)
	return hex.EncodeToString(hash[:]), nil
}

// replay returns what the key's first mutation began, or nil.
func (c *Commands) replay(ctx context.Context, b *binding, m mutation, deadline time.Time) (*ent.Operation, error) {
	if b == nil {
		return nil, nil
	}
	row, err := c.store.Client.IdempotencyKey.Query().
		Where(idempotencykey.Principal(b.principal), idempotencykey.Key(b.key)).
		WithOperation().
		Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if row.Mutation != b.mutation || row.InputHash != b.hash {
		return nil, billing.Errorf(billing.CodeIdempotencyReused,
			"The idempotency key was used with another mutation or input.").At("idempotencyKey").About(row.OperationID)
	}
	op := row.Edges.Operation
	if !m.background {
		if op, err = c.sync.Await(ctx, op, deadline); err != nil {
			return nil, err
		}
	}
	return op, refusal(op)
}

func (b *binding) save(ctx context.Context, tx *store.Tx, operationID string) error {
	if b == nil {
		return nil
	}
	return tx.IdempotencyKey.Create().
		SetPrincipal(b.principal).SetKey(b.key).SetMutation(b.mutation).SetInputHash(b.hash).
		SetOperationID(operationID).
		Exec(ctx)
}
