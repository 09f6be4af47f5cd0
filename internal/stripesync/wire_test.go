package stripesync_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

// wire lies between a server and Stripe. A test can step in before a request
// reaches Stripe, and before its answer comes back.
type wire struct {
	URL string

	mu       sync.Mutex
	n        int // requests so far
	before   func(n int, r *http.Request) verdict
	after    func(n int, r *http.Request) verdict
	requests []string
}

// verdict is what becomes of a request or an answer.
type verdict int

const (
	pass verdict = iota
	drop         // the connection breaks
)

// newWire lays a wire to the shop's Stripe.
func (s *shop) newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n, before, after := w.count(r)
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil || before != nil && before(n, r) == drop {
			panic(http.ErrAbortHandler)
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, s.Stripe.URL+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		req.Header = r.Header.Clone()
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || after != nil && after(n, r) == drop {
			panic(http.ErrAbortHandler)
		}
		for name, values := range resp.Header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(resp.StatusCode)
		_, _ = rw.Write(answer)
	}))
	t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

// count puts a request on the list, unless it is a server's first contact, and
// returns what is to become of it.
func (w *wire) count(r *http.Request) (n int, before, after func(int, *http.Request) verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	request := r.Method + " " + r.URL.Path
	if request == testkit.FirstContact {
		return 0, nil, nil
	}
	w.n++
	w.requests = append(w.requests, request)
	return w.n, w.before, w.after
}

// seen are the requests so far.
func (w *wire) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

// on makes a server reach Stripe by the wire.
func (w *wire) on(s *app.Settings) { s.Stripe.BaseURL = w.URL }
