package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

// taken are the objects that were due, with when.
type taken struct {
	mu      sync.Mutex
	objects []string
	last    time.Duration
}

func (a *taken) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.objects)
}

// takeAll runs a test in a bubble, where time passes when all wait, while three workers
// take what is due.
func takeAll(t *testing.T, test func(f *webhooks.Fresh, taken *taken)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, all, began := webhooks.NewFresh(), &taken{}, time.Now()
		for range 3 {
			go func() {
				for o, ok := f.Next(t.Context()); ok; o, ok = f.Next(t.Context()) {
					all.mu.Lock()
					all.last = time.Since(began)
					all.objects = append(all.objects, fmt.Sprint(o.ID, " ", all.last))
					all.mu.Unlock()
				}
			}()
		}
		test(f, all)
	})
}

// passes lets time pass, by the bubble's clock.
func passes(d time.Duration) { <-time.After(d) }

func customerNo(n int) webhooks.Object {
	return webhooks.Object{Type: "customer", ID: fmt.Sprintf("cus_%d", n)}
}

// TestAnObjectIsDueOnceItIsCalm notes several events about two objects: each is taken
// once, a moment after its last one, and again after another.
func TestAnObjectIsDueOnceItIsCalm(t *testing.T) {
	takeAll(t, func(f *webhooks.Fresh, taken *taken) {
		f.Note(customerNo(1))
		f.Note(customerNo(2))
		passes(100 * time.Millisecond)
		f.Note(customerNo(1))
		passes(time.Second)
		f.Note(customerNo(2))
		passes(time.Minute)
		synctest.Wait()
		testkit.EqualSlices(t, "taken", taken.list(), []string{"cus_2 250ms", "cus_1 350ms", "cus_2 1.35s"})
	})
}

// TestAnObjectThatIsNeverCalm notes event after event about an object: it is taken each
// second all the same.
func TestAnObjectThatIsNeverCalm(t *testing.T) {
	takeAll(t, func(f *webhooks.Fresh, taken *taken) {
		for range 25 {
			f.Note(customerNo(1))
			passes(100 * time.Millisecond)
		}
		synctest.Wait()
		testkit.EqualSlices(t, "taken", taken.list(), []string{"cus_1 1s", "cus_1 2s"})
	})
}

// TestAFlood notes ten thousand events about a thousand objects in four seconds, each
// object's far apart: all are taken once it has ended, once each and soon.
func TestAFlood(t *testing.T) {
	takeAll(t, func(f *webhooks.Fresh, taken *taken) {
		const objects, events, every = 1000, 10_000, 400 * time.Microsecond
		for n := range events {
			f.Note(customerNo(n % objects))
			passes(every)
		}
		synctest.Wait()
		testkit.Equal(t, "taken during the flood", len(taken.list()), 0)
		passes(time.Minute)
		synctest.Wait()
		testkit.Equal(t, "taken", len(taken.list()), objects)
		taken.mu.Lock()
		defer taken.mu.Unlock()
		if end := events * every; taken.last > end+time.Second {
			t.Errorf("the last object was taken %v after the flood", taken.last-end)
		}
	})
}

// TestFiveHundredASecond notes as many events, in changes of ten: each object is taken
// once, within a second of its last event.
func TestFiveHundredASecond(t *testing.T) {
	takeAll(t, func(f *webhooks.Fresh, taken *taken) {
		for n := range 5000 {
			f.Note(customerNo(n / 10))
			passes(2 * time.Millisecond)
			if late := time.Duration(n/10-len(taken.list())) * 20 * time.Millisecond; late > time.Second {
				t.Fatalf("an object waits for %v", late)
			}
		}
		passes(time.Second)
		synctest.Wait()
		testkit.Equal(t, "taken", len(taken.list()), 500)
	})
}

// TestFreshObjectsAreBounded notes more objects than are held in memory.
func TestFreshObjectsAreBounded(t *testing.T) {
	t.Parallel()
	f := webhooks.NewFresh()
	for n := range webhooks.MostFresh + 10 {
		f.Note(customerNo(n))
	}
	f.Note(customerNo(0))
	all := f.All()
	testkit.Equal(t, "held", len(all), webhooks.MostFresh)
	testkit.Equal(t, "the first", all[0], customerNo(0))
	testkit.Equal(t, "held afterwards", len(f.All()), 0)
}

// TestNothingIsDueAfterTheEnd notes objects until some are due, and ends: none is given
// out any more.
func TestNothingIsDueAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := webhooks.NewFresh()
		f.Note(customerNo(1))
		passes(time.Minute)
		ctx, end := context.WithCancel(t.Context())
		end()
		if o, ok := f.Next(ctx); ok {
			t.Errorf("%s was given out", o.ID)
		}
		testkit.Equal(t, "left", len(f.All()), 1)
	})
}

// TestHandOver hands objects over whose events wait: each gets one job, however often it is
// handed over.
func TestHandOver(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		for n, object := range []string{"cus_1", "cus_2", "cus_1"} {
			testkit.Equal(t, "status", deliver(t, k, event(fmt.Sprintf("evt_%d", n), "customer.updated", "customer", object), testkit.WebhookSecret, time.Now()), http.StatusOK)
		}
		handOver := func() {
			t.Helper()
			if err := k.Inbox.HandOver(t.Context(), k.Inbox.Fresh.All()...); err != nil {
				t.Fatal(err)
			}
		}
		handOver()
		testkit.EqualSlices(t, "jobs", queued(t, k), []string{"cus_1", "cus_2"})
		testkit.Equal(t, "status", deliver(t, k, event("evt_9", "customer.updated", "customer", "cus_2"), testkit.WebhookSecret, time.Now()), http.StatusOK)
		handOver()
		testkit.EqualSlices(t, "jobs, once there is more", queued(t, k), []string{"cus_1", "cus_2"})
	}, testkit.Idle)
}

// TestAKnownEventThatWaitsIsNoted delivers an event again that nobody here knows to wait.
func TestAKnownEventThatWaitsIsNoted(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		send := func() {
			t.Helper()
			testkit.Equal(t, "status", deliver(t, k, event("evt_1", "customer.updated", "customer", "cus_1"), testkit.WebhookSecret, time.Now()), http.StatusOK)
		}
		send()
		k.Inbox.Fresh.All() // as after a crash
		send()
		testkit.EqualSlices(t, "noted", k.Inbox.Fresh.All(), []webhooks.Object{{Type: "customer", ID: "cus_1"}})
		apply(t, k, "customer", "cus_1")
		send()
		testkit.Equal(t, "noted once it is applied", len(k.Inbox.Fresh.All()), 0)
	}, testkit.Idle)
}
