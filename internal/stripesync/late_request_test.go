package stripesync_test

import (
	"net/http"
	"path"
	"testing"

	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

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
					var late *testkit.Held
					matching := 0
					w := testkit.NewWire(t)
					kit := *s.Kit
					var server *app.App
					w.Before(func(_ int, r *http.Request) testkit.Verdict {
						if ok, _ := path.Match(d.path, r.URL.Path); !ok || r.Method != d.method {
							return testkit.Pass
						}
						matching++
						switch matching {
						case 1:
							late = w.Hold(t, r)
							return testkit.Drop
						case 2:
							s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: "refuse", Count: 1})
						case 3:
							if !after {
								late.Arrive(t)
							}
						}
						return testkit.Pass
					})
					server = s.Replica(t, w.Lay)
					kit.App = server
					do := d.prepare(t, &shop{Kit: &kit, Clock: s.Clock}, "late"+string(rune('a'+i))+map[bool]string{true: "x", false: "y"}[after])
					op, err := do(testkit.Context(t))
					if op == nil {
						t.Fatal(err)
					}
					if after {
						testkit.Equal(t, "status", op.Status, billing.OperationFailed)
						answer, _ := late.Arrive(t)
						testkit.Equal(t, "answer to the late request", answer, http.StatusBadRequest)
					}
					testkit.Equal(t, "the operation is over", op.Status.Finished(), true)
					d.equal(t, s, op, op.Status == billing.OperationSucceeded)
				})
			}
		}
	})
}
