// Package idempotency binds a client's idempotency key to the result of its
// mutation, so that repeating the mutation changes nothing.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"tallystick/ent"
	"tallystick/ent/idempotencykey"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// Keys are the idempotency keys of all principals. Each principal has keys of its
// own.
type Keys struct{ store *store.Store }

// New builds the keys of a store.
func New(s *store.Store) *Keys { return &Keys{s} }

// Binding binds a key to a mutation and its input. A nil binding is that of a
// client that gave no key; its methods do nothing.
type Binding struct {
	keys                           *Keys
	principal, key, mutation, hash string
}

// Bind returns the binding of a client's key; nil for a nil key. It returns
// INVALID_INPUT for a key that is empty or too long, and [auth.ErrUnauthenticated]
// without a principal.
func (k *Keys) Bind(ctx context.Context, mutation string, key *string, input any) (*Binding, error) {
	if key == nil {
		return nil, nil
	}
	if err := check(*key); err != nil {
		return nil, err
	}
	who, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := hashInput(input)
	if err != nil {
		return nil, fmt.Errorf("read the input of %s: %w", mutation, err)
	}
	return &Binding{keys: k, principal: who, key: *key, mutation: mutation, hash: hash}, nil
}

// First returns what the first mutation with the key has made, with its operation
// if it has one; nil when this is the first. It returns IDEMPOTENCY_KEY_REUSED when
// that was another mutation or had another input.
func (b *Binding) First(ctx context.Context) (*ent.IdempotencyKey, error) {
	if b == nil {
		return nil, nil
	}
	row, err := store.OrNil(b.keys.store.Reader.IdempotencyKey.Query().
		Where(idempotencykey.Principal(b.principal), idempotencykey.Key(b.key)).
		WithOperation().
		Only(ctx))
	if row == nil || err != nil {
		return nil, err
	}
	if row.Mutation != b.mutation || row.InputHash != b.hash {
		return nil, billing.Errorf(billing.CodeIdempotencyReused,
			"The idempotency key was used with another mutation or input.").At("idempotencyKey").About(billing.ValueOr(row.OperationID, ""))
	}
	return row, nil
}

// Operation binds the key to the operation that the mutation begins, in its
// transaction. It fails on a unique index when a concurrent mutation has bound the
// key.
func (b *Binding) Operation(ctx context.Context, tx *store.Tx, id string) error {
	if b == nil {
		return nil
	}
	return b.create(tx).SetOperationID(id).Exec(ctx)
}

// Result binds the key to the object that a mutation without an operation makes or
// changes, in its transaction. It fails on a unique index when a concurrent
// mutation has bound the key.
func (b *Binding) Result(ctx context.Context, tx *store.Tx, id string) error {
	if b == nil {
		return nil
	}
	return b.create(tx).SetResultID(id).Exec(ctx)
}

func (b *Binding) create(tx *store.Tx) *ent.IdempotencyKeyCreate {
	return tx.IdempotencyKey.Create().SetPrincipal(b.principal).SetKey(b.key).SetMutation(b.mutation).SetInputHash(b.hash)
}

// ForStripe returns the idempotency key for a request that Stripe itself replays,
// made of the client's key and an object's id in Stripe; nil for a nil key. Its
// errors are those of [Keys.Bind].
func (k *Keys) ForStripe(ctx context.Context, mutation string, key *string, stripeID string) (*string, error) {
	if key == nil {
		return nil, nil
	}
	if err := check(*key); err != nil {
		return nil, err
	}
	who, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(who + "\x00" + *key + "\x00" + stripeID))
	derived := mutation + ":" + hex.EncodeToString(hash[:])
	return &derived, nil
}

// principal is who asks.
func principal(ctx context.Context) (string, error) {
	p, ok := auth.From(ctx)
	if !ok {
		return "", auth.ErrUnauthenticated
	}
	return p.ID, nil
}

func check(key string) error {
	return billing.At(billing.CheckText("idempotency key", key, billing.MaxIdempotencyKey), "idempotencyKey")
}

// hashInput is the same for the same input, also when a later version knows more fields:
// what was left out does not count, nor does the key. A false that was given is not left
// out.
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
