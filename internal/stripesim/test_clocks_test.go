package stripesim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// clocked is a customer with a good card on a test clock of its own, which starts at
// the given time.
func (w *world) clocked(at time.Time) (*stripe.TestHelpersTestClock, *stripe.Customer) {
	w.t.Helper()
	clock := must(w.stripe.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{
		FrozenTime: stripe.Int64(at.Unix()), Name: stripe.String("Renewals"),
	}))(w.t)
	return clock, must(w.stripe.Customers.New(&stripe.CustomerParams{
		Email: stripe.String("ada@example.com"), TestClock: &clock.ID, PaymentMethod: stripe.String("pm_card_visa"),
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
	}))(w.t)
}

// advanceTestClock waits until the clock has arrived.
func (w *world) advanceTestClock(id string, to time.Time) *stripe.TestHelpersTestClock {
	w.t.Helper()
	clock := must(w.stripe.TestHelpersTestClocks.Advance(id, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(to.Unix())}))(w.t)
	if clock.Status != stripe.TestHelpersTestClockStatusAdvancing {
		w.t.Errorf("status %s", clock.Status)
	}
	for clock.Status == stripe.TestHelpersTestClockStatusAdvancing {
		clock = must(w.stripe.TestHelpersTestClocks.Get(id, nil))(w.t)
	}
	return clock
}

func TestTestClocks(t *testing.T) {
	w := newWorld(t)
	start := time.Date(2030, 5, 31, 8, 0, 0, 0, time.UTC)
	clock, c := w.clocked(start)
	if clock.Status != stripe.TestHelpersTestClockStatusReady || clock.FrozenTime != start.Unix() || c.Created != start.Unix() || c.TestClock.ID != clock.ID {
		t.Fatalf("made %+v for %+v", clock, c)
	}
	sub := w.expectOK(w.subscribe(c, w.monthly(1000))).body
	expectFields(t, sub, map[string]any{"status": "active", "test_clock": clock.ID, "current_period_end": float64(time.Date(2030, 6, 30, 8, 0, 0, 0, time.UTC).Unix())})
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"test_clock": clock.ID, "created": float64(start.Unix())})

	w.pass("100d") // the sandbox's own time does not move it
	expectFields(t, w.get(path(sub)).body, map[string]any{"current_period_start": float64(start.Unix())})

	to := start.AddDate(0, 0, 45)
	if clock = w.advanceTestClock(clock.ID, to); clock.Status != stripe.TestHelpersTestClockStatusReady || clock.FrozenTime != to.Unix() {
		t.Errorf("arrived as %+v", clock)
	}
	expectFields(t, w.get(path(sub)).body, map[string]any{"current_period_start": sub["current_period_end"]})
	renewal := w.latestInvoice(sub)
	expectFields(t, renewal, map[string]any{"status": "paid", "created": sub["current_period_end"], "test_clock": clock.ID})
	w.expectOK(w.post(path(sub), "cancel_at_period_end", "true"))
	expectFields(t, w.get(path(sub)).body, map[string]any{"canceled_at": float64(to.Unix())})
	if types := w.eventTypes(clock.ID); !slices.Equal(types, []string{"test_helpers.test_clock.created", "test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"}) {
		t.Errorf("events %v", types)
	}

	for _, list := range []string{"customers", "subscriptions"} {
		with := w.expectOK(w.get("/v1/" + list + "?test_clock=" + clock.ID)).body["data"].([]any)
		without := w.expectOK(w.get("/v1/" + list)).body["data"].([]any)
		if len(with) != 1 || len(without) != 0 {
			t.Errorf("%s: %d with the clock, %d without", list, len(with), len(without))
		}
	}
	must(w.stripe.TestHelpersTestClocks.Del(clock.ID, nil))(t)
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "canceled"})
	expectFields(t, w.get("/v1/customers/"+c.ID).body, map[string]any{"deleted": true})
}

func TestTestClockRefuses(t *testing.T) {
	w := newWorld(t)
	start := w.now()
	clock, c := w.clocked(start)
	w.expectOK(w.subscribe(c, w.monthly(1000)))
	url := "/v1/test_helpers/test_clocks/" + clock.ID
	for name, to := range map[string]time.Time{"backward": start.Add(-time.Second), "nowhere": start, "too far": start.AddDate(0, 2, 2)} {
		t.Run(name, func(t *testing.T) {
			w.expectRefusal(w.post(url+"/advance", "frozen_time", fmt.Sprint(to.Unix())), refused{param: "frozen_time"})
		})
	}
	w.expectRefusal(w.post("/v1/test_helpers/test_clocks"), refused{code: "parameter_missing", param: "frozen_time"})
	w.expectRefusal(w.get("/v1/test_helpers/test_clocks/clock_nope"), refused{status: 404, code: "resource_missing", param: "test_clock"})
	w.expectRefusal(w.post("/v1/customers", "test_clock", "clock_nope"), refused{code: "resource_missing", param: "test_clock"})
	if list := w.expectOK(w.get("/v1/test_helpers/test_clocks")).body["data"].([]any); len(list) != 1 {
		t.Errorf("listed %v", list)
	}
}
