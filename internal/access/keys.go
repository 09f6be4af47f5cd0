// Package access decides who may do what: it makes and checks keys, and lets each
// principal read only what it may see.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tallystick/ent"
	"tallystick/ent/apikey"
	"tallystick/ent/customer"
	"tallystick/ent/customersession"
	"tallystick/internal/auth"
	"tallystick/internal/store"
)

var refused = promauto.NewCounter(prometheus.CounterOpts{
	Name: "tallystick_keys_refused_total",
	Help: "Requests with a key that is not valid.",
})

// The beginnings of keys and tokens. What follows is the part by which they are
// found, and the secret.
const (
	keyMark   = "tsk_"
	tokenMark = "tst_"
)

// cacheFor is how long a key that was found valid is not looked up again, and thus
// how long a revocation takes to reach every replica.
const cacheFor = 4 * time.Second

// cached is how many keys are remembered.
const cached = 10_000

// usedEvery is how often the last use of a key is written down.
const usedEvery = time.Minute

// Keys checks keys and tokens.
type Keys struct {
	store  *store.Store
	admin  [sha256.Size]byte
	known  *expirable.LRU[[sha256.Size]byte, auth.Principal]
	logger *slog.Logger

	mu   sync.Mutex
	told time.Time // when a refusal was last logged
}

// NewKeys accepts one admin key, and the keys and tokens of a store.
func NewKeys(s *store.Store, admin string, logger *slog.Logger) *Keys {
	return &Keys{
		store: s, admin: sha256.Sum256([]byte(admin)), logger: logger,
		known: expirable.NewLRU[[sha256.Size]byte, auth.Principal](cached, nil, cacheFor),
	}
}

// Authenticate returns a context in which the owner of a bearer key is asking, or
// [auth.ErrUnauthenticated].
func (k *Keys) Authenticate(ctx context.Context, bearer string) (context.Context, error) {
	presented := sha256.Sum256([]byte(bearer))
	if subtle.ConstantTimeCompare(presented[:], k.admin[:]) == 1 {
		return auth.With(ctx, auth.Admin), nil
	}
	p, ok := k.known.Get(presented)
	if !ok {
		var err error
		if p, err = k.find(ctx, bearer); err != nil {
			return nil, err
		}
		if p.ID == "" {
			k.refuse(ctx)
			return nil, auth.ErrUnauthenticated
		}
		k.known.Add(presented, p)
	}
	return auth.With(ctx, p), nil
}

// refuse counts a key that is not valid, and says so in the log, once a second:
// anybody can present one.
func (k *Keys) refuse(ctx context.Context) {
	refused.Inc()
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.told) >= time.Second {
		k.told = now
		k.logger.WarnContext(ctx, "a key was refused", "from", remote(ctx))
	}
}

// find looks a key or a token up. The principal is empty when it is not valid.
func (k *Keys) find(ctx context.Context, bearer string) (auth.Principal, error) {
	for mark, find := range map[string]func(context.Context, string, string) (auth.Principal, error){
		keyMark: k.findKey, tokenMark: k.findSession,
	} {
		rest, ok := strings.CutPrefix(bearer, mark)
		if !ok {
			continue
		}
		if prefix, secret, ok := strings.Cut(rest, "_"); ok && len(prefix) <= maxPrefix && len(secret) <= maxSecret {
			return find(auth.Trusted(ctx), prefix, secret)
		}
	}
	return auth.Principal{}, nil
}

const (
	maxPrefix = 32
	maxSecret = 64
)

func (k *Keys) findKey(ctx context.Context, prefix, secret string) (auth.Principal, error) {
	row, err := store.OrNil(k.store.Reader.ApiKey.Query().Where(apikey.Prefix(prefix)).Only(ctx))
	if row == nil || err != nil {
		return auth.Principal{}, err
	}
	now := k.store.Now()
	valid := is(secret, row.Hash) ||
		row.FormerHash != nil && row.FormerUntil != nil && now.Before(*row.FormerUntil) && is(secret, *row.FormerHash)
	if !valid || row.RevokedAt != nil || row.ExpiresAt != nil && !now.Before(*row.ExpiresAt) {
		return auth.Principal{}, nil
	}
	k.used(ctx, row, now)
	return auth.Principal{ID: row.ID, Kind: auth.KindAPIKey, Label: row.Name, Scopes: row.Scopes}, nil
}

// used writes down that a key is in use, now and then.
func (k *Keys) used(ctx context.Context, row *ent.ApiKey, now time.Time) {
	if row.LastUsedAt != nil && now.Sub(*row.LastUsedAt) < usedEvery {
		return
	}
	err := k.store.Writer.ApiKey.UpdateOneID(row.ID).SetLastUsedAt(now.UTC().Truncate(time.Microsecond)).Exec(ctx)
	if err != nil {
		k.logger.WarnContext(ctx, "the last use of a key could not be written down", "key", row.ID, "error", err)
	}
}

func (k *Keys) findSession(ctx context.Context, prefix, secret string) (auth.Principal, error) {
	row, err := store.OrNil(k.store.Reader.CustomerSession.Query().Where(customersession.Prefix(prefix)).Only(ctx))
	if row == nil || err != nil {
		return auth.Principal{}, err
	}
	if !is(secret, row.Hash) || !k.store.Now().Before(row.ExpiresAt) {
		return auth.Principal{}, nil
	}
	// It ends with its customer.
	there, err := k.store.Reader.Customer.Query().Where(customer.ID(row.CustomerID)).Exist(ctx)
	if err != nil || !there {
		return auth.Principal{}, err
	}
	return auth.Principal{ID: row.ID, Kind: auth.KindCustomer, Label: row.CustomerID, CustomerID: row.CustomerID, Actions: row.Actions}, nil
}

func is(secret, hash string) bool {
	return subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(hash)) == 1
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newSecret makes the two parts of a key: the one by which it is found, and the
// secret, with 128 random bits.
func newSecret() (prefix, secret string) { return strings.ToLower(rand.Text()[:12]), rand.Text() }

type remoteKey struct{}

// WithRemote returns a context that tells from where somebody asks.
func WithRemote(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, remoteKey{}, address)
}

func remote(ctx context.Context) string {
	address, _ := ctx.Value(remoteKey{}).(string)
	return address
}
