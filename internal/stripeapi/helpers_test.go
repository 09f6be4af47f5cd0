package stripeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesim"
)

const secretKey = "sk_test_A7f3kQ9zX2mW5rT8"

// link is a client and the sandbox at its other end.
type link struct {
	*stripeapi.Client
	URL    string
	server *httptest.Server
	log    *safeBuffer
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newLink(t *testing.T, change ...func(*stripeapi.Options)) *link {
	t.Helper()
	sim, err := stripesim.Open(t.Context(), stripesim.Options{Path: filepath.Join(t.TempDir(), "sandbox.db"), SecretKey: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	l := &link{server: httptest.NewServer(sim), log: &safeBuffer{}}
	l.URL = l.server.URL
	t.Cleanup(func() {
		l.server.CloseClientConnections()
		l.server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	o := stripeapi.Options{
		SecretKey: secretKey, BaseURL: l.URL, RequestsPerSecond: math.Inf(1), ProbeEvery: 5 * time.Millisecond, Timeout: 5 * time.Second,
		Unbound: true,
		Logger:  slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	l.Client = stripeapi.New(o)
	return l
}

// control uses the sandbox's controls.
func (l *link) control(t *testing.T, method, path string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, l.URL+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// fault switches a fault of the sandbox on.
func (l *link) fault(t *testing.T, f stripesim.Fault) {
	t.Helper()
	l.control(t, http.MethodPost, "/_sim/faults", f)
}

func (l *link) heal(t *testing.T) {
	t.Helper()
	l.control(t, http.MethodDelete, "/_sim/faults", nil)
}

// create creates a product under an idempotency key.
func (l *link) create(ctx context.Context, key, name string) error {
	params := &stripe.ProductParams{Name: stripe.String(name)}
	params.Context = ctx
	params.IdempotencyKey = stripe.String(key)
	_, err := l.Products.New(params)
	return err
}

// calls is a recorder.
type calls struct {
	refuse      error
	whenStarted func()

	mu       sync.Mutex
	started  []stripeapi.Call
	finished []stripeapi.Call
}

func (c *calls) Started(_ context.Context, call *stripeapi.Call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = append(c.started, *call)
	if c.whenStarted != nil {
		c.whenStarted()
	}
	return c.refuse
}

func (c *calls) Finished(_ context.Context, call *stripeapi.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, *call)
}

var errNoDatabase = errors.New("the database is away")
