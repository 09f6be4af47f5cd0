package simulation_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
	"tallystick/internal/testkit/stripespec"
)

// stage is a life whose requests to Stripe can be stepped in on.
type stage struct {
	*life
	t    *testing.T
	wire *testkit.Wire
	held *testkit.Held // a request that is late
}

func newStage(t *testing.T, database string) *stage {
	t.Helper()
	wire := testkit.NewWire(t)
	return &stage{life: newLife(t, database, wire.Lay), t: t, wire: wire}
}

// whole plays the fault matrix wholly.
var whole = flag.Bool("whole", false, "play every cell of the fault matrix, and not one of four on each database")

// TestFaultMatrix lets everything go wrong that can, at every request of every kind
// of operation that is declared: whatever happens, the operation comes to its end,
// both halves are equal then, and nothing was made twice. What may pass must not
// cost the change.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for offset, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			played := map[billing.OperationKind][]string{}
			cell, ran := 2*offset, 0
			for _, sc := range scenes {
				t.Run(sc.name, func(t *testing.T) {
					ran++
					requests := newStage(t, database).rehearse(&sc)
					for i, request := range requests {
						s := newStage(t, database) // what it lives with stays little
						for _, tr := range troubles {
							if cell++; cell%4 != 0 && !*whole && !tr.bringsSteps {
								continue
							}
							t.Run(fmt.Sprintf("%s, at %d. %s", tr.name, i+1, request), func(t *testing.T) {
								for _, step := range s.play(t, &sc, tr, i+1).Steps {
									played[sc.kind] = append(played[sc.kind], step.Name)
								}
							})
						}
					}
				})
			}
			if ran == len(scenes) { // and -run has left none out
				complete(t, newStage(t, database), played)
			}
		})
	}
}

// complete fails the test unless every step that any kind of operation declares was
// played.
func complete(t *testing.T, s *stage, played map[billing.OperationKind][]string) {
	t.Helper()
	for kind, declared := range s.Engine.Declared() {
		if kind == billing.KindReconcile { // it reads all there is, and has tests of its own
			continue
		}
		for _, step := range declared {
			if !slices.Contains(played[kind], step.Name) {
				t.Errorf("no scene of %s does the step %s", kind, step.Name)
			}
		}
	}
}

// rehearse plays a scene without trouble, and returns the requests that it takes, which
// must be as Stripe's specification allows.
func (s *stage) rehearse(sc *scene) (requests []string) {
	s.t.Helper()
	do := sc.prepare(s)
	s.calm(s.t)
	before := s.population()
	s.wire.Forget()
	stripespec.Check(s.t, s.wire)
	s.settled(do)
	op := s.newest(sc.kind)
	if op.Status != billing.OperationSucceeded {
		s.t.Fatalf("%s without trouble: %v", sc.name, op)
	}
	requests = s.wire.Seen()
	s.calm(s.t)
	s.compare(s.t)
	sc.makes = s.made(before)
	return requests
}

// settled carries a deed out, and what it has begun as far as that goes now.
func (s *stage) settled(do deed) {
	do(actor{s.App, s.Client})
	s.drive(s.App)
}

// drive lets a process carry out what is unfinished, as far as it goes now.
func (s *stage) drive(a *app.App) {
	s.t.Helper()
	for _, id := range s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).
		Order(operation.ByScopeID(), operation.ByPosition()).IDsX(s.t.Context()) {
		s.Eventually(s.t, "the process to be through", func() bool {
			state, err := a.Engine.Run(s.t.Context(), id)
			return state != stripesync.Busy || err != nil // one that is dead has an error
		})
	}
}

// newest is the latest operation of a kind.
func (s *stage) newest(kind billing.OperationKind) *ent.Operation {
	s.t.Helper()
	op, err := s.Store.Reader.Operation.Query().Where(operation.KindEQ(kind)).
		Order(ent.Desc(operation.FieldCreatedAt)).WithStripeCalls().First(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return op
}

// play plays a scene with trouble at its n-th request, and returns its operation.
func (s *stage) play(t *testing.T, sc *scene, tr trouble, n int) *ent.Operation {
	t.Helper()
	s.t, s.life.t = t, t
	do := sc.prepare(s)
	s.calm(s.t)
	before := s.population()
	s.wire.Forget()
	tr.strike(s, n, do)
	s.wire.Before(nil)
	s.wire.After(nil)
	seen := s.wire.Seen()
	s.calm(s.t)
	op := s.newest(sc.kind)
	if tr.refuses && !strings.HasPrefix(seen[n-1], http.MethodGet) {
		testkit.Equal(s.t, "status", op.Status, billing.OperationFailed)
		testkit.Equal(s.t, "code", billing.ValueOr(op.ErrorCode, ""), string(billing.CodeStripeRejected))
	}
	if tr.after != nil {
		tr.after(s)
		s.calm(s.t)
	}
	s.compare(s.t)
	s.nothingTwice(op)
	if tr.passes && op.Status != billing.OperationSucceeded {
		s.t.Errorf("the trouble passed, and the operation is %v: %v", op, op.Edges.StripeCalls)
	}
	if tr.passes && !tr.timePasses {
		if made := s.made(before); !maps.Equal(made, sc.makes) {
			s.t.Errorf("Stripe has made %v, and makes %v without trouble", made, sc.makes)
		}
	}
	return op
}

// population is how many objects of each kind Stripe has.
func (s *stage) population() map[string]int {
	s.t.Helper()
	n := map[string]int{}
	for kind, count := range s.Stripe.Get(s.t, "/_sim/")["objects"].(map[string]any) {
		n[kind] = int(count.(float64))
	}
	delete(n, "event")
	return n
}

// made is how many objects of each kind Stripe has more than before.
func (s *stage) made(before map[string]int) map[string]int {
	s.t.Helper()
	n := s.population()
	for kind, count := range before {
		n[kind] -= count
	}
	maps.DeleteFunc(n, func(_ string, count int) bool { return count == 0 })
	return n
}

// nothingTwice fails the test when Stripe has two living objects of one kind that
// an operation has created.
func (s *stage) nothingTwice(op *ent.Operation) {
	s.t.Helper()
	for _, kind := range []string{"customers", "products", "prices", "subscriptions"} {
		found := map[string]int{}
		for _, o := range s.Stripe.All(s.t, "/v1/"+kind, nil) {
			metadata, _ := o["metadata"].(map[string]any)
			if metadata["tallystick_operation"] == op.ID {
				found[fmt.Sprint(metadata["tallystick_id"])]++
			}
		}
		for id, n := range found {
			if n > 1 {
				s.t.Errorf("Stripe has %d %s for %s", n, kind, id)
			}
		}
	}
}

// trouble is what goes wrong at one request of an operation.
type trouble struct {
	name string
	// passes says that nobody has refused anything, so that the change must come
	// about.
	passes bool
	// timePasses says that renewals may come between.
	timePasses bool
	// bringsSteps says that other steps can come of it.
	bringsSteps bool
	// refuses says that a request is refused, so that a change of which that was one fails.
	refuses bool
	// strike carries a deed out, and lets something go wrong at its n-th request.
	strike func(s *stage, n int, do deed)
	// after is what happens once the operation is over.
	after func(*stage)
}

var troubles = slices.Concat(answers(), deaths(), []trouble{
	{name: "no connection from then on", passes: true, strike: func(s *stage, n int, do deed) {
		s.wire.Before(func(i int, _ *http.Request) testkit.Verdict { return dropIf(i >= n) })
		s.settled(do)
	}},
	{name: "every change is refused from then on", strike: func(s *stage, n int, do deed) {
		s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
			if i >= n && r.Method != http.MethodGet {
				s.failThis(r, "refuse")
			}
			return testkit.Pass
		})
		s.settled(do)
	}},
	{name: "refused after a lost answer", strike: func(s *stage, n int, do deed) {
		s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
			switch i {
			case n:
				s.failThis(r, "stored_error_after")
			case n + 1:
				s.failThis(r, "refuse")
			}
			return testkit.Pass
		})
		s.settled(do)
	}},
	{name: "the answer is lost and the key forgotten", passes: true, timePasses: true, strike: func(s *stage, n int, do deed) {
		s.wire.Before(func(i int, _ *http.Request) testkit.Verdict { return dropIf(i > n) })
		s.wire.After(func(i int, _ *http.Request) testkit.Verdict { return dropIf(i >= n) })
		s.settled(do)
		s.passes("25h", 25*time.Hour)
	}},
	{name: "what it names is gone", bringsSteps: true, strike: func(s *stage, n int, do deed) {
		s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
			if i == n {
				s.vanish(r)
			}
			return testkit.Pass
		})
		s.settled(do)
	}},
})

func dropIf(drop bool) testkit.Verdict {
	if drop {
		return testkit.Drop
	}
	return testkit.Pass
}

// answers are the wrong ones that Stripe, or the network, can give once.
func answers() (all []trouble) {
	for _, kind := range []string{
		"refuse", "card_declined", "rate_limit", "lock_timeout", "server_error", "garbage", "unauthorized", "forbidden",
		"drop_before", "drop_after", "stored_error", "stored_error_after",
	} {
		tr := trouble{name: kind, passes: true, strike: func(s *stage, n int, do deed) {
			s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
				if i == n {
					s.failThis(r, kind)
				}
				return testkit.Pass
			})
			s.settled(do)
		}}
		switch kind {
		case "refuse":
			tr.passes, tr.refuses = false, true
		case "card_declined":
			tr.passes = false
		}
		all = append(all, tr)
	}
	return append(all,
		late("held in the network until the repetition is refused", 1, false),
		late("held in the network until after the end", 1, true),
		late("held in the network until after the end, and the key not spent at once", 2, true),
	)
}

// late is a request that the network holds until its repetition was refused, or
// until long after the end. Where the key cannot be used up at once, because Stripe
// refuses that too, the end has to wait.
func late(name string, refusals int, afterTheEnd bool) trouble {
	return trouble{
		name: name,
		after: func(s *stage) {
			if s.held == nil {
				return
			}
			if status, replayed := s.held.Arrive(s.t); status < 300 && !replayed {
				s.t.Error("the late request was carried out after the end")
			}
		},
		strike: func(s *stage, n int, do deed) {
			s.held = nil
			s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
				switch {
				case i == n && spent(r):
					s.held = s.wire.Hold(s.t, r)
					return testkit.Drop
				case i > n && i <= n+refusals && s.held != nil:
					s.failThis(r, "refuse")
				case i == n+2 && s.held != nil && !afterTheEnd:
					s.held.Arrive(s.t)
					s.held = nil
				}
				return testkit.Pass
			})
			s.settled(do)
		},
	}
}

// spent reports whether the key of a request has to be used up when its repetition
// is refused. A new product or customer is refused for what it is, and not for what
// else there is, so that one that was held would be refused as well; and a card that
// is attached is kept anyway.
func spent(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path != "/v1/products" && r.URL.Path != "/v1/customers" &&
		!strings.HasSuffix(r.URL.Path, "/attach")
}

// deaths are the moments at which a process can die around a request: from then on
// it writes nothing to the database.
func deaths() (all []trouble) {
	for _, moment := range []string{"the request leaves", "the answer arrives", "the answer is written down"} {
		all = append(all, trouble{name: "death before " + moment, passes: true, strike: func(s *stage, n int, do deed) {
			wire := testkit.NewWire(s.t)
			doomed := s.Replica(s.t, wire.Lay)
			die := func(i int, _ *http.Request) testkit.Verdict {
				if i < n {
					return testkit.Pass
				}
				doomed.Store.DB.Close()
				return dropIf(moment != "the answer is written down")
			}
			if moment == "the request leaves" {
				wire.Before(die)
			} else {
				wire.After(die)
			}
			server := httptest.NewServer(doomed.Handler)
			defer server.Close()
			do(actor{doomed, testkit.Client{URL: server.URL, Key: s.Key}})
			s.drive(doomed)
		}})
	}
	return all
}

// failThis makes Stripe fail at a request that is about to reach it.
func (s *stage) failThis(r *http.Request, kind string) {
	s.Stripe.Fail(s.t, testkit.Fault{Method: r.Method, Path: r.URL.Path, Kind: kind, Count: 1})
}

// vanish takes away in Stripe whatever a request names.
func (s *stage) vanish(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	words := strings.FieldsFunc(r.URL.RequestURI()+"&"+string(body), func(c rune) bool { return strings.ContainsRune("/?&=", c) })
	for _, id := range words {
		switch kind, _, _ := strings.Cut(id, "_"); kind {
		case "cus":
			s.dashboard(http.MethodDelete, "/v1/customers/"+id, nil)
		case "sub":
			s.dashboard(http.MethodDelete, "/v1/subscriptions/"+id, nil)
		case "in":
			s.dashboard(http.MethodPost, "/v1/invoices/"+id+"/void", nil)
		case "price":
			s.dashboard(http.MethodPost, "/v1/prices/"+id, object{"active": "false"})
		case "prod":
			s.dashboard(http.MethodPost, "/v1/products/"+id, object{"active": "false"})
		}
	}
}

// actor is the process that somebody asks for a change.
type actor struct {
	app *app.App
	testkit.Client
}
