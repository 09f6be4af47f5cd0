package stripeapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"
)

// errTooManyRequests is the error of a request that was not sent, because its
// turn would not have come in time.
var errTooManyRequests = errors.New("too many requests to stripe")

// Stripe's limits, in requests per second, of reads and of writes each
// (https://docs.stripe.com/rate-limits).
const (
	liveRate = 100
	testRate = 25
)

type backgroundKey struct{}

// Background returns a context whose requests nobody waits for.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// Turn is what a request asks of a [Quota].
type Turn struct {
	// Every is the time between two turns.
	Every time.Duration
	// Burst is how many turns can be taken at once after a pause, and Reserve how
	// many of those are left to others.
	Burst, Reserve int
	// Within is how long until the turn at most.
	Within time.Duration
}

// At is when the next turn is, after a line has given one away for a given time;
// and whether that is soon enough.
func (t Turn) At(now, next time.Time) (at time.Time, soon bool) {
	if first := now.Add(-time.Duration(t.Burst-1) * t.Every); next.Before(first) {
		next = first
	}
	return next, !next.Add(time.Duration(t.Reserve) * t.Every).After(now.Add(t.Within))
}

// Quota gives the account's turns away. All who share it stand in the same lines.
type Quota interface {
	// Take takes the next turn of a line and returns how long it is until then. When
	// that is too long, it takes none, and returns how long it is until the turn may
	// be taken.
	Take(ctx context.Context, line string, t Turn) (wait time.Duration, taken bool, err error)
}

// own is the quota of a process that has the account for itself.
type own struct {
	mu   sync.Mutex
	next map[string]time.Time
}

// Take implements [Quota].
func (o *own) Take(_ context.Context, line string, t Turn) (time.Duration, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	at, soon := t.At(now, o.next[line])
	if !soon {
		return at.Add(time.Duration(t.Reserve)*t.Every).Sub(now) - t.Within, false, nil
	}
	o.next[line] = at.Add(t.Every)
	return at.Sub(now), true, nil
}

// limiter holds requests to the account's rate: reads and writes each. People
// go first: what nobody waits for leaves a few turns to them, and takes all others.
type limiter struct{ reads, writes *line }

func newLimiter(o Options) *limiter {
	most := o.RequestsPerSecond
	switch {
	case most > 0:
	case o.Sandbox:
		most = math.Inf(1)
	case strings.Contains(o.SecretKey, "_live_"):
		most = liveRate
	default:
		most = testRate
	}
	quota := o.Quota
	if quota == nil {
		quota = &own{next: map[string]time.Time{}}
	}
	return &limiter{reads: newLine("read", most, quota), writes: newLine("write", most, quota)}
}

func (l *limiter) of(method string) *line {
	if method == http.MethodGet {
		return l.reads
	}
	return l.writes
}

// line is where requests of one kind wait. It slows down when Stripe asks for it,
// and speeds up again while Stripe does not.
type line struct {
	name       string
	most       float64 // requests per second
	quota      Quota
	background chan struct{} // has whoever of those that nobody waits for is the first

	mu       sync.Mutex
	rate     float64
	slowedAt time.Time
}

func newLine(name string, most float64, quota Quota) *line {
	turnSeconds.WithLabelValues(name) // exists from the start
	return &line{name: name, most: most, rate: most, quota: quota, background: make(chan struct{}, 1)}
}

// maxWait bounds how long a request waits for its turn, so that the lease of
// its operation does not lapse meanwhile.
const maxWait = 3 * time.Second

// wait returns when it is the request's turn.
func (l *line) wait(ctx context.Context) error {
	rate := l.current()
	if math.IsInf(rate, 1) {
		return nil
	}
	defer func(begun time.Time) { turnSeconds.WithLabelValues(l.name).Observe(time.Since(begun).Seconds()) }(time.Now())
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	turn := Turn{
		Every: time.Duration(float64(time.Second) / rate), Burst: max(1, int(rate/5)), Within: maxWait,
	}
	if background, _ := ctx.Value(backgroundKey{}).(bool); background {
		select {
		case l.background <- struct{}{}:
			defer func() { <-l.background }()
		case <-ctx.Done():
			return errTooManyRequests
		}
		turn.Reserve, turn.Within = turn.Burst/2, 0
	}
	for {
		wait, taken, err := l.quota.Take(ctx, l.name, turn)
		switch {
		case err != nil && ctx.Err() != nil:
			return errTooManyRequests
		case err != nil:
			return errors.Join(errNotRecorded, err) // it says nothing of Stripe
		case !taken && turn.Within > 0:
			return errTooManyRequests
		}
		select {
		case <-ctx.Done():
			return errTooManyRequests
		case <-time.After(wait):
		}
		if taken {
			return nil
		}
	}
}

func (l *line) current() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate
}

// report adapts the rate to an answer: half of it after a 429, and step by
// step back to the whole.
func (l *line) report(limited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case limited && now.Sub(l.slowedAt) > time.Second:
		l.rate = max(min(l.rate, liveRate)/2, 1)
		l.slowedAt = now
	case !limited && l.rate < l.most && now.Sub(l.slowedAt) > time.Second:
		l.rate *= 1.25
		if l.rate > liveRate || l.rate > l.most {
			l.rate = l.most
		}
		l.slowedAt = now
	}
}
