package stripesim

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/state"
)

const (
	maxIdempotencyKey = 255
	// keyLifetime is how long Stripe remembers a key at the least; here, exactly.
	keyLifetime = int64(24 * time.Hour / time.Second)
)

// inFlightKeys are the idempotency keys whose first request has not finished. They live
// in memory: a request does not survive its process.
type inFlightKeys struct {
	mu   sync.Mutex
	keys map[string]bool
}

// claim takes a key for one request, or says why it cannot have it. An empty key needs
// no claim.
func (k *inFlightKeys) claim(key string) *apierror.Error {
	if len(key) > maxIdempotencyKey {
		return apierror.Invalid("", "Idempotency keys can be at most %d characters long, but yours has %d.", maxIdempotencyKey, len(key))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys[key] {
		e := apierror.Invalid("", "There is currently another in-progress request using this Idempotency Key (that probably means you submitted twice, and the other request is still going through): %s.", key).
			WithCode("idempotency_key_in_use")
		e.Status = http.StatusConflict
		return e
	}
	if key != "" {
		if k.keys == nil {
			k.keys = map[string]bool{}
		}
		k.keys[key] = true
	}
	return nil
}

func (k *inFlightKeys) release(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, key)
}

// fingerprint identifies a request's method and parameters; the endpoint is compared on
// its own.
func (x *exchange) fingerprint() string {
	sum := sha256.Sum256([]byte(x.http.Method + "\n" + x.form.Encode())) // Encode sorts by name
	return hex.EncodeToString(sum[:])
}

// storedAnswer looks up what the request's key has already been answered with: a replay
// when the request is the same, a refusal when it is another one.
func storedAnswer(t *state.Tx, x *exchange, now int64) (*answer, *apierror.Error, error) {
	if x.key == "" {
		return nil, nil, nil
	}
	var endpoint, fingerprint string
	replay := &answer{}
	err := t.QueryRowContext(t.Ctx,
		`SELECT endpoint, fingerprint, request_id, status, body FROM idempotency WHERE key = ? AND created > ?`, x.key, now-keyLifetime).
		Scan(&endpoint, &fingerprint, &replay.original, &replay.status, &replay.body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("look up idempotency key: %w", err)
	case endpoint != x.http.URL.Path:
		return nil, keyMisused("Keys for idempotent requests can only be used for the same endpoint they were first used for ('%s' vs '%s'). Try using a key other than '%s' if you meant to execute a different request.",
			x.http.URL.Path, endpoint, x.key), nil
	case fingerprint != x.fingerprint():
		return nil, keyMisused("Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.",
			x.key), nil
	}
	return replay, nil, nil
}

func keyMisused(format string, args ...any) *apierror.Error {
	e := apierror.Invalid("", format, args...)
	e.Type = "idempotency_error"
	return e
}

// storeAnswer keeps the answer under the request's key, and forgets the keys that have expired.
func storeAnswer(t *state.Tx, x *exchange, a *answer, now int64) error {
	if _, err := t.ExecContext(t.Ctx, `DELETE FROM idempotency WHERE created <= ?`, now-keyLifetime); err != nil {
		return fmt.Errorf("expire idempotency keys: %w", err)
	}
	_, err := t.ExecContext(t.Ctx,
		`INSERT INTO idempotency (key, endpoint, fingerprint, request_id, status, body, created) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		x.key, x.http.URL.Path, x.fingerprint(), x.requestID, a.status, a.body, now)
	if err != nil {
		return fmt.Errorf("store idempotent answer: %w", err)
	}
	return nil
}
