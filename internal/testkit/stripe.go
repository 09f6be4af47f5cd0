package testkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/stripesim"
)

// SecretKey is the key that the Stripe of the tests accepts.
const SecretKey = "sk_test_of_the_tests"

// Stripe is the sandbox, on a port of its own, that can go down and come back.
type Stripe struct {
	URL string

	sim    *stripesim.Sandbox
	addr   string
	server *http.Server
}

// NewStripe starts a Stripe for a test.
func NewStripe(t testing.TB) *Stripe {
	t.Helper()
	sim, err := stripesim.Open(t.Context(), stripesim.Options{
		Path: filepath.Join(t.TempDir(), "sandbox.db"), SecretKey: SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &Stripe{sim: sim, addr: "127.0.0.1:0"}
	s.Up(t)
	s.URL = "http://" + s.addr
	t.Cleanup(func() {
		s.Down()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Up makes Stripe reachable, at the address it had before.
func (s *Stripe) Up(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.server = &http.Server{Handler: s.sim}
	go func(server *http.Server) {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}(s.server)
}

// SendEvents makes Stripe send its events to a server from now on.
func (s *Stripe) SendEvents(t testing.TB, server Client) {
	t.Helper()
	if err := s.sim.SetWebhook(server.URL+"/webhooks/stripe", WebhookSecret); err != nil {
		t.Fatal(err)
	}
}

// LimitRates holds every key to the rates of test mode: 25 reads and 25 writes a
// second.
func (s *Stripe) LimitRates(t testing.TB) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/settings", map[string]bool{"rateLimits": true}, nil)
}

// Down makes Stripe unreachable: connections are refused.
func (s *Stripe) Down() { s.server.Close() }

// Fault is what goes wrong with requests to Stripe; see the sandbox's
// controls.
type Fault struct {
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Kind    string            `json:"kind"`
	Count   int               `json:"count"`
	Skip    int               `json:"skip,omitempty"`
	DelayMs int               `json:"delayMs,omitempty"`
	Message string            `json:"message,omitempty"`
}

// Fail makes requests fail from now on.
func (s *Stripe) Fail(t testing.TB, f Fault) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/faults", f, nil)
}

// Heal takes all faults back.
func (s *Stripe) Heal(t testing.TB) {
	t.Helper()
	s.control(t, http.MethodDelete, "/_sim/faults", nil, nil)
}

// Request is one that reached Stripe.
type Request struct {
	Method         string `json:"method"`
	Path           string `json:"path"`
	IdempotencyKey string `json:"idempotencyKey"`
	Status         int    `json:"status"`
	Replayed       bool   `json:"replayed"`
	Fault          string `json:"fault"`
}

func (r Request) String() string { return r.Method + " " + r.Path }

// FirstContact is the request by which a server that starts learns whose key it
// has.
const FirstContact = "GET /v1/account"

// Requests are those that reached Stripe since the last Forget, the oldest
// first, but for first contacts.
func (s *Stripe) Requests(t testing.TB) []Request {
	t.Helper()
	var answer struct {
		Requests []Request `json:"requests"`
		Data     []Request `json:"data"`
	}
	s.control(t, http.MethodGet, "/_sim/requests", nil, &answer)
	return slices.DeleteFunc(append(answer.Requests, answer.Data...), func(r Request) bool { return r.String() == FirstContact })
}

// Forget forgets the requests so far.
func (s *Stripe) Forget(t testing.TB) {
	t.Helper()
	s.control(t, http.MethodDelete, "/_sim/requests", nil, nil)
}

// Force puts a subscription into a status of Stripe's, by its id there.
func (s *Stripe) Force(t testing.TB, subscription, status, reason string) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/subscriptions/"+subscription, map[string]string{"status": status, "reason": reason}, nil)
}

// Edit sets fields of an object in Stripe, past all rules and without an event, as
// if that had been lost. A path leads into the object: items.data.0.quantity.
func (s *Stripe) Edit(t testing.TB, id string, set map[string]any) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/objects/"+id, map[string]any{"set": set}, nil)
}

// Change is Edit with an event of a type that tells of it.
func (s *Stripe) Change(t testing.TB, id string, set map[string]any, event string) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/objects/"+id, map[string]any{"set": set, "event": event}, nil)
}

// Advance lets time pass at Stripe: 31d, 2h.
func (s *Stripe) Advance(t testing.TB, by string) {
	t.Helper()
	s.control(t, http.MethodPost, "/_sim/clock", map[string]string{"advance": by}, nil)
}

func (s *Stripe) control(t testing.TB, method, path string, body, answer any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, method, path, "application/json", bytes.NewReader(b), answer)
}

// Get reads an object of Stripe's.
func (s *Stripe) Get(t testing.TB, path string) map[string]any {
	t.Helper()
	var object map[string]any
	s.send(t, http.MethodGet, path, "", http.NoBody, &object)
	return object
}

// All are the objects of a list of Stripe's, over all its pages.
func (s *Stripe) All(t testing.TB, path string, filter url.Values) []map[string]any {
	t.Helper()
	query := url.Values{"limit": {"100"}}
	maps.Copy(query, filter)
	var objects []map[string]any
	for {
		page := s.Get(t, path+"?"+query.Encode())
		for _, o := range page["data"].([]any) {
			objects = append(objects, o.(map[string]any))
		}
		if more, _ := page["has_more"].(bool); !more {
			return objects
		}
		query.Set("starting_after", objects[len(objects)-1]["id"].(string))
	}
}

// Post changes something behind the server's back, as the dashboard would.
func (s *Stripe) Post(t testing.TB, path string, params url.Values) map[string]any {
	t.Helper()
	var object map[string]any
	s.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(params.Encode()), &object)
	return object
}

// Delete deletes something behind the server's back.
func (s *Stripe) Delete(t testing.TB, path string) {
	t.Helper()
	s.send(t, http.MethodDelete, path, "", http.NoBody, nil)
}

func (s *Stripe) send(t testing.TB, method, path, contentType string, body io.Reader, answer any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+SecretKey)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	// Straight to the sandbox, so that it can be asked while it is down.
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	s.sim.ServeHTTP(w, req)
	if w.status > 299 {
		t.Fatalf("%s %s: status %d: %s", method, path, w.status, w.body.String())
	}
	if answer != nil {
		if err := json.Unmarshal(w.body.Bytes(), answer); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, w.body.String())
		}
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
