package stripeapi

import (
	"context"
	"net/http"
	"sync/atomic"
)

// keyring holds the account's secret keys: one, or two while one is being
// replaced. The first is used until Stripe refuses it, and then the next.
type keyring struct {
	keys  []string
	inUse atomic.Int32
	// probed is the key that Stripe is asked with next while it refuses both.
	probed atomic.Int32
	// trusted says of each key that it belongs to the account of the database.
	trusted []atomic.Bool
}

func newKeyring(o Options) *keyring {
	k := &keyring{keys: []string{o.SecretKey}}
	if o.NextSecretKey != "" {
		k.keys = append(k.keys, o.NextSecretKey)
	}
	k.trusted = make([]atomic.Bool, len(k.keys))
	for i := range k.trusted {
		k.trusted[i].Store(o.Unbound)
	}
	return k
}

type pinnedKey struct{}

// pin makes requests use one key, whatever comes of it.
func pin(ctx context.Context, i int) context.Context { return context.WithValue(ctx, pinnedKey{}, i) }

// of is the key that a request is made with, and whether it is pinned.
func (k *keyring) of(ctx context.Context) (i int, pinned bool) {
	if i, pinned = ctx.Value(pinnedKey{}).(int); pinned {
		return i, true
	}
	return int(k.inUse.Load()), false
}

// sign signs a request with a key.
func (k *keyring) sign(req *http.Request, i int) {
	req.Header.Set("Authorization", "Bearer "+k.keys[i])
}

// spare reports whether another key can take over from one. Only a key that is
// known to belong to the same account does so by itself.
func (k *keyring) spare(from int, pinned bool) bool {
	other := k.other(from)
	return other != from && (pinned || k.trusted[other].Load())
}

// replace makes another key take over from one, and returns it.
func (k *keyring) replace(from int) int {
	other := k.other(from)
	k.inUse.CompareAndSwap(int32(from), int32(other)) //nolint:gosec // 0 or 1
	return other
}

func (k *keyring) other(than int) int { return (than + 1) % len(k.keys) }
