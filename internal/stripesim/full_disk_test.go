package stripesim_test

import (
	"fmt"
	"net/http"
	"testing"
)

// TestFullDisk fills the disk: what does not fit is refused with a 500 of Stripe's form
// and leaves nothing, what was there stays readable, and once there is room again the
// same request succeeds.
func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	if err := w.sandbox.Store.LimitGrowth(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	last := 0
	var refusal reply
	for ; refusal.status == 0 && last < 1000; last++ {
		r := w.send(http.MethodPost, "/v1/customers", form("email", fmt.Sprintf("c%d@example.com", last)), "Idempotency-Key", fmt.Sprintf("key-%d", last))
		if r.status != http.StatusOK {
			refusal = r
			last--
		}
	}
	w.expectRefusal(refusal, refused{status: http.StatusInternalServerError, kind: "api_error", contains: "An unknown error occurred"})
	before := len(w.expectOK(w.get("/v1/customers?limit=100")).body["data"].([]any))
	if r := w.control("clock", map[string]any{"advance": "32d"}); r.status == http.StatusOK {
		t.Error("a renewal fits on a full disk")
	}
	expectFields(t, w.expectOK(w.get(path(sub))).body, map[string]any{"status": "active", "current_period_end": sub["current_period_end"]})

	w.restart() // there is room again
	if now := len(w.expectOK(w.get("/v1/customers?limit=100")).body["data"].([]any)); now != before {
		t.Errorf("%d customers were there, and now %d", before, now)
	}
	w.expectOK(w.send(http.MethodPost, "/v1/customers", form("email", fmt.Sprintf("c%d@example.com", last)), "Idempotency-Key", fmt.Sprintf("key-%d", last)))
	w.pass("32d")
	expectFields(t, w.latestInvoice(sub), map[string]any{"status": "paid", "billing_reason": "subscription_cycle"})
}
