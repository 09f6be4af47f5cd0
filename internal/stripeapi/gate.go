package stripeapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"tallystick/internal/billing"
)

// errNotAvailable is the error of a request that was not sent, because Stripe
// is known not to answer.
var errNotAvailable = errors.New("stripe is not available")

// patience is how many requests in a row may go without an answer before
// Stripe counts as unreachable.
const patience = 3

// gate keeps requests back while Stripe does not answer or does not accept
// the key, but for one now and then that tries.
type gate struct {
	breaker     *gobreaker.TwoStepCircuitBreaker[struct{}]
	last        atomic.Value // billing.StripeHealth, of the last answer
	limitedAt   atomic.Int64 // when Stripe last asked for patience, in Unix nanoseconds
	forbiddenAt atomic.Int64 // when Stripe last said that the key may not do something
	recovered   chan struct{}
	// confirmed says that the account is the right one, and wrong that it is not.
	confirmed, wrong atomic.Bool
	account          atomic.Value // string, the id of the account that was confirmed; none when the key may not read it
}

func newGate(probeEvery time.Duration, logger *slog.Logger) *gate {
	g := &gate{recovered: make(chan struct{}, 1)}
	g.last.Store(billing.StripeOK)
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= patience || g.last.Load() == billing.StripeInvalidKey
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch to {
			case gobreaker.StateHalfOpen: // one request tries
			case gobreaker.StateOpen:
				if from == gobreaker.StateClosed {
					logger.Error("Stripe is not available; changes wait for it", "stripe", g.last.Load())
				}
			case gobreaker.StateClosed:
				logger.Info("Stripe is available again")
				select {
				case g.recovered <- struct{}{}:
				default: // told already
				}
			}
		},
	})
	return g
}

// open reports whether requests are let through.
func (g *gate) open() bool { return !g.wrong.Load() && g.breaker.State() == gobreaker.StateClosed }

// refused reports whether Stripe refuses the key.
func (g *gate) refused() bool { return !g.open() && g.last.Load() == billing.StripeInvalidKey }

// enter lets a request through, or not. Its outcome must be given to the
// function that it returns.
func (g *gate) enter() (leave func(status int, err error), err error) {
	if g.wrong.Load() {
		return nil, errNotAvailable
	}
	done, err := g.breaker.Allow()
	if err != nil {
		return nil, errNotAvailable
	}
	trying := !g.open()
	return func(status int, err error) {
		if !trying && !g.open() {
			return // it comes late, and says nothing of now
		}
		if err != nil && (errors.Is(err, errNotRecorded) || errors.Is(err, errAnotherKey) || errors.Is(err, context.Canceled)) {
			// It says nothing of Stripe. If it was the one that tries, another must.
			if !g.open() {
				done(false)
			}
			return
		}
		health, healthy := judge(status, err)
		g.last.Store(health)
		switch status {
		case http.StatusTooManyRequests:
			g.limitedAt.Store(time.Now().UnixNano())
		case http.StatusForbidden:
			g.forbiddenAt.Store(time.Now().UnixNano())
		}
		done(healthy)
	}, nil
}

func judge(status int, err error) (health billing.StripeHealth, healthy bool) {
	var answer *notStripeError
	if errors.As(err, new(unconfirmedError)) {
		return billing.StripeOK, true
	}
	if errors.As(err, &answer) && answer.status < http.StatusInternalServerError {
		return billing.StripeOK, true // what stands in between is at fault, with this request
	}
	switch {
	case err != nil, status >= 500:
		return billing.StripeUnreachable, false
	case status == http.StatusUnauthorized:
		return billing.StripeInvalidKey, false
	case status == http.StatusForbidden: // the key may do other things
		return billing.StripeForbidden, true
	case status == http.StatusTooManyRequests:
		return billing.StripeRateLimited, true
	}
	return billing.StripeOK, true
}

// health is the state of things: what closed the gate, or else whether Stripe
// has lately refused the key something, or asked for patience.
func (g *gate) health() billing.StripeHealth {
	if g.wrong.Load() {
		return billing.StripeWrongAccount
	}
	if !g.open() {
		health, _ := g.last.Load().(billing.StripeHealth) // nothing else is ever stored
		return health
	}
	switch {
	case lately(&g.forbiddenAt):
		return billing.StripeForbidden
	case lately(&g.limitedAt):
		return billing.StripeRateLimited
	}
	return billing.StripeOK
}

// lately reports whether something happened within the last ten seconds.
func lately(at *atomic.Int64) bool { return time.Since(time.Unix(0, at.Load())) < 10*time.Second }
