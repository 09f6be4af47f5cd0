// Package testkit starts the whole server for a test, on SQLite or PostgreSQL,
// with the sandbox as Stripe over real HTTP.
package testkit

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/config"
	"tallystick/internal/stripesync"
)

// AdminKey is the key with every scope.
const AdminKey = "tsk_of_the_tests_0123456789"

// WebhookSecret is what the events of the tests are signed with.
const WebhookSecret = "whsec_of_the_tests"

// Kit is a running server and its Stripe.
type Kit struct {
	*app.App
	Client // with the admin's key
	Stripe *Stripe
	// Database is "sqlite" or "postgres".
	Database string

	config config.Serve
	change []func(*app.Settings)
	server *httptest.Server
}

// Context is one in which the admin asks.
func Context(t testing.TB) context.Context {
	t.Helper()
	return auth.With(t.Context(), auth.Admin)
}

// OnBoth runs a test on SQLite and on PostgreSQL, each with a server of its
// own. Nothing works by itself there: [Kit.Work] does what workers would do.
func OnBoth(t *testing.T, test func(t *testing.T, k *Kit), change ...func(*app.Settings)) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, database, append([]func(*app.Settings){Idle}, change...)...))
		})
	}
}

// Idle leaves out everything that works by itself.
func Idle(s *app.Settings) { s.Idle = true }

// Working lets workers and the watch over Stripe work, after [Idle].
func Working(s *app.Settings) { s.Idle = false }

// New starts a server on a new database, and a Stripe.
func New(t testing.TB, database string, change ...func(*app.Settings)) *Kit {
	t.Helper()
	k := &Kit{Client: Client{Key: AdminKey}, Database: database, Stripe: NewStripe(t), change: append([]func(*app.Settings){hasty}, change...)}
	dir := t.TempDir()
	k.config = config.Serve{
		ListenAddr: "127.0.0.1:0", AdminAPIKey: AdminKey,
		Stripe:              config.Stripe{StripeSecretKey: SecretKey, StripeAPIBase: k.Stripe.URL},
		StripeWebhookSecret: WebhookSecret, MutationTimeout: 10 * time.Second, RateLimit: 1_000_000,
	}
	k.config.DataDir = dir
	k.config.DatabaseURL = "sqlite://" + filepath.Join(dir, "tallystick.db")
	if database == "postgres" {
		k.config.DatabaseURL = newPostgres(t)
	}
	k.start(t)
	t.Cleanup(func() { k.stop(t) })
	return k
}

// hasty keeps tests from waiting.
func hasty(s *app.Settings) {
	s.Stripe.RequestsPerSecond = math.Inf(1)
	s.Stripe.ProbeEvery = 50 * time.Millisecond
	s.Engine.Pause = func(context.Context, int) {}
}

// DatabaseURL is the URL of the kit's database.
func (k *Kit) DatabaseURL() string { return k.config.URL() }

func (k *Kit) start(t testing.TB) {
	t.Helper()
	a, err := app.Start(context.Background(), k.config, slog.New(slog.NewTextHandler(logTo{t}, nil)), k.change...)
	if err != nil {
		t.Fatalf("start the server: %v", err)
	}
	k.App = a
	k.server = httptest.NewServer(a.Handler)
	k.URL = k.server.URL
}

func (k *Kit) stop(t testing.TB) {
	t.Helper()
	k.server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := k.Close(ctx); err != nil {
		t.Errorf("close the server: %v", err)
	}
}

// Restart stops the server in good order and starts it again.
func (k *Kit) Restart(t testing.TB) {
	t.Helper()
	k.stop(t)
	k.start(t)
}

// Work carries every operation forward that is due, in order, as far as it
// goes now, and those whose time has not come as well. It is what workers do,
// without waiting.
func (k *Kit) Work(t testing.TB) {
	t.Helper()
	ids, err := k.Store.Reader.Operation.Query().
		Where(operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention)).
		Order(operation.ByScopeID(), operation.ByPosition()).
		IDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		state, err := k.Engine.Run(t.Context(), id)
		if err != nil {
			t.Fatalf("run operation %s: %v", id, err)
		}
		if state == stripesync.Busy { // its own process drives it already
			k.Eventually(t, "the operation to be let go of", func() bool {
				state, err = k.Engine.Run(t.Context(), id)
				return err == nil && state != stripesync.Busy
			})
		}
	}
}

// Eventually waits until something holds that other goroutines bring about.
func (k *Kit) Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Eventually(t, what, holds)
}

// Eventually waits until something holds that others bring about, for 30
// seconds at most.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// logTo writes the server's log into the test's.
type logTo struct{ t testing.TB }

func (l logTo) Write(p []byte) (int, error) {
	defer func() { _ = recover() }() // the test may be over
	l.t.Logf("%s", p[:max(0, len(p)-1)])
	return len(p), nil
}

var _ io.Writer = logTo{}
