package stripesync_test

import (
	"net/http"
	"path"
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// lateRequest is a change whose first request is on its way for too long, and whose
// second one is refused.
type lateRequest struct {
	*testkit.Held
	// third is called when the request that follows is seen.
	third func()
}

// refuseLate carries out a deed so that its first request is late.
func refuseLate(t *testing.T, s *shop, d deed, name string, late *lateRequest) *ent.Operation {
	t.Helper()
	matching := 0
	w := testkit.NewWire(t)
	w.Before(func(_ int, r *http.Request) testkit.Verdict {
		if ok, _ := path.Match(d.path, r.URL.Path); !ok || r.Method != d.method {
			return testkit.Pass
		}
		matching++
		switch matching {
		case 1:
			late.Held = w.Hold(t, r)
			return testkit.Drop
		case 2:
			s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: "refuse", Count: 1})
		case 3:
			if late.third != nil {
				late.third()
			}
		}
		return testkit.Pass
	})
	kit := *s.Kit
	kit.App = s.Replica(t, w.Lay)
	do := d.prepare(t, &shop{Kit: &kit, Clock: s.Clock}, name)
	s.Stripe.Forget(t)
	op, err := do(testkit.Context(t))
	if op == nil {
		t.Fatal(err)
	}
	return op
}

// A request that arrives after its operation was given up changes nothing: its
// key was spent. One that arrives just before that counts.
func TestLateRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, d := range deeds {
			if d.method == http.MethodDelete { // keys belong to POST
				continue
			}
			name := "late" + string(rune('a'+i))
			t.Run(d.name+", after the end", func(t *testing.T) {
				late := new(lateRequest)
				op := refuseLate(t, s, d, name+"x", late)
				testkit.Equal(t, "status", op.Status, billing.OperationFailed)
				answer, _ := late.Arrive(t)
				testkit.Equal(t, "answer to the late request", answer, http.StatusBadRequest)
				d.equal(t, s, op, false)
			})
			t.Run(d.name+", before the key is spent", func(t *testing.T) {
				late := new(lateRequest)
				late.third = func() { late.Arrive(t) }
				op := refuseLate(t, s, d, name+"y", late)
				testkit.Equal(t, "the operation is over", op.Status.Finished(), true)
				d.equal(t, s, op, op.Status == billing.OperationSucceeded)
			})
		}
	})
}

// A deletion that arrives after its operation was given up is carried out, since
// Stripe ignores keys on DELETE: nothing is sent to stop it, and the row follows.
func TestLateDeletion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, d := range deeds {
			if d.method != http.MethodDelete {
				continue
			}
			t.Run(d.name, func(t *testing.T) {
				late := new(lateRequest)
				op := refuseLate(t, s, d, "deletion"+string(rune('a'+i)), late)
				testkit.Equal(t, "status", op.Status, billing.OperationFailed)
				for _, r := range s.writes(t) {
					testkit.Equal(t, "method of "+r.String(), r.Method, http.MethodDelete)
				}
				answer, _ := late.Arrive(t)
				testkit.Equal(t, "answer to the late request", answer, http.StatusOK)
				if op.Kind == billing.KindDeleteCustomer { // the row stays, as the operation has failed
					s.refresh(t, "customer", *s.customerRow(t, op.SubjectID).StripeID)
					testkit.Equal(t, "link", s.customerRow(t, op.SubjectID).StripeStatus, billing.SyncUnlinked)
					return
				}
				s.refresh(t, "subscription", *s.subscriptionRow(t, op.SubjectID).StripeID)
				testkit.Equal(t, "status", s.subscriptionRow(t, op.SubjectID).Status, billing.SubscriptionCanceled)
				d.equal(t, s, op, false)
			})
		}
	})
}
