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
	"tallystick/internal/store"
)

// Manager makes, changes and revokes keys and tokens.
type Manager struct{ store *store.Store }

// NewManager manages the keys of a store.
func NewManager(s *store.Store) *Manager { return &Manager{s} }

func (m *Manager) clock() time.Time { return m.store.Now().UTC().Truncate(time.Microsecond) }

// CreateAPIKey is the input of [Manager.CreateAPIKey].
type CreateAPIKey struct {
	Name      string
	Scopes    []auth.Scope
	ExpiresAt *time.Time
	// IdempotencyKey is accepted as everywhere; a repeated request makes another
	// key, since the secret of the first one is not kept.
	IdempotencyKey *string
}

const maxKeyName = 100

// CreateAPIKey makes a key. Its secret is returned once, and not kept. A principal
// hands out no scope that it lacks: that is FORBIDDEN.
func (m *Manager) CreateAPIKey(ctx context.Context, in CreateAPIKey) (*ent.ApiKey, string, error) {
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
	slices.Sort(in.Scopes)
	prefix, secret := newSecret()
	create := m.store.Writer.ApiKey.Create().
		SetName(in.Name).SetScopes(slices.Compact(in.Scopes)).SetPrefix(prefix).SetHash(hashOf(secret))
	if in.ExpiresAt != nil {
		create.SetExpiresAt(in.ExpiresAt.UTC().Truncate(time.Microsecond))
	}
	row, err := create.Save(ctx)
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
	_, secret = newSecret()
	err = m.change(ctx, in.APIKeyID, func(found *ent.ApiKey, u *ent.ApiKeyUpdateOne) error {
		if found.RevokedAt != nil {
			return billing.Errorf(billing.CodeInvalidInput, "The key is revoked.").At("apiKeyId").About(found.ID)
		}
		row = found
		u.SetHash(hashOf(secret)).SetFormerHash(found.Hash).
			SetFormerUntil(m.clock().Add(time.Duration(in.GraceSeconds) * time.Second))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return row, keyMark + row.Prefix + "_" + secret, nil
}

// RevokeAPIKey is the input of [Manager.RevokeAPIKey].
type RevokeAPIKey struct {
	APIKeyID       string
	IdempotencyKey *string
}

// RevokeAPIKey ends a key, everywhere within five seconds. One that has ended stays
// as it is.
func (m *Manager) RevokeAPIKey(ctx context.Context, in RevokeAPIKey) (row *ent.ApiKey, err error) {
	err = m.change(ctx, in.APIKeyID, func(found *ent.ApiKey, u *ent.ApiKeyUpdateOne) error {
		if found.RevokedAt == nil {
			u.SetRevokedAt(m.clock())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.store.Client.ApiKey.Get(ctx, in.APIKeyID)
}

func (m *Manager) change(ctx context.Context, id string, change func(*ent.ApiKey, *ent.ApiKeyUpdateOne) error) error {
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
		return update.Exec(ctx)
	})
}

// CreateCustomerSession is the input of [Manager.CreateCustomerSession].
type CreateCustomerSession struct {
	CustomerID       string
	ExpiresInSeconds int
	Actions          []auth.Action // nil: the usual ones
	// IdempotencyKey is accepted as everywhere; a repeated request makes another
	// token, since the first one is not kept.
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
	if err := billing.CheckID("customer", billing.CustomerPrefix, in.CustomerID, "customerId"); err != nil {
		return "", time.Time{}, err
	}
	if in.ExpiresInSeconds < 1 || in.ExpiresInSeconds > maxSessionSeconds {
		return "", time.Time{}, billing.Errorf(billing.CodeInvalidInput,
			"A session can last 1 to %d seconds, not %d.", maxSessionSeconds, in.ExpiresInSeconds).At("expiresInSeconds")
	}
	there, err := m.store.Client.Customer.Query().Where(customer.ID(in.CustomerID)).Exist(ctx)
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
	err = m.store.Writer.CustomerSession.Create().
		SetCustomerID(in.CustomerID).SetActions(append([]auth.Action{}, actions...)).
		SetPrefix(prefix).SetHash(hashOf(secret)).SetExpiresAt(expiresAt).Exec(ctx)
	return tokenMark + prefix + "_" + secret, expiresAt, err
}
