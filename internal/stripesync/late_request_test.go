package stripesync_test

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"testing"

	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// held is a request that the network has kept for longer than anybody waited.
type held struct {
	request *http.Request
	body    []byte
}

// hold takes a request off the wire.
func (h *held) hold(t *testing.T, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	h.request, h.body = r.Clone(t.Context()), body
}

// arrive lets the request reach Stripe after all, and returns the status of the
// answer, which nobody gets.
func (h *held) arrive(t *testing.T, s *shop) int {
	t.Helper()
	if h.request == nil {
		t.Fatal("nothing was held")
	}
	r, err := http.NewRequestWithContext(t.Context(), h.request.Method, s.Stripe.URL+h.request.URL.RequestURI(), bytes.NewReader(h.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = h.request.Header
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// A request that arrives after its operation was given up changes nothing: its
// key was spent. One that arrives just before that counts.
func TestLateRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, d := range deeds {
			if d.method == http.MethodDelete { // keys belong to POST
				continue
			}
			for moment, after := range map[string]bool{"after the end": true, "before the key is spent": false} {
				t.Run(d.name+", "+moment, func(t *testing.T) {
					var late held
					matching := 0
					w := s.newWire(t)
					kit := *s.Kit
					var server *app.App
					w.before = func(_ int, r *http.Request) verdict {
						if ok, _ := path.Match(d.path, r.URL.Path); !ok || r.Method != d.method {
							return pass
						}
						matching++
						switch matching {
						case 1:
							late.hold(t, r)
							return drop
						case 2:
							s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: "refuse", Count: 1})
						case 3:
							if !after {
								late.arrive(t, s)
							}
						}
						return pass
					}
					server = s.Replica(t, w.on)
					kit.App = server
					do := d.prepare(t, &shop{Kit: &kit, Clock: s.Clock}, "late"+string(rune('a'+i))+map[bool]string{true: "x", false: "y"}[after])
					op, err := do(testkit.Context(t))
					if op == nil {
						t.Fatal(err)
					}
					if after {
						want(t, "status", op.Status, billing.OperationFailed)
						want(t, "answer to the late request", late.arrive(t, s), http.StatusBadRequest)
					}
					want(t, "the operation is over", op.Status.Finished(), true)
					d.equal(t, s, op, op.Status == billing.OperationSucceeded)
				})
			}
		}
	})
}
