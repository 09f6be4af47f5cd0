package stripesim_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"tallystick/internal/stripesim"
)

const testKey = "sk_test_51TallystickSandbox"

// world is one sandbox behind a real HTTP server, with a stripe-go client and a clock
// that the test moves.
type world struct {
	t       testing.TB
	options stripesim.Options
	sandbox *stripesim.Sandbox
	server  *httptest.Server
	stripe  *client.API
	http    *http.Client

	mu   sync.Mutex
	time time.Time
}

// openWorld is a world that the caller closes.
func openWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, time: time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)}
	w.options = stripesim.Options{Path: filepath.Join(t.TempDir(), "stripe.db"), Now: w.now}
	w.open()
	return w
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := openWorld(t)
	t.Cleanup(func() {
		w.checkEvents()
		w.close()
	})
	return w
}

// checkEvents reads what the test left, so that the snapshots in its latest events are
// held against the specification.
func (w *world) checkEvents() {
	w.clear("faults")
	key := w.options.SecretKey
	if key == "" {
		key = testKey
	}
	w.send(http.MethodGet, "/v1/events?limit=100", nil, "Authorization", "Bearer "+key)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) open() {
	w.t.Helper()
	sandbox, err := stripesim.Open(w.t.Context(), w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.sandbox = sandbox
	w.server = httptest.NewServer(sandbox)
	w.http = w.server.Client()
	if _, measures := w.t.(*testing.B); !measures {
		w.http.Transport = specTransport{t: w.t, next: w.http.Transport}
	}
	w.stripe = client.New(testKey, &stripe.Backends{API: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(w.server.URL), HTTPClient: w.http, MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{},
	})})
}

func (w *world) close() {
	w.server.Close()
	if err := w.sandbox.Close(); err != nil {
		w.t.Error(err)
	}
}

// restart stops the sandbox and opens it again on the same file.
func (w *world) restart() {
	w.t.Helper()
	w.close()
	w.open()
}

// reply is a raw HTTP answer.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (r reply) errorField(name string) string {
	e, _ := r.body["error"].(map[string]any)
	value, _ := e[name].(string)
	return value
}

// send makes a form-encoded request; headers come as name, value pairs.
func (w *world) send(method, path string, form url.Values, headers ...string) reply {
	w.t.Helper()
	r, err := w.try(method, path, form, headers...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// try is send for requests that may fail on the way. It is safe to use from other goroutines.
func (w *world) try(method, path string, form url.Values, headers ...string) (reply, error) {
	req, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+testKey)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := w.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(body)}
	_ = json.Unmarshal(body, &r.body) // garbage stays visible in text
	return r, nil
}

// post is send with parameters as name, value pairs.
func (w *world) post(path string, pairs ...string) reply {
	w.t.Helper()
	return w.send(http.MethodPost, path, form(pairs...))
}

func (w *world) get(path string) reply {
	w.t.Helper()
	return w.send(http.MethodGet, path, nil)
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// control posts JSON to one of the sandbox's own paths.
func (w *world) control(path string, body map[string]any) reply {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := w.http.Post(w.server.URL+"/_sim/"+path, "application/json", bytes.NewReader(encoded))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	r := reply{status: res.StatusCode}
	if err := json.NewDecoder(res.Body).Decode(&r.body); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// fault switches a fault on.
func (w *world) fault(kind string, more map[string]any) {
	w.t.Helper()
	body := map[string]any{"kind": kind}
	for name, value := range more {
		body[name] = value
	}
	if r := w.control("faults", body); r.status != http.StatusCreated {
		w.t.Fatalf("fault %s: %v", kind, r.body)
	}
}

// refused is what a test expects of a refusal; empty fields have to be empty on the wire.
type refused struct {
	status                               int
	kind, code, param, decline, contains string
}

func (w *world) expectRefusal(r reply, want refused) {
	w.t.Helper()
	if want.kind == "" {
		want.kind = "invalid_request_error"
	}
	if want.status == 0 {
		want.status = http.StatusBadRequest
	}
	got := refused{r.status, r.errorField("type"), r.errorField("code"), r.errorField("param"), r.errorField("decline_code"), want.contains}
	if got != want || !strings.Contains(r.errorField("message"), want.contains) {
		w.t.Errorf("got  %+v\nwant %+v\nin %s", got, want, r.text)
	}
}

func (w *world) expectOK(r reply) reply {
	w.t.Helper()
	if r.status != http.StatusOK {
		w.t.Fatalf("status %d: %s", r.status, r.text)
	}
	return r
}

// stripeError unwraps what stripe-go returns for an error that Stripe sent.
func stripeError(t testing.TB, err error) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error from Stripe: %v", err)
	}
	return e
}

func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *world) product(name string) *stripe.Product {
	w.t.Helper()
	return must(w.stripe.Products.New(&stripe.ProductParams{Name: &name}))(w.t)
}

// monthly is a new monthly price in US dollars on a product of its own.
func (w *world) monthly(amount int64) *stripe.Price {
	w.t.Helper()
	return must(w.stripe.Prices.New(&stripe.PriceParams{
		Product: stripe.String(w.product("Plan").ID), Currency: stripe.String("usd"), UnitAmount: &amount,
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	}))(w.t)
}

// eventTypes lists the types of all events about an object, oldest first.
func (w *world) eventTypes(id string) []string {
	w.t.Helper()
	var types []string
	for _, element := range w.expectOK(w.get("/v1/events?limit=100")).body["data"].([]any) {
		event := element.(map[string]any)
		if event["data"].(map[string]any)["object"].(map[string]any)["id"] == id {
			types = append([]string{event["type"].(string)}, types...)
		}
	}
	return types
}
