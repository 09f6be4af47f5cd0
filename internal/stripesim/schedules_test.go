package stripesim_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// schedule creates a subscription schedule.
func (w *world) schedule(params ...string) map[string]any {
	w.t.Helper()
	return w.expectOK(w.post("/v1/subscription_schedules", params...)).body
}

func (w *world) read(object map[string]any, kind string) map[string]any {
	w.t.Helper()
	return w.expectOK(w.get("/v1/" + kind + "/" + object["id"].(string))).body
}

// unix is a moment some time after the world's.
func (w *world) unix(after time.Duration) string {
	return strconv.FormatInt(w.time.Add(after).Unix(), 10)
}

const day = 24 * time.Hour

// TestScheduleOfASubscription lets a subscription go on by a schedule: a cheaper price
// for its first year, another one from a renewal on, which bills it, and then by
// itself.
func TestScheduleOfASubscription(t *testing.T) {
	w := newWorld(t) // it is noon on 31 January
	cheap, dear := w.monthly(1000).ID, w.monthly(3000).ID
	sub := w.subscribeTo(cheap)
	made := w.schedule("from_subscription", sub["id"].(string), "metadata[why]", "a promise")
	expectFields(t, made, map[string]any{
		"object": "subscription_schedule", "status": "active", "subscription": sub["id"], "customer": sub["customer"], "end_behavior": "release",
	})
	expectFields(t, object(made, "metadata"), map[string]any{"why": "a promise"})
	expectFields(t, object(made, "current_phase"), map[string]any{"start_date": sub["current_period_start"], "end_date": sub["current_period_end"]})
	expectFields(t, w.read(sub, "subscriptions"), map[string]any{"schedule": made["id"]})
	expanded := w.expectOK(w.get(path(sub) + "?expand[]=schedule")).body
	expectFields(t, object(expanded, "schedule"), map[string]any{"id": made["id"]})
	w.expectRefusal(w.post("/v1/subscription_schedules", "from_subscription", sub["id"].(string)), refused{param: "from_subscription", contains: "already attached"})
	w.expectRefusal(w.post(path(sub), "cancel_at_period_end", "true"), refused{contains: "managed by the subscription schedule"})

	end := fmt.Sprintf("%.0f", sub["current_period_end"])
	schedule := "/v1/subscription_schedules/" + made["id"].(string)
	w.expectRefusal(w.post(schedule, "phases[0][items][0][price]", cheap, "phases[0][start_date]", w.unix(day)), refused{param: "phases", contains: "start date of the current phase"})
	w.expectRefusal(w.post(schedule, "phases[0][items][0][price]", cheap, "phases[0][coupon]", "x"), refused{param: "phases[0][coupon]", contains: "does not model"})
	changed := w.expectOK(w.post(schedule,
		"phases[0][items][0][price]", cheap, "phases[0][end_date]", end,
		"phases[1][items][0][price]", dear, "phases[1][items][0][quantity]", "2", "phases[1][iterations]", "1", "phases[1][metadata][phase]", "two",
	)).body
	if phases := changed["phases"].([]any); len(phases) != 2 {
		t.Fatalf("there are %d phases", len(phases))
	}
	w.pass("30d") // past the renewal on 29 February
	now := w.read(sub, "subscriptions")
	item := object(now, "items")["data"].([]any)[0].(map[string]any)
	expectFields(t, object(item, "price"), map[string]any{"id": dear})
	expectFields(t, item, map[string]any{"quantity": 2.0})
	expectFields(t, now, map[string]any{"schedule": made["id"]})
	expectFields(t, object(now, "metadata"), map[string]any{"phase": "two"})
	expectFields(t, w.latestInvoice(now), map[string]any{"total": 6000.0, "billing_reason": "subscription_cycle"})

	w.pass("32d")
	expectFields(t, w.read(made, "subscription_schedules"), map[string]any{
		"status": "released", "subscription": nil, "released_subscription": sub["id"], "current_phase": nil,
	})
	expectFields(t, w.read(sub, "subscriptions"), map[string]any{"schedule": nil, "status": "active"})
	expectFields(t, w.latestInvoice(now), map[string]any{"total": 6000.0})
	kinds := w.eventTypes(made["id"].(string))
	for _, kind := range []string{"created", "updated", "released"} {
		if !slices.Contains(kinds, "subscription_schedule."+kind) {
			t.Errorf("there is no event that it was %s", kind)
		}
	}
}

// TestScheduleOfSomethingToCome plans a subscription that begins in a week, changes in
// the middle of a period, and ends with its last phase.
func TestScheduleOfSomethingToCome(t *testing.T) {
	w := newWorld(t)
	monthly, other := w.monthly(1000).ID, w.monthly(4000).ID
	payer := w.payingCustomer("pm_card_visa").ID
	made := w.schedule("customer", payer, "start_date", w.unix(7*day), "end_behavior", "cancel",
		"phases[0][items][0][price]", monthly, "phases[0][end_date]", w.unix(17*day),
		"phases[1][items][0][price]", other, "phases[1][end_date]", w.unix(27*day), "phases[1][proration_behavior]", "always_invoice")
	expectFields(t, made, map[string]any{"status": "not_started", "subscription": nil, "current_phase": nil})
	w.pass("8d")
	begun := w.read(made, "subscription_schedules")
	expectFields(t, begun, map[string]any{"status": "active"})
	sub := w.expectOK(w.get("/v1/subscriptions/" + begun["subscription"].(string))).body
	expectFields(t, sub, map[string]any{"schedule": made["id"], "status": "active"})
	expectFields(t, w.latestInvoice(sub), map[string]any{"total": 1000.0, "status": "paid"})
	w.pass("10d")
	if total := w.latestInvoice(w.read(sub, "subscriptions"))["total"].(float64); total <= 1500 || total >= 3000 {
		t.Errorf("the rest of the period on another price costs %v", total)
	}
	w.pass("10d")
	expectFields(t, w.read(made, "subscription_schedules"), map[string]any{"status": "completed", "current_phase": nil, "subscription": sub["id"]})
	expectFields(t, w.read(sub, "subscriptions"), map[string]any{"status": "canceled"})
}

// TestEndsOfSchedules releases and cancels schedules, and cancels what they are about.
func TestEndsOfSchedules(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000).ID
	end := func(made map[string]any, how string) reply {
		return w.post("/v1/subscription_schedules/" + made["id"].(string) + "/" + how)
	}
	released := w.schedule("from_subscription", w.subscribeTo(price)["id"].(string))
	expectFields(t, w.expectOK(end(released, "release")).body, map[string]any{"status": "released", "subscription": nil})
	w.expectRefusal(end(released, "cancel"), refused{contains: "currently in the `released` status"})
	w.expectRefusal(end(released, "release"), refused{contains: "currently in the `released` status"})

	sub := w.subscribeTo(price)
	canceled := w.schedule("from_subscription", sub["id"].(string))
	expectFields(t, w.expectOK(end(canceled, "cancel")).body, map[string]any{"status": "canceled"})
	expectFields(t, w.read(sub, "subscriptions"), map[string]any{"status": "canceled"})

	sub = w.subscribeTo(price)
	left := w.schedule("from_subscription", sub["id"].(string))
	w.expectOK(w.delete(path(sub)))
	expectFields(t, w.read(left, "subscription_schedules"), map[string]any{"status": "canceled"})

	payer := w.payingCustomer("pm_card_visa").ID
	planned := w.schedule("customer", payer, "start_date", w.unix(day), "phases[0][items][0][price]", price)
	listed := w.expectOK(w.get("/v1/subscription_schedules?scheduled=true&customer=" + payer)).body["data"].([]any)
	if len(listed) != 1 {
		t.Errorf("%d schedules are going to begin", len(listed))
	}
	w.expectOK(w.delete("/v1/customers/" + payer))
	expectFields(t, w.read(planned, "subscription_schedules"), map[string]any{"status": "canceled"})

	at := w.schedule("customer", w.payingCustomer("pm_card_visa").ID, "start_date", "now", "phases[0][items][0][price]", price, "phases[0][trial]", "true")
	expectFields(t, w.expectOK(w.get("/v1/subscriptions/"+at["subscription"].(string))).body, map[string]any{"status": "trialing"})
	w.expectRefusal(w.post("/v1/subscription_schedules", "customer", payer), refused{code: "parameter_missing", param: "start_date"})
}

// TestSchedulesOfArchivedPrices lets the time come for phases whose price is not for
// sale any more: the schedule is canceled, and time goes on.
func TestSchedulesOfArchivedPrices(t *testing.T) {
	w := newWorld(t)
	kept, archived := w.monthly(1000).ID, w.monthly(2000).ID
	planned := w.schedule("customer", w.payingCustomer("pm_card_visa").ID, "start_date", w.unix(day), "phases[0][items][0][price]", archived)
	sub := w.subscribeTo(kept)
	changing := w.schedule("from_subscription", sub["id"].(string))
	w.expectOK(w.post("/v1/subscription_schedules/"+changing["id"].(string),
		"phases[0][items][0][price]", kept, "phases[0][end_date]", w.unix(10*day), "phases[1][items][0][price]", archived))
	w.expectOK(w.post("/v1/prices/"+archived, "active", "false"))
	w.pass("40d")
	for name, made := range map[string]map[string]any{"that begins": planned, "that goes on": changing} {
		if status := w.read(made, "subscription_schedules")["status"]; status != "canceled" {
			t.Errorf("the schedule %s is %s", name, status)
		}
	}
	expectFields(t, w.read(sub, "subscriptions"), map[string]any{"status": "active", "schedule": nil})
	expectFields(t, w.latestInvoice(sub), map[string]any{"total": 1000.0})
}
