package simulation_test

import (
	"fmt"
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
)

// incident is trouble at the n-th request of a play, or at the first one after it that
// gets that far.
type incident struct {
	trouble
	at int
	course
	met int // requests, its own and those after it
}

// play is a scene that is under way, and what goes wrong in it.
type play struct {
	*stage
	process   *app.App      // that carries the command out
	line      *testkit.Wire // between that process and Stripe
	dead      bool          // is the process
	incidents []*incident
	held      []*testkit.Held // requests that are late
	do        deed
	// overtaken says that a request came after those of another process that nothing keeps
	// from taking effect then: a DELETE, say, whose key Stripe ignores.
	overtaken bool
	// kind is the operation's, and known are those of that kind that were there before.
	kind  billing.OperationKind
	known []string
}

// play plays a scene in which some things go wrong, and returns its operation; nil when
// none has begun.
func (s *stage) play(t testing.TB, sc *scene, incidents ...*incident) *ent.Operation {
	t.Helper()
	s.t = t
	do := sc.prepare(s)
	s.calm(t)
	before := s.population()
	p := &play{stage: s, incidents: incidents, do: do, kind: sc.kind}
	p.known = s.Store.Reader.Operation.Query().Where(operation.KindEQ(sc.kind)).IDsX(t.Context())
	seen := p.through()
	s.calm(t)
	if p.each(func(in *incident) func() { return in.last }) {
		s.calm(t)
	}
	op := p.operation()
	if len(incidents) == 1 && incidents[0].refuses && !strings.HasPrefix(seen[incidents[0].at-1], http.MethodGet) {
		testkit.Equal(t, "status", op.Status, billing.OperationFailed)
		testkit.Equal(t, "code", billing.ValueOr(op.ErrorCode, ""), string(billing.CodeStripeRejected))
	}
	s.compare(t)
	s.sound(t)
	p.judge(sc, op, before)
	s.freed(t, op)
	return op
}

// through carries the scene's command out, as far as that goes before order returns, and
// returns the requests that the process has made.
func (p *play) through() []string {
	p.takeOn()
	server := httptest.NewServer(p.process.Handler)
	defer server.Close()
	p.line.Before(p.before)
	p.line.After(p.after)
	p.do(actor{p.process, testkit.Client{URL: server.URL, Key: p.Key}, p.t})
	p.turn()
	for range 4 { // more of them bring nothing new
		if !p.goesOn() {
			break
		}
		p.ahead.Add(int64(time.Minute))
		if p.dead {
			p.process, p.dead = p.Replica(p.t, p.line.Lay), false
		}
		p.Eventually(p.t, "Stripe to be available", func() bool {
			return p.dead || p.process.Stripe.Available() || p.process.Stripe.Ping(p.t.Context()) == nil
		})
		p.turn()
	}
	p.line.Before(nil)
	p.line.After(nil)
	return p.line.Seen()
}

// takeOn finds the process for the command.
func (p *play) takeOn() {
	if slices.ContainsFunc(p.incidents, func(in *incident) bool { return in.apart }) {
		p.line = testkit.NewWire(p.t)
		p.process = p.Replica(p.t, p.line.Lay)
	} else {
		p.process, p.line = p.App, p.wire
		p.wire.Forget()
	}
	for _, in := range p.incidents {
		in.course, in.met = in.happen(p), 0
	}
}

// turn lets the process go as far as it can, and then happen what waits for that.
func (p *play) turn() {
	p.drive(p.process)
	p.each(func(in *incident) (then func()) {
		then, in.then = in.then, nil
		return then
	})
}

// each calls something of every incident that has come about, and reports whether there
// was any.
func (p *play) each(what func(*incident) func()) (some bool) {
	for _, in := range p.incidents {
		if in.met == 0 {
			continue
		}
		if call := what(in); call != nil {
			some = true
			call()
		}
	}
	return some
}

// goesOn reports whether the process has something left to do, and something is left that
// can go wrong at it.
func (p *play) goesOn() bool {
	return slices.ContainsFunc(p.incidents, func(in *incident) bool { return in.met == 0 }) &&
		p.Store.Reader.Operation.Query().
			Where(operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention)).ExistX(p.t.Context())
}

// before lets go wrong what has its time at a request of the process.
func (p *play) before(i int, r *http.Request) testkit.Verdict {
	switch {
	case p.dead:
		return testkit.Drop
	case isProbe(r):
		return testkit.Pass
	}
	p.t.Logf("request %d: %s %s %s", i, r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"))
	for _, in := range p.incidents {
		if i < in.at {
			continue
		}
		in.met++
		if in.before != nil && in.before(in.met-1, r) == testkit.Drop {
			return testkit.Drop
		}
	}
	return testkit.Pass
}

// isProbe reports whether a request only asks whether Stripe is there.
func isProbe(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/v1/products" && r.URL.Query().Get("limit") == "1"
}

// after does the same at the request's answer.
func (p *play) after(_ int, r *http.Request) testkit.Verdict {
	if isProbe(r) {
		return testkit.Pass
	}
	for _, in := range p.incidents {
		if in.met > 0 && in.after != nil && in.after(in.met-1, r) == testkit.Drop {
			return testkit.Drop
		}
	}
	return testkit.Pass
}

// die ends the process: it writes nothing from now on.
func (p *play) die() {
	p.process.Store.DB.Close()
	p.dead = true
}

// hold keeps a request in the network.
func (p *play) hold(r *http.Request) *testkit.Held {
	held := p.line.Hold(p.t, r)
	p.held = append(p.held, held)
	return held
}

// arrivals lets the requests arrive that are late.
func (p *play) arrivals() {
	for _, h := range p.held {
		h.Arrive(p.t)
	}
	p.held = nil
}

// lateArrivals lets them arrive after the end, when they must have no effect any more,
// unless somebody has accepted what Stripe has: then Stripe has refused what would have
// prevented that, and the row follows.
func (p *play) lateArrivals() {
	op := p.operation()
	accepted := op != nil && slices.Contains(p.resolved, op.ID)
	for _, h := range p.held {
		if status, replayed := h.Arrive(p.t); status < 300 && !replayed && !accepted {
			p.t.Error("the late request was carried out after the end")
		}
	}
	p.held = nil
}

// judge fails the test unless the operation has ended as it must after all that has
// happened, and has then done what it says.
func (p *play) judge(sc *scene, op *ent.Operation, before map[string]int) {
	p.t.Helper()
	every := func(is func(*incident) bool) bool {
		return !slices.ContainsFunc(p.incidents, func(in *incident) bool { return in.met > 0 && !is(in) })
	}
	if op == nil {
		p.t.Errorf("no operation of %s was begun", sc.kind)
		return
	}
	passes := every(func(in *incident) bool { return in.passes })
	if passes && op.Status != billing.OperationSucceeded {
		p.t.Errorf("the trouble passed, and the operation is %v: %v", op, op.Edges.StripeCalls)
	}
	if passes && every(func(in *incident) bool { return !in.timePasses && !in.makes }) {
		if made := p.made(before); !maps.Equal(made, sc.makes) {
			p.t.Errorf("Stripe has made %v, and makes %v without trouble", made, sc.makes)
		}
	}
	if p.overtaken || slices.Contains(p.resolved, op.ID) || !every(func(in *incident) bool { return !in.touches }) {
		return // it may be as others wanted it
	}
	if holds := sc.holds(p.stage, op); holds != (op.Status == billing.OperationSucceeded) {
		p.t.Errorf("the operation is %v, and that its change holds in Stripe is %t: %v", op, holds, op.Edges.StripeCalls)
	}
}

// drive lets a process carry out what is unfinished, as far as it goes now.
func (s *stage) drive(a *app.App) {
	s.t.Helper()
	for _, id := range s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).
		Order(operation.ByScopeID(), operation.ByPosition()).IDsX(s.t.Context()) {
		s.Eventually(s.t, "the process to be through", func() bool {
			state, err := a.Engine.Run(s.t.Context(), id)
			if state != stripesync.Busy || err != nil { // one that is dead has an error
				return true
			}
			s.ahead.Add(int64(time.Second / 2)) // who has the lease may have lost the database
			return false
		})
	}
}

// operation is the one that the command has begun; nil for none.
func (p *play) operation() *ent.Operation {
	ops := p.Store.Reader.Operation.Query().
		Where(operation.KindEQ(p.kind), operation.IDNotIn(p.known...)).
		Order(operation.ByID()).Limit(1).WithStripeCalls().AllX(p.t.Context())
	if len(ops) == 0 {
		return nil
	}
	return ops[0]
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

func (in *incident) String() string { return fmt.Sprintf("%s|%d", in.name, in.at) }
