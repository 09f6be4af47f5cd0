package testkit

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"tallystick/internal/app"
)

// Wire lies between a server and Stripe. A test can step in before a request
// reaches Stripe, and before its answer comes back.
type Wire struct {
	URL string

	mu       sync.Mutex
	target   string
	n        int // requests so far
	before   Hook
	after    Hook
	requests []string
}

// Hook decides about the n-th request on a wire, or about its answer.
type Hook func(n int, r *http.Request) Verdict

// Verdict is what becomes of a request or an answer.
type Verdict int

// Pass lets a request or an answer through, and Drop breaks the connection.
const (
	Pass Verdict = iota
	Drop
)

// NewWire lays a wire to a Stripe.
func NewWire(t testing.TB) *Wire {
	t.Helper()
	w := &Wire{}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

// ServeHTTP passes a request on.
func (w *Wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	n, before, after := w.count(r)
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || before != nil && before(n, r) == Drop {
		panic(http.ErrAbortHandler)
	}
	resp, err := w.send(r, body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || after != nil && after(n, r) == Drop {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(resp.StatusCode)
	_, _ = rw.Write(answer)
}

func (w *Wire) send(r *http.Request, body []byte) (*http.Response, error) {
	w.mu.Lock()
	target := w.target
	w.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	return http.DefaultTransport.RoundTrip(req)
}

// count puts a request on the list, unless it is a server's first contact, and
// returns what is to become of it.
func (w *Wire) count(r *http.Request) (n int, before, after Hook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	request := r.Method + " " + r.URL.Path
	if request == FirstContact {
		return 0, nil, nil
	}
	w.n++
	w.requests = append(w.requests, request)
	return w.n, w.before, w.after
}

// Before decides about requests from now on; nil lets all pass.
func (w *Wire) Before(h Hook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = h
}

// After decides about answers from now on; nil lets all pass.
func (w *Wire) After(h Hook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = h
}

// Forget lets everything pass again, and counts from the beginning.
func (w *Wire) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n, w.before, w.after, w.requests = 0, nil, nil, nil
}

// Seen are the requests so far.
func (w *Wire) Seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

// Lay makes a server reach its Stripe by the wire.
func (w *Wire) Lay(s *app.Settings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.target, s.Stripe.BaseURL = s.Stripe.BaseURL, w.URL
}

// Hold is a request that the network keeps for longer than anybody waits: to be
// dropped, and to arrive some time later.
func (w *Wire) Hold(t testing.TB, r *http.Request) *Held {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return &Held{wire: w, request: r.Clone(t.Context()), body: body}
}

// Held is a request that is still on its way.
type Held struct {
	wire    *Wire
	request *http.Request
	body    []byte
}

// Arrive lets the request reach Stripe after all, and returns what is answered to
// nobody: the status, and whether the answer is one that was given before.
func (h *Held) Arrive(t testing.TB) (status int, replayed bool) {
	t.Helper()
	if h == nil {
		t.Fatal("nothing was held")
		return 0, false
	}
	answer, err := h.wire.send(h.request, h.body)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("Idempotent-Replayed") == "true"
}
