package simulation_test

import (
	"bytes"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"tallystick/internal/testkit"
)

// trouble is what can happen at one request of an operation: what fails there, or what
// people do meanwhile.
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
	// touches says that it may change the same in Stripe as the operation does.
	touches bool
	// makes says that objects are made in Stripe that the operation does not make.
	makes bool
	// apart says that the command goes to a process of its own: it dies, or the others
	// are up to something.
	apart bool
	// happen says how it goes.
	happen func(*play) course
}

// course is what becomes of a play from the trouble's request on. What is nil changes
// nothing.
type course struct {
	// before decides about the trouble's own request, the zeroth, and those after it;
	// after about their answers.
	before, after testkit.Hook
	// then is what happens once the process has gone as far as it could.
	then func()
	// last is what happens once the operation is over.
	last func()
}

var troubles = slices.Concat(answers(), deaths(), []trouble{
	{name: "no connection from then on", passes: true, happen: func(*play) course {
		down := true
		return course{
			before: func(int, *http.Request) testkit.Verdict { return dropIf(down) },
			then:   func() { down = false },
		}
	}},
	{name: "every change is refused from then on", happen: func(p *play) course {
		return course{before: func(_ int, r *http.Request) testkit.Verdict {
			if r.Method != http.MethodGet {
				p.failThis(r, "refuse")
			}
			return testkit.Pass
		}}
	}},
	{name: "refused after a lost answer", happen: func(p *play) course {
		return course{before: func(i int, r *http.Request) testkit.Verdict {
			switch i {
			case 0:
				p.failThis(r, "stored_error_after")
			case 1:
				p.failThis(r, "refuse")
			}
			return testkit.Pass
		}}
	}},
	{name: "the answer is lost and the key forgotten", passes: true, timePasses: true, happen: func(p *play) course {
		down := true
		return course{
			before: func(i int, _ *http.Request) testkit.Verdict { return dropIf(down && i > 0) },
			after:  func(int, *http.Request) testkit.Verdict { return dropIf(down) },
			then: func() {
				down = false
				p.arrivals() // nothing is on its way for a day
				p.passes("25h", 25*time.Hour)
			},
		}
	}},
	{name: "what it names is gone", bringsSteps: true, touches: true, happen: func(p *play) course {
		return course{before: once(p.vanish)}
	}},
})

func dropIf(drop bool) testkit.Verdict {
	if drop {
		return testkit.Drop
	}
	return testkit.Pass
}

// once is what happens at a trouble's own request, which goes on its way then.
func once(happen func(*http.Request)) testkit.Hook {
	return func(i int, r *http.Request) testkit.Verdict {
		if i == 0 {
			happen(r)
		}
		return testkit.Pass
	}
}

// answers are the wrong ones that Stripe, or the network, can give once.
func answers() (all []trouble) {
	for _, kind := range []string{
		"refuse", "card_declined", "rate_limit", "lock_timeout", "server_error", "garbage", "unauthorized", "forbidden",
		"drop_before", "drop_after", "stored_error", "stored_error_after",
	} {
		tr := trouble{name: kind, passes: true, happen: func(p *play) course {
			return course{before: once(func(r *http.Request) { p.failThis(r, kind) })}
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
	return trouble{name: name, happen: func(p *play) course {
		var held *testkit.Held
		return course{
			before: func(i int, r *http.Request) testkit.Verdict {
				switch {
				case i == 0 && spent(r):
					held = p.hold(r)
					return testkit.Drop
				case i > 0 && i <= refusals && held != nil:
					p.failThis(r, "refuse")
				case i == 2 && held != nil && !afterTheEnd:
					p.arrivals()
				}
				return testkit.Pass
			},
			last: p.lateArrivals,
		}
	}}
}

// spent reports whether the key of a request has to be used up when its repetition
// is refused. A new product or customer is refused for what it is, and not for what
// else there is, so that one that was held would be refused as well; and a card that
// is attached is kept anyway.
func spent(r *http.Request) bool {
	if strings.Contains(r.Header.Get("Idempotency-Key"), ":undo") {
		return false // what it makes so is so by then, and may be made so twice
	}
	return r.Method == http.MethodPost && r.URL.Path != "/v1/products" && r.URL.Path != "/v1/customers" &&
		!strings.HasSuffix(r.URL.Path, "/attach")
}

// deaths are the moments at which a process can die around a request: from then on
// it writes nothing to the database.
func deaths() (all []trouble) {
	for _, moment := range []string{"the request leaves", "the answer arrives", "the answer is written down"} {
		all = append(all, trouble{name: "death before " + moment, passes: true, apart: true, happen: func(p *play) course {
			die := func(i int, _ *http.Request) testkit.Verdict {
				if i > 0 {
					return testkit.Pass // it is another's
				}
				p.die()
				return dropIf(moment != "the answer is written down")
			}
			if moment == "the request leaves" {
				return course{before: die}
			}
			return course{after: die}
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
	for kind, id := range s.named(r) {
		switch kind {
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

// named are the ids of Stripe's that a request names, each with the prefix that tells
// its kind, in the order in which they stand there.
func (s *stage) named(r *http.Request) iter.Seq2[string, string] {
	words := strings.FieldsFunc(r.URL.RequestURI()+"&"+s.body(r), func(c rune) bool { return strings.ContainsRune("/?&=", c) })
	return func(yield func(kind, id string) bool) {
		for _, id := range words {
			if kind, _, ok := strings.Cut(id, "_"); ok && !yield(kind, id) {
				return
			}
		}
	}
}

// body is that of a request, which remains there.
func (s *stage) body(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}
