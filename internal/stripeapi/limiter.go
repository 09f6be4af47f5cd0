package stripeapi

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// errTooManyRequests is the error of a request that was not sent, because its
// turn would not have come in time.
var errTooManyRequests = errors.New("too many requests to stripe")

// Stripe's limits, in requests per second
// (https://docs.stripe.com/rate-limits).
const (
	liveRate = 100
	testRate = 25
)

// backgroundShare is the part of the rate that is open to requests nobody
// waits for, so that a backlog does not starve people.
const backgroundShare = 0.8

type backgroundKey struct{}

// Background returns a context whose requests nobody waits for.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// limiter holds requests to the account's rate. It slows down when Stripe
// asks for it, and speeds up again while Stripe does not.
type limiter struct {
	mu         sync.Mutex
	most       rate.Limit
	all        *rate.Limiter
	background *rate.Limiter
	slowedAt   time.Time
}

func newLimiter(o Options) *limiter {
	most := rate.Limit(o.WritesPerSecond)
	switch {
	case most > 0:
	case o.Sandbox:
		most = rate.Inf
	case strings.Contains(o.SecretKey, "_live_"):
		most = liveRate
	default:
		most = testRate
	}
	burst := testRate
	return &limiter{
		most:       most,
		all:        rate.NewLimiter(most, burst),
		background: rate.NewLimiter(most*backgroundShare, burst),
	}
}

// maxWait bounds how long a request waits for its turn, so that the lease of
// its operation does not lapse meanwhile.
const maxWait = 3 * time.Second

func (l *limiter) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if background, _ := ctx.Value(backgroundKey{}).(bool); background {
		if err := l.background.Wait(ctx); err != nil {
			return errTooManyRequests
		}
	}
	if err := l.all.Wait(ctx); err != nil {
		return errTooManyRequests
	}
	return nil
}

// report adapts the rate to an answer: half of it after a 429, and step by
// step back to the whole.
func (l *limiter) report(limited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	current := l.all.Limit()
	switch {
	case limited && now.Sub(l.slowedAt) > time.Second:
		base := min(current, liveRate)
		l.set(max(base/2, 1))
		l.slowedAt = now
	case !limited && current < l.most && now.Sub(l.slowedAt) > time.Second:
		next := current * 1.25
		if next > liveRate {
			next = l.most
		}
		l.set(min(next, l.most))
		l.slowedAt = now
	}
}

func (l *limiter) set(r rate.Limit) {
	l.all.SetLimit(r)
	l.background.SetLimit(r * backgroundShare)
}
