package stripeapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
	"tallystick/internal/testkit"
)

// accounts stands between a client and the sandbox, and says which keys are
// accepted.
type accounts struct {
	mu       sync.Mutex
	accepted map[string]bool
	foreign  string // a key of another account
}

func (a *accounts) accept(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accepted = map[string]bool{}
	for _, key := range keys {
		a.accepted[key] = true
	}
}

// newRotation is a client with two keys.
func newRotation(t *testing.T, accept ...string) (*stripeapi.Client, *accounts) {
	t.Helper()
	sandbox := newLink(t)
	to, err := url.Parse(sandbox.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := &accounts{}
	a.accept(accept...)
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		a.mu.Lock()
		accepted, foreign := a.accepted[key], a.foreign == key
		a.mu.Unlock()
		switch {
		case !accepted:
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}`))
			return
		case foreign && r.URL.Path == "/v1/account":
			w.Write([]byte(`{"id": "acct_foreign", "object": "account"}`))
			return
		}
		r.Header.Set("Authorization", "Bearer "+secretKey)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l := newLink(t, unbound, func(o *stripeapi.Options) {
		o.SecretKey, o.NextSecretKey, o.BaseURL = "sk_test_old", "sk_test_new", server.URL
	})
	return l.Client, a
}

// oneAccount binds the database to the first account that it hears of.
func oneAccount() func(context.Context, stripeapi.Account) error {
	var bound string
	return func(_ context.Context, a stripeapi.Account) error {
		if bound == "" {
			bound = a.ID
		}
		if bound != a.ID {
			return stripeapi.ErrWrongAccount
		}
		return nil
	}
}

// TestKeyIsReplaced lets Stripe refuse the first key while the server runs, as once
// it has expired.
func TestKeyIsReplaced(t *testing.T) {
	t.Parallel()
	c, keys := newRotation(t, "sk_test_old", "sk_test_new")
	if err := c.Confirm(t.Context(), oneAccount()); err != nil {
		t.Fatal(err)
	}
	keys.accept("sk_test_new")
	record := &calls{}
	l := &link{Client: c}
	if err := l.create(stripeapi.WithRecorder(t.Context(), record), "a", "Lamp"); err != nil {
		t.Fatalf("the first request after it: %v", err)
	}
	testkit.Equal(t, "requests", len(record.finished), 2)
	testkit.Equal(t, "the first", record.finished[0].Status, 401)
	testkit.Equal(t, "the second", record.finished[1].Status, 200)
	testkit.Equal(t, "its idempotency key", record.finished[1].IdempotencyKey, "a")
	testkit.Equal(t, "health", c.Health(), billing.StripeOK)
	if err := l.create(stripeapi.WithRecorder(t.Context(), record), "b", "Chair"); err != nil {
		t.Fatal(err)
	}
	testkit.Equal(t, "requests of the next", len(record.finished), 3)
}

// TestBothKeysExpire lets Stripe refuse both keys while the server runs, and accept the
// second one again.
func TestBothKeysExpire(t *testing.T) {
	t.Parallel()
	c, keys := newRotation(t, "sk_test_old", "sk_test_new")
	known := oneAccount()
	if err := c.Confirm(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	keys.accept()
	l := &link{Client: c}
	err := l.create(t.Context(), "a", "Lamp")
	testkit.Equal(t, "the request", stripeapi.AsError(err).Kind, stripeapi.Misconfigured)
	testkit.Equal(t, "health", c.Health(), billing.StripeInvalidKey)
	keys.accept("sk_test_new")
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	recovered := make(chan struct{})
	watching.Go(func() {
		c.Watch(ctx, func(ctx context.Context) error { return c.Confirm(ctx, known) }, sync.OnceFunc(func() { close(recovered) }))
	})
	<-recovered
	if err := l.create(t.Context(), "a", "Lamp"); err != nil {
		t.Error(err)
	}
	testkit.Equal(t, "health in the end", c.Health(), billing.StripeOK)
	cancel()
	watching.Wait()
}

// TestOneOfTwoKeys starts with only one of the keys valid.
func TestOneOfTwoKeys(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"sk_test_old", "sk_test_new"} {
		c, _ := newRotation(t, valid)
		if err := c.Confirm(t.Context(), oneAccount()); err != nil {
			t.Errorf("%s: %v", valid, err)
		}
		testkit.Equal(t, valid+": health", c.Health(), billing.StripeOK)
		if err := (&link{Client: c}).create(t.Context(), "a", "Lamp"); err != nil {
			t.Errorf("%s: %v", valid, err)
		}
	}
}

// TestKeyOfAnotherAccount names a key of another account as the next one.
func TestKeyOfAnotherAccount(t *testing.T) {
	t.Parallel()
	c, keys := newRotation(t, "sk_test_old", "sk_test_new")
	keys.foreign = "sk_test_new"
	if err := c.Confirm(t.Context(), oneAccount()); !errors.Is(err, stripeapi.ErrWrongAccount) {
		t.Errorf("it was confirmed: %v", err)
	}
}

// TestNeitherKey lets Stripe refuse both, and then accept the second one.
func TestNeitherKey(t *testing.T) {
	t.Parallel()
	c, keys := newRotation(t)
	known := oneAccount()
	if err := c.Confirm(t.Context(), known); err == nil {
		t.Fatal("refused keys were confirmed")
	}
	_ = c.Ping(t.Context())
	testkit.Equal(t, "health", c.Health(), billing.StripeInvalidKey)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	recovered := make(chan struct{})
	watching.Go(func() {
		c.Watch(ctx, func(ctx context.Context) error { return c.Confirm(ctx, known) }, func() { close(recovered) })
	})
	keys.accept("sk_test_new")
	<-recovered
	if err := (&link{Client: c}).create(t.Context(), "a", "Lamp"); err != nil {
		t.Error(err)
	}
	cancel()
	watching.Wait()
}
