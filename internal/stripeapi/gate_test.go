package stripeapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tallystick/internal/billing"
)

// door is a gate, and what its tests do with it.
type door struct {
	*gate
	t *testing.T
}

const probeEvery = 2 * time.Second

// atDoor runs a test with a clock of its own, which stands still but for advance.
func atDoor(t *testing.T, test func(d door)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(door{newGate(probeEvery, slog.New(slog.DiscardHandler)), t}) })
}

// answered lets a request through that is answered so.
func (d door) answered(status int, err error) {
	d.t.Helper()
	leave, refused := d.enter()
	if refused != nil {
		d.t.Fatalf("a request is not let through: %v", refused)
	}
	leave(status, err)
}

func (d door) is(when string, open bool, health billing.StripeHealth) {
	d.t.Helper()
	if d.open() != open || d.health() != health {
		d.t.Errorf("%s: open %t and %s, want %t and %s", when, d.open(), d.health(), open, health)
	}
}

// keepsOut asserts that no request is let through.
func (d door) keepsOut(when string) {
	d.t.Helper()
	if _, err := d.enter(); !errors.Is(err, errNotAvailable) {
		d.t.Errorf("%s: a request is let through", when)
	}
}

var errLost = errors.New("connection lost")

// TestGateOfAnOutage gets no answers: the gate closes after three, lets one request
// try every two seconds, and opens with the first answer.
func TestGateOfAnOutage(t *testing.T) {
	t.Parallel()
	atDoor(t, func(d door) {
		d.answered(0, errLost)
		d.answered(http.StatusBadGateway, nil)
		d.is("after two failures", true, billing.StripeOK)
		d.answered(http.StatusOK, nil)
		d.answered(0, errLost)
		d.answered(0, errLost)
		d.is("after two more with an answer between", true, billing.StripeOK)
		d.answered(0, errLost)
		d.is("after the third in a row", false, billing.StripeUnreachable)
		d.keepsOut("at once")
		advance(probeEvery - time.Millisecond)
		d.keepsOut("shortly before it is time to try")
		advance(2 * time.Millisecond)

		leave, err := d.enter()
		if err != nil {
			t.Fatal("no request may try")
		}
		d.keepsOut("while another tries")
		leave(0, errLost)
		d.keepsOut("after it failed")
		advance(probeEvery + time.Millisecond)
		d.answered(http.StatusOK, nil)
		d.is("after an answer", true, billing.StripeOK)
		select {
		case <-d.recovered:
		default:
			t.Error("nobody is told")
		}
	})
}

// TestGateOfAKey refuses the key once: the gate closes at once.
func TestGateOfAKey(t *testing.T) {
	t.Parallel()
	atDoor(t, func(d door) {
		d.answered(http.StatusUnauthorized, nil)
		d.is("after a refusal", false, billing.StripeInvalidKey)
		advance(probeEvery + time.Millisecond)
		d.answered(http.StatusNotFound, nil)
		d.is("after an answer", true, billing.StripeOK)
	})
}

// TestGateForgets shows for ten seconds what one answer said of the key or the rate.
func TestGateForgets(t *testing.T) {
	t.Parallel()
	for status, health := range map[int]billing.StripeHealth{
		http.StatusForbidden: billing.StripeForbidden, http.StatusTooManyRequests: billing.StripeRateLimited,
	} {
		atDoor(t, func(d door) {
			d.answered(status, nil)
			d.answered(http.StatusOK, nil)
			d.is("at first", true, health)
			advance(10*time.Second - time.Millisecond)
			d.is("nearly ten seconds later", true, health)
			advance(time.Millisecond)
			d.is("ten seconds later", true, billing.StripeOK)
		})
	}
}

// TestGateOfWhoGaveUp lets the one that tries give up, which says nothing of Stripe:
// the next one to try is not kept out for ever.
func TestGateOfWhoGaveUp(t *testing.T) {
	t.Parallel()
	atDoor(t, func(d door) {
		for range patience {
			d.answered(0, context.Canceled)
		}
		d.is("when clients gave up", true, billing.StripeOK)
		for range patience {
			d.answered(0, errLost)
		}
		advance(probeEvery + time.Millisecond)
		d.answered(0, context.Canceled)
		advance(probeEvery + time.Millisecond)
		d.answered(http.StatusOK, nil)
		d.is("after an answer", true, billing.StripeOK)
	})
}

// TestLateAnswerAtAClosedGate lets an answer come to a request that left before the gate
// closed: it says nothing of now.
func TestLateAnswerAtAClosedGate(t *testing.T) {
	t.Parallel()
	atDoor(t, func(d door) {
		late, err := d.enter()
		if err != nil {
			t.Fatal(err)
		}
		d.answered(http.StatusUnauthorized, nil)
		late(http.StatusOK, nil)
		d.is("after a late answer", false, billing.StripeInvalidKey)
		if !d.refused() {
			t.Error("that the key is refused was forgotten")
		}
	})
}
