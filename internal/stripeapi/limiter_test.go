package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRateOfTheKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		options Options
		want    float64
	}{
		{Options{SecretKey: "sk_live_1"}, 100},
		{Options{SecretKey: "rk_live_1"}, 100},
		{Options{SecretKey: "sk_test_1"}, 25},
		{Options{SecretKey: "sk_test_1", Sandbox: true}, math.Inf(1)},
		{Options{SecretKey: "sk_live_1", RequestsPerSecond: 7}, 7},
	} {
		l := newLimiter(tt.options)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if got := l.of(method).current(); got != tt.want {
				t.Errorf("%+v, %s: %v, want %v", tt.options, method, got, tt.want)
			}
		}
	}
}

// advance moves the clock of a bubble.
func advance(d time.Duration) { <-time.After(d) }

// TestLineSlowsDown answers a burst with 429, and then with nothing of the kind.
func TestLineSlowsDown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		most                       float64
		afterABurst, atAStandstill float64
	}{
		"a live account": {100, 50, 1},
		"the sandbox":    {math.Inf(1), 50, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine("write", tt.most, nil)
			is := func(when string, want float64) {
				t.Helper()
				if got := l.current(); got != want {
					t.Errorf("%s, %s: %v, want %v", name, when, got, want)
				}
			}
			for range 10 {
				l.report(true)
			}
			is("after a burst", tt.afterABurst)
			for range 20 {
				advance(2 * time.Second)
				l.report(true)
			}
			is("when it does not help", tt.atAStandstill)
			l.report(false)
			is("at once", tt.atAStandstill)
			for range 30 {
				advance(2 * time.Second)
				l.report(false)
			}
			is("in the end", tt.most)
		})
	}
}

// send counts what comes through lines within a time that several wait in.
func send(ctx context.Context, lines []*line, perLine int, during time.Duration) (sent int) {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, l := range lines {
		for range perLine {
			all.Go(func() {
				for ctx.Err() == nil {
					if l.wait(ctx) != nil {
						continue
					}
					mu.Lock()
					sent++
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	return sent
}

// TestBacklogUsesTheRate lets two processes that share an account work off a
// backlog: together they use all of the rate, and no more.
func TestBacklogUsesTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &own{next: map[string]time.Time{}}
		lines := []*line{newLine("write", testRate, shared), newLine("write", testRate, shared)}
		sent := send(Background(t.Context()), lines, 12, 20*time.Second)
		if least, most := int(0.95*testRate*20), testRate*20+testRate/5; sent < least || sent > most {
			t.Errorf("%d requests in 20 s, want %d to %d", sent, least, most)
		}
	})
}

// TestPeopleGoFirst sends a person's request now and then while a backlog is worked
// off.
func TestPeopleGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &own{next: map[string]time.Time{}}
		l := newLine("write", testRate, shared)
		ctx, cancel := context.WithCancel(t.Context())
		var backlog sync.WaitGroup
		backlog.Go(func() { send(Background(ctx), []*line{l}, 12, time.Hour) })
		for range 20 {
			advance(500 * time.Millisecond)
			from := time.Now()
			if err := l.wait(t.Context()); err != nil {
				t.Error(err)
			}
			if waited := time.Since(from); waited > time.Second/testRate {
				t.Errorf("a person waited for %v behind a backlog", waited)
			}
		}
		cancel()
		backlog.Wait()
	})
}

// TestTurnThatDoesNotCome asks for more than can come in time.
func TestTurnThatDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine("write", 1, &own{next: map[string]time.Time{}})
		var refused atomic.Int32
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := l.wait(t.Context()); errors.Is(err, errTooManyRequests) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if want := 10 - 1 - int32(maxWait/time.Second); refused.Load() != want {
			t.Errorf("%d were refused, want %d", refused.Load(), want)
		}
	})
}

// TestReadsDoNotWaitForWrites uses the whole rate of writes up.
func TestReadsDoNotWaitForWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Options{SecretKey: "sk_test_1"})
		for range 20 {
			if err := l.of(http.MethodPost).wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		from := time.Now()
		if err := l.of(http.MethodGet).wait(t.Context()); err != nil || time.Since(from) > 0 {
			t.Errorf("a read waited for %v: %v", time.Since(from), err)
		}
	})
}

// broken is a quota that cannot be asked.
type broken struct{}

func (broken) Take(context.Context, string, Turn) (time.Duration, bool, error) {
	return 0, false, fmt.Errorf("the database is away")
}

// TestQuotaThatCannotBeAsked keeps requests back without blaming Stripe.
func TestQuotaThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	if err := newLine("write", testRate, broken{}).wait(t.Context()); !errors.Is(err, errNotRecorded) {
		t.Errorf("it is %v", err)
	}
}
