package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tallystick/internal/stripesync"
	"tallystick/internal/webhooks"
)

// crew is a process's workers with a clock of their own, and what they have done.
type crew struct {
	*Workers
	reachable, working                                  atomic.Bool
	firsts, sweeps, starts, comparisons, tidyings, runs atomic.Int64
	begun                                               chan string
	calls                                               atomic.Int64 // to the others
	called                                              chan struct{}
	events                                              eventsOf
	applied, handedOver, dues                           atomic.Int64
	stuck                                               chan struct{} // closed when applying takes no time
	fails                                               atomic.Bool   // what looks at Stripe for the first time
}

// crewQueue is where the workers take jobs from.
type crewQueue struct{ *crew }

func (q crewQueue) Start(context.Context) error { q.working.Store(true); return nil }
func (q crewQueue) Stop(context.Context) error  { q.working.Store(false); return nil }

// eventsOf are the objects whose events the process has stored.
type eventsOf chan webhooks.Object

func (e eventsOf) Next(ctx context.Context) (o webhooks.Object, ok bool) {
	if ctx.Err() != nil {
		return o, false
	}
	select {
	case <-ctx.Done():
		return o, false
	case o = <-e:
		return o, true
	}
}

func (e eventsOf) All() (objects []webhooks.Object) {
	for len(e) > 0 {
		objects = append(objects, <-e)
	}
	return objects
}

func (c *crew) CallToWork()                   { c.calls.Add(1) }
func (c *crew) CalledToWork() <-chan struct{} { return c.called }

// atWork runs a test beside workers in a bubble, where time passes when all wait.
func atWork(t *testing.T, firstLookFails bool, test func(t *testing.T, c *crew)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &crew{begun: make(chan string, 10), called: make(chan struct{}, 1), events: make(eventsOf, 20), stuck: make(chan struct{})}
		close(c.stuck)
		count := func(n *atomic.Int64) func(context.Context) error {
			return func(context.Context) error { n.Add(1); return nil }
		}
		c.reachable.Store(true)
		c.fails.Store(firstLookFails)
		c.Workers = &Workers{
			queue: crewQueue{c}, available: c.reachable.Load, logger: slog.New(slog.DiscardHandler), fresh: c.begun, others: c, events: c.events,
			apply: func(context.Context, webhooks.Object) error { c.applied.Add(1); <-c.stuck; return nil },
			handOver: func(ctx context.Context, objects ...webhooks.Object) error {
				if ctx.Err() == nil {
					c.handedOver.Add(int64(len(objects)))
				}
				return ctx.Err()
			},
			run: func(context.Context, string) (stripesync.State, error) {
				c.runs.Add(1)
				return stripesync.Finished, nil
			},
			first: count(&c.firsts), due: count(&c.dues), sweep: count(&c.sweeps), compare: count(&c.comparisons), tidy: count(&c.tidyings),
			started: func(context.Context) error {
				c.starts.Add(1)
				if c.fails.Load() {
					return errors.New("not now")
				}
				return nil
			},
		}
		if err := c.Workers.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, c)
		if err := c.Workers.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if c.working.Load() {
			t.Error("the queue works after the end")
		}
	})
}

func counted(t *testing.T, what string, got, want int64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d, want %d", what, got, want)
	}
}

// passes lets time pass, and all that is due then happen.
func passes(d time.Duration) {
	<-time.After(d) // by the bubble's clock
	synctest.Wait()
}

// TestRhythm asserts how often the workers look for what nobody is at, compare, and
// tidy up.
func TestRhythm(t *testing.T) {
	atWork(t, false, func(t *testing.T, c *crew) {
		synctest.Wait()
		counted(t, "looks at the start", c.firsts.Load(), 1)
		counted(t, "tidyings at the start", c.tidyings.Load(), 1)
		counted(t, "looks at Stripe at the start", c.starts.Load(), 1)
		passes(time.Minute)
		counted(t, "sweeps a minute", c.sweeps.Load(), int64(time.Minute/SweepEvery))
		counted(t, "comparisons a minute", c.comparisons.Load(), int64(time.Minute/CompareEvery))
		passes(time.Hour)
		counted(t, "tidyings after an hour", c.tidyings.Load(), 2)
		counted(t, "looks as at the start", c.firsts.Load(), 1)
	})
}

// TestWorkersOfACutOffProcess lets Stripe be out of reach: the queue stops within
// 100 ms, nothing is swept, compared or begun, and all goes on afterwards.
func TestWorkersOfACutOffProcess(t *testing.T) {
	atWork(t, false, func(t *testing.T, c *crew) {
		synctest.Wait()
		c.reachable.Store(false)
		passes(gateEvery)
		if c.working.Load() {
			t.Error("the queue works without Stripe")
		}
		sweeps, comparisons := c.sweeps.Load(), c.comparisons.Load()
		c.begun <- "opn_1"
		passes(time.Minute)
		counted(t, "operations carried out", c.runs.Load(), 0)
		counted(t, "calls to the others", c.calls.Load(), 1)
		counted(t, "sweeps", c.sweeps.Load(), sweeps)
		counted(t, "comparisons", c.comparisons.Load(), comparisons)

		c.reachable.Store(true)
		passes(gateEvery)
		if !c.working.Load() {
			t.Error("the queue does not work with Stripe")
		}
		c.begun <- "opn_2"
		passes(CompareEvery)
		counted(t, "operations carried out", c.runs.Load(), 1)
		counted(t, "calls to the others", c.calls.Load(), 1)
		if c.sweeps.Load() == sweeps || c.comparisons.Load() == comparisons {
			t.Error("nothing is swept or compared afterwards")
		}
	})
}

// TestCalledToWork lets another process call, which cannot reach Stripe: what is due is
// looked for, once for several calls, unless this one cannot either.
func TestCalledToWork(t *testing.T) {
	atWork(t, false, func(t *testing.T, c *crew) {
		synctest.Wait()
		for range 3 { // in a moment
			c.called <- struct{}{}
			synctest.Wait()
		}
		passes(callsTogether)
		counted(t, "looks", c.dues.Load(), 1)
		c.reachable.Store(false)
		passes(gateEvery)
		c.called <- struct{}{}
		passes(time.Second)
		counted(t, "looks while cut off", c.dues.Load(), 1)
	})
}

// TestFreshEvents lets the process store events: it applies them, hands them over while it
// cannot reach Stripe, and those that are left when it ends.
func TestFreshEvents(t *testing.T) {
	var crewOf *crew
	atWork(t, false, func(t *testing.T, c *crew) {
		crewOf = c
		o := webhooks.Object{Type: "customer", ID: "cus_1"}
		c.events <- o
		synctest.Wait()
		counted(t, "applied", c.applied.Load(), 1)
		counted(t, "handed over", c.handedOver.Load(), 0)
		c.reachable.Store(false)
		c.events <- o
		synctest.Wait()
		counted(t, "applied while cut off", c.applied.Load(), 1)
		counted(t, "handed over while cut off", c.handedOver.Load(), 1)
		c.stop()
		synctest.Wait()
		c.events <- o
	})
	counted(t, "handed over at the end", crewOf.handedOver.Load(), 2)
}

// TestStopHandsOver ends while applying takes longer than the end may: what nobody has
// begun is handed over.
func TestStopHandsOver(t *testing.T) {
	atWork(t, false, func(t *testing.T, c *crew) {
		c.stuck = make(chan struct{})
		for range eventWorkers + 5 {
			c.events <- webhooks.Object{Type: "customer", ID: "cus_1"}
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Workers.Stop(ctx); err != nil {
			t.Error(err)
		}
		counted(t, "applied", c.applied.Load(), eventWorkers)
		counted(t, "handed over", c.handedOver.Load(), 5)
		close(c.stuck)
	})
}

// TestFirstLookIsRepeated lets the first look at Stripe fail: it is repeated until it
// succeeds, and nothing is compared before.
func TestFirstLookIsRepeated(t *testing.T) {
	atWork(t, true, func(t *testing.T, c *crew) {
		passes(time.Minute)
		looks := c.starts.Load()
		if looks < 2 {
			t.Errorf("it was tried %d times", looks)
		}
		compared := c.comparisons.Load()
		c.fails.Store(false)
		passes(2 * CompareEvery)
		counted(t, "comparisons before", compared, 0)
		counted(t, "looks afterwards", c.starts.Load(), looks+1)
		counted(t, "comparisons afterwards", c.comparisons.Load(), 1)
	})
}
