package access

import (
	"context"
	"slices"
	"time"

	"tallystick/ent"
	"tallystick/ent/apikey"
	"tallystick/ent/customer"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/idempotency"
	"tallystick/internal/store"
)

// Manager makes, changes and revokes keys and tokens.
type Manager struct {
	store *store.Store
	keys  *idempotency.Keys
}

// NewManager manages the keys of a store.
func NewManager(s *store.Store) *Manager { return &Manager{store: s, keys: idempotency.New(s)} }

func (m *Manager) clock() time.Time { return m.store.Now().UTC().Truncate(time.Microsecond) }

// CreateAPIKey is the input of [Manager.CreateAPIKey].
type CreateAPIKey struct {
	Name      string
	Scopes    []auth.Scope
	ExpiresAt *time.Time
	// IdempotencyKey makes repeating the request harmless. The secret is not kept, so
	// that only the first request gets it.
	IdempotencyKey *string
}

const maxKeyName = 100

// CreateAPIKey makes a key. Its secret is returned once, and not kept. A principal
// hands out no scope that it lacks: that is FORBIDDEN.
func (m *Manager) CreateAPIKey(ctx context.Context, in CreateAPIKey) (row *ent.ApiKey, secret string, err error) {
	err = m.once(ctx, "createApiKey", in.IdempotencyKey, in, func(first string) error {
		row, err = m.store.Reader.ApiKey.Get(ctx, first)
		return err
	}, func(done done) error {
		row, secret, err = m.createAPIKey(ctx, in, done)
		return err
	})
	return row, secret, err
}

// done binds the idempotency key of a request to what it has made.
type done = func(ctx context.Context, tx *store.Tx, id string) error

// once carries a request out, unless its idempotency key says that it was: then again is
// told what came of it.
func (m *Manager) once(ctx context.Context, name string, key *string, input any, again func(id string) error, request func(done) error) error {
	bound, err := m.keys.Bind(ctx, name, key, input)
	if err != nil {
		return err
	}
	first, err := bound.First(ctx)
	if first == nil && err == nil {
		if err = request(bound.Result); err == nil || bound == nil {
			return err
		}
		// The same request may have come a moment before, and won.
		var firstErr error
		if first, firstErr = bound.First(ctx); firstErr != nil {
			return firstErr
		}
	}
	if first == nil {
		return err
	}
	return again(billing.ValueOr(first.ResultID, ""))
}

func (m *Manager) createAPIKey(ctx context.Context, in CreateAPIKey, done done) (*ent.ApiKey, string, error) {
	if err := billing.At(billing.CheckText("name", in.Name, maxKeyName), "name"); err != nil {
		return nil, "", err
	}
	if len(in.Scopes) == 0 {
		return nil, "", billing.Errorf(billing.CodeInvalidInput, "A key needs one scope at least.").At("scopes")
	}
	if p, ok := auth.From(ctx); ok {
		for _, s := range in.Scopes {
			if !p.Has(s) {
				return nil, "", auth.LacksScope(s)
			}
		}
	}
	if in.ExpiresAt != nil && !m.store.Now().Before(*in.ExpiresAt) {
		return nil, "", billing.Errorf(billing.CodeInvalidInput, "The key would have expired already.").At("expiresAt")
	}
	prefix, secret := newSecret()
	var row *ent.ApiKey
	err := m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		create := tx.ApiKey.Create().
			SetName(in.Name).SetScopes(slices.Compact(slices.Sorted(slices.Values(in.Scopes)))).SetPrefix(prefix).SetHash(hashOf(secret))
		if in.ExpiresAt != nil {
			create.SetExpiresAt(in.ExpiresAt.UTC().Truncate(time.Microsecond))
		}
		if row, err = create.Save(ctx); err != nil {
			return err
		}
		return done(ctx, tx, row.ID)
	})
	if err != nil {
		return nil, "", err
	}
	return row, keyMark + prefix + "_" + secret, nil
}

// RotateAPIKey is the input of [Manager.RotateAPIKey].
type RotateAPIKey struct {
	APIKeyID string
	// GraceSeconds is for how long the old secret is accepted too.
	GraceSeconds   int
	IdempotencyKey *string
}

// maxGrace is how long an old secret can be accepted: a week.
const maxGrace = 7 * 24 * 60 * 60

// RotateAPIKey gives a key another secret, which is returned once. One that is
// revoked is INVALID_INPUT.
func (m *Manager) RotateAPIKey(ctx context.Context, in RotateAPIKey) (row *ent.ApiKey, secret string, err error) {
	if in.GraceSeconds < 0 || in.GraceSeconds > maxGrace {
		return nil, "", billing.Errorf(billing.CodeInvalidInput, "An old secret can be accepted for 0 to %d seconds.", maxGrace).At("graceSeconds")
	}
	err = m.once(ctx, "rotateApiKey", in.IdempotencyKey, in, func(first string) error {
		row, err = m.store.Reader.ApiKey.Get(ctx, first)
		return err
	}, func(done done) error {
		_, part := newSecret()
		err := m.change(ctx, in.APIKeyID, done, func(found *ent.ApiKey, u *ent.ApiKeyUpdateOne) error {
			if found.RevokedAt != nil {
				return billing.Errorf(billing.CodeInvalidInput, "The key is revoked.").At("apiKeyId").About(found.ID)
			}
			row, secret = found, keyMark+found.Prefix+"_"+part
			u.SetHash(hashOf(part)).SetFormerHash(found.Hash).
				SetFormerUntil(m.clock().Add(time.Duration(in.GraceSeconds) * time.Second))
			return nil
		})
		if err != nil {
			row, secret = nil, ""
		}
		return err
	})
	return row, secret, err
}

// RevokeAPIKey is the input of [Manager.RevokeAPIKey].
type RevokeAPIKey struct {
	APIKeyID       string
	IdempotencyKey *string
}

// RevokeAPIKey ends a key, everywhere within five seconds. One that has ended stays
// as it is.
func (m *Manager) RevokeAPIKey(ctx context.Context, in RevokeAPIKey) (row *ent.ApiKey, err error) {
	err = m.once(ctx, "revokeApiKey", in.IdempotencyKey, in, func(string) error { return nil }, func(done done) error {
		return m.change(ctx, in.APIKeyID, done, func(found *ent.ApiKey, u *ent.ApiKeyUpdateOne) error {
			if found.RevokedAt == nil {
				u.SetRevokedAt(m.clock())
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return m.store.Reader.ApiKey.Get(ctx, in.APIKeyID)
}

func (m *Manager) change(ctx context.Context, id string, done done, change func(*ent.ApiKey, *ent.ApiKeyUpdateOne) error) error {
	if err := billing.CheckID("key", billing.APIKeyPrefix, id, "apiKeyId"); err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.ApiKey.Query().Where(apikey.ID(id), store.ForUpdate).Only(ctx)
		if err != nil {
			return billing.At(store.OrNotFound(err, "key", id), "apiKeyId")
		}
		update := tx.ApiKey.UpdateOne(row)
		if err := change(row, update); err != nil {
			return err
		}
		if err := update.Exec(ctx); err != nil {
			return err
		}
		return done(ctx, tx, id)
	})
}

// CreateCustomerSession is the input of [Manager.CreateCustomerSession].
type CreateCustomerSession struct {
	CustomerID       string
	ExpiresInSeconds int
	Actions          []auth.Action // nil: the usual ones
	// IdempotencyKey makes repeating the request harmless. The token is not kept, so
	// that only the first request gets it.
	IdempotencyKey *string
}

const (
	// DefaultSessionSeconds is how long a session lasts unless the merchant says
	// otherwise.
	DefaultSessionSeconds = 3600
	maxSessionSeconds     = 86_400
)

// usualActions are what a customer's browser may ask for unless the merchant says
// otherwise: nothing that costs money, or that cannot be taken back.
var usualActions = []auth.Action{
	auth.ActionCancelAtPeriodEnd, auth.ActionResume, auth.ActionPayInvoice, auth.ActionPortal,
}

// CreateCustomerSession makes a token for one customer's browser. It ends with the
// customer's deletion, at the latest.
func (m *Manager) CreateCustomerSession(ctx context.Context, in CreateCustomerSession) (token string, expiresAt time.Time, err error) {
	err = m.once(ctx, "createCustomerSession", in.IdempotencyKey, in, func(first string) error {
		row, err := m.store.Reader.CustomerSession.Get(ctx, first)
		if err == nil {
			expiresAt = row.ExpiresAt
		}
		return err
	}, func(done done) error {
		token, expiresAt, err = m.createSession(ctx, in, done)
		return err
	})
	return token, expiresAt, err
}

func (m *Manager) createSession(ctx context.Context, in CreateCustomerSession, done done) (token string, expiresAt time.Time, err error) {
	if err := billing.CheckID("customer", billing.CustomerPrefix, in.CustomerID, "customerId"); err != nil {
		return "", time.Time{}, err
	}
	if in.ExpiresInSeconds < 1 || in.ExpiresInSeconds > maxSessionSeconds {
		return "", time.Time{}, billing.Errorf(billing.CodeInvalidInput,
			"A session can last 1 to %d seconds, not %d.", maxSessionSeconds, in.ExpiresInSeconds).At("expiresInSeconds")
	}
	there, err := m.store.Reader.Customer.Query().Where(customer.ID(in.CustomerID)).Exist(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	if !there {
		return "", time.Time{}, billing.At(billing.NotFound("customer", in.CustomerID), "customerId")
	}
	actions := in.Actions
	if actions == nil {
		actions = usualActions
	}
	prefix, secret := newSecret()
	expiresAt = m.clock().Add(time.Duration(in.ExpiresInSeconds) * time.Second)
	err = m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.CustomerSession.Create().
			SetCustomerID(in.CustomerID).SetActions(append([]auth.Action{}, actions...)).
			SetPrefix(prefix).SetHash(hashOf(secret)).SetExpiresAt(expiresAt).Save(ctx)
		if err != nil {
			return err
		}
		return done(ctx, tx, row.ID)
	})
	return tokenMark + prefix + "_" + secret, expiresAt, err
}
