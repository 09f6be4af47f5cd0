package simulation_test

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
	"tallystick/internal/testkit/stripespec"
)

// stage is a life whose requests to Stripe can be stepped in on.
type stage struct {
	*life
	wire *testkit.Wire
}

func newStage(t testing.TB, database string) *stage {
	t.Helper()
	wire := testkit.NewWire(t)
	return &stage{life: newLife(t, database, wire.Lay), wire: wire}
}

// oneOf is of how many cells of the fault matrix one is played, of others on each database.
const oneOf = 6

// whole plays the fault matrix wholly.
var whole = flag.Bool("whole", false, fmt.Sprintf("play every cell of the fault matrix, and not one of %d on each database", oneOf))

// TestFaultMatrix lets everything go wrong that can, at every request of every kind
// of operation that is declared: whatever happens, the operation comes to its end,
// both halves are equal then, and nothing was made twice. What may pass must not
// cost the change.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for offset, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			m := &matrix{database: database, played: map[billing.OperationKind][]string{}}
			s := newStage(t, database)
			t.Cleanup(func() { // after all scenes
				if m.scenes == len(scenes) { // and -run has left none out
					complete(t, s, m.played)
				}
			})
			for i, sc := range scenes {
				t.Run(sc.name, func(t *testing.T) {
					t.Parallel()
					m.play(t, &sc, i+offset*oneOf/2)
				})
			}
		})
	}
}

// matrix is the fault matrix on a database.
type matrix struct {
	database string

	mu     sync.Mutex
	played map[billing.OperationKind][]string // the names of steps
	scenes int
}

// play plays the cells of a scene, or one of some.
func (m *matrix) play(t *testing.T, sc *scene, first int) {
	cell := first
	requests := newStage(t, m.database).rehearse(sc)
	for i, request := range requests {
		s := newStage(t, m.database) // what it lives with stays little
		for _, tr := range troubles {
			if cell++; cell%oneOf != 0 && !*whole && !tr.bringsSteps {
				continue
			}
			t.Run(fmt.Sprintf("%s, at %d. %s", tr.name, i+1, request), func(t *testing.T) {
				m.note(sc.kind, s.play(t, sc, &incident{trouble: tr, at: i + 1}).Steps)
			})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scenes++
}

func (m *matrix) note(kind billing.OperationKind, steps []billing.OperationStep) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, step := range steps {
		m.played[kind] = append(m.played[kind], step.Name)
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
	sc.makes, sc.requests = s.made(before), len(requests)
	return requests
}

// settled carries a deed out, and what it has begun as far as that goes now.
func (s *stage) settled(do deed) {
	do(actor{s.App, s.Client, s.t})
	s.drive(s.App)
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

// actor is the process that somebody asks for a change.
type actor struct {
	app *app.App
	testkit.Client
	t testing.TB // of who asks
}
