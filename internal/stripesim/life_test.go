package stripesim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// pass lets time pass in the sandbox.
func (w *world) pass(span string) {
	w.t.Helper()
	if r := w.control("clock", map[string]any{"advance": span}); r.status != http.StatusOK {
		w.t.Fatalf("advance %s: %v", span, r.body)
	}
}

// simNow is the sandbox's time.
func (w *world) simNow() time.Time {
	w.t.Helper()
	return time.Unix(int64(w.get("/_sim/clock").body["now"].(float64)), 0).UTC()
}

// happened lists the events since a moment as "days+hours type", oldest first, of the
// kinds of object given.
func (w *world) happened(since time.Time, prefixes ...string) []string {
	w.t.Helper()
	var lines []string
	for _, element := range w.expectOK(w.get(fmt.Sprintf("/v1/events?limit=100&created[gt]=%d", since.Unix()))).body["data"].([]any) {
		event := element.(map[string]any)
		after := time.Unix(int64(event["created"].(float64)), 0).Sub(since)
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(event["type"].(string), p) }) {
			lines = append(lines, fmt.Sprintf("%dd%dh %s", int(after.Hours())/24, int(after.Hours())%24, event["type"]))
		}
	}
	slices.Reverse(lines)
	return lines
}

func (w *world) expectHappened(since time.Time, prefixes []string, want ...string) {
	w.t.Helper()
	if got := w.happened(since, prefixes...); !slices.Equal(got, want) {
		w.t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func (w *world) latestInvoice(sub map[string]any) map[string]any {
	w.t.Helper()
	return object(w.expectOK(w.get(path(sub)+"?expand[]=latest_invoice")).body, "latest_invoice")
}

// failing gives a subscription a card that every bank turns down.
func (w *world) failing(sub map[string]any) {
	w.t.Helper()
	w.expectOK(w.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer", sub["customer"].(string)))
	w.expectOK(w.post(path(sub), "default_payment_method", "pm_card_chargeCustomerFail"))
}

func TestRenewal(t *testing.T) {
	w := newWorld(t) // on 31 January of a leap year
	sub := w.active()
	end := time.Unix(int64(sub["current_period_end"].(float64)), 0)
	w.control("clock", map[string]any{"to": end.Unix() - 1})
	expectFields(t, w.get(path(sub)).body, map[string]any{"current_period_end": sub["current_period_end"]})
	w.pass("1s")
	renewed := w.get(path(sub)).body
	expectFields(t, renewed, map[string]any{"status": "active", "current_period_start": sub["current_period_end"], "billing_cycle_anchor": sub["billing_cycle_anchor"]})
	expectFields(t, w.latestInvoice(sub), map[string]any{
		"status": "draft", "billing_reason": "subscription_cycle", "created": float64(end.Unix()), "amount_due": 1000.0,
		"period_start": sub["current_period_start"], "period_end": sub["current_period_end"], "attempt_count": 0.0,
	})
	w.pass("1h")
	expectFields(t, w.latestInvoice(sub), map[string]any{"status": "paid", "attempt_count": 1.0, "amount_paid": 1000.0})
	w.expectHappened(end.Add(-time.Second), []string{""},
		"0d0h customer.subscription.updated", "0d0h invoice.created",
		"0d1h customer.updated", "0d1h payment_intent.created", "0d1h invoice.finalized", "0d1h charge.succeeded",
		"0d1h payment_intent.succeeded", "0d1h invoice.paid", "0d1h invoice.payment_succeeded")
}

func TestBillingDatesFollowTheAnchor(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	var ends []string
	for range 14 {
		current := w.get(path(sub)).body
		end := int64(current["current_period_end"].(float64))
		ends = append(ends, time.Unix(end, 0).UTC().Format("01-02"))
		w.control("clock", map[string]any{"to": end})
	}
	want := []string{"02-29", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31", "01-31", "02-28", "03-31"}
	if !slices.Equal(ends, want) {
		t.Errorf("periods end on %v", ends)
	}
}

func TestDunning(t *testing.T) {
	for setting, want := range map[string]struct {
		status string
		events []string
		reason any
	}{
		"cancel":   {"canceled", []string{"15d1h customer.subscription.deleted"}, "payment_failed"},
		"unpaid":   {"unpaid", []string{"15d1h customer.subscription.updated"}, nil},
		"past_due": {"past_due", nil, nil},
	} {
		t.Run(setting, func(t *testing.T) {
			w := newWorld(t)
			if r := w.control("settings", map[string]any{"dunningEnd": setting}); r.status != http.StatusOK {
				t.Fatal(r.body)
			}
			sub := w.active()
			w.failing(sub)
			end := time.Unix(int64(sub["current_period_end"].(float64)), 0)
			w.control("clock", map[string]any{"to": end.Add(16 * 24 * time.Hour).Unix()})
			failed := []string{
				"0d0h customer.subscription.updated",
				"0d1h invoice.payment_failed", "0d1h customer.subscription.updated",
				"3d1h invoice.payment_failed", "8d1h invoice.payment_failed", "15d1h invoice.payment_failed",
			}
			w.expectHappened(end.Add(-time.Second), []string{"customer.subscription.", "invoice.payment"}, append(failed, want.events...)...)
			after := w.get(path(sub)).body
			expectFields(t, after, map[string]any{"status": want.status})
			expectFields(t, object(after, "cancellation_details"), map[string]any{"reason": want.reason})
			invoice := w.latestInvoice(sub)
			expectFields(t, invoice, map[string]any{"status": "open", "attempt_count": 4.0, "next_payment_attempt": nil})

			w.expectOK(w.post("/v1/invoices/"+invoice["id"].(string)+"/pay", "payment_method", "pm_card_visa"))
			recovered := map[string]string{"cancel": "canceled", "unpaid": "active", "past_due": "active"}[setting]
			expectFields(t, w.get(path(sub)).body, map[string]any{"status": recovered})
		})
	}
}

// Writing off its latest invoice by hand brings a subscription back that is past due:
// https://docs.stripe.com/billing/subscriptions/overview, on past_due.
func TestWritingOffBringsASubscriptionBack(t *testing.T) {
	w := newWorld(t)
	w.control("settings", map[string]any{"dunningEnd": "past_due"})
	sub := w.active()
	w.failing(sub)
	w.pass("32d")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "past_due"})
	customer := "/v1/customers/" + sub["customer"].(string)
	expectFields(t, w.get(customer).body, map[string]any{"delinquent": true})
	w.expectOK(w.post("/v1/invoices/" + w.latestInvoice(sub)["id"].(string) + "/mark_uncollectible"))
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
	expectFields(t, w.get(customer).body, map[string]any{"delinquent": false})
	expectFields(t, w.latestInvoice(sub), map[string]any{"status": "uncollectible"})
}

func TestUnpaidSubscriptionsGetDrafts(t *testing.T) {
	w := newWorld(t)
	w.control("settings", map[string]any{"dunningEnd": "unpaid"})
	sub := w.active()
	w.failing(sub)
	w.pass("65d")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "unpaid"})
	expectFields(t, w.latestInvoice(sub), map[string]any{"status": "draft", "auto_advance": false})
}

func TestTrialEnds(t *testing.T) {
	for name, test := range map[string]struct {
		token, behavior string
		status          string
		events          []string
	}{
		"and is paid": {"pm_card_visa", "cancel", "active", []string{
			"11d0h customer.subscription.trial_will_end", "14d0h customer.subscription.updated",
		}},
		"and the card is declined": {"pm_card_chargeCustomerFail", "cancel", "past_due", []string{
			"11d0h customer.subscription.trial_will_end", "14d0h customer.subscription.updated", "14d1h customer.subscription.updated",
		}},
		"without a card, and pauses": {"", "pause", "paused", []string{
			"11d0h customer.subscription.trial_will_end", "14d0h customer.subscription.updated", "14d0h customer.subscription.paused",
		}},
		"without a card, and cancels": {"", "cancel", "canceled", []string{
			"11d0h customer.subscription.trial_will_end", "14d0h customer.subscription.deleted",
		}},
		"without a card, and bills": {"", "create_invoice", "past_due", []string{
			"11d0h customer.subscription.trial_will_end", "14d0h customer.subscription.updated", "14d1h customer.subscription.updated",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.customer("ada@example.com")
			if test.token != "" {
				c = w.payingCustomer(test.token)
			}
			sub := w.expectOK(w.subscribe(c, w.monthly(1000), "trial_period_days", "14",
				"trial_settings[end_behavior][missing_payment_method]", test.behavior)).body
			start := w.simNow()
			w.pass("15d")
			expectFields(t, w.get(path(sub)).body, map[string]any{"status": test.status})
			w.expectHappened(start, []string{"customer.subscription."}, test.events...)
		})
	}
	t.Run("a short one is announced at once", func(t *testing.T) {
		w := newWorld(t)
		sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_visa"), w.monthly(1000), "trial_period_days", "2")).body
		if types := w.eventTypes(sub["id"].(string)); !slices.Contains(types, "customer.subscription.trial_will_end") {
			t.Errorf("events %v", types)
		}
	})
}

func TestIncompleteExpires(t *testing.T) {
	w := newWorld(t)
	sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_visa"), w.monthly(1000), "payment_behavior", "default_incomplete")).body
	w.pass("22h59m59s")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "incomplete"})
	w.pass("1s")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "incomplete_expired", "ended_at": float64(w.simNow().Unix())})
	expectFields(t, w.latestInvoice(sub), map[string]any{"status": "void"})
}

func TestPlannedEnds(t *testing.T) {
	w := newWorld(t)
	atEnd, sooner := w.active(), w.active()
	w.expectOK(w.post(path(atEnd), "cancel_at_period_end", "true"))
	asked := float64(w.simNow().Unix())
	soon := w.simNow().Add(10 * 24 * time.Hour).Unix()
	w.expectOK(w.post(path(sooner), "cancel_at", fmt.Sprint(soon)))
	w.pass("40d")
	expectFields(t, w.get(path(atEnd)).body, map[string]any{"status": "canceled", "ended_at": atEnd["current_period_end"], "canceled_at": asked})
	expectFields(t, w.get(path(sooner)).body, map[string]any{"status": "canceled", "ended_at": float64(soon)})
}

func TestSentInvoicesFallDue(t *testing.T) {
	w := newWorld(t)
	c := w.payingCustomer("pm_card_visa")
	sub := w.expectOK(w.subscribe(c, w.monthly(1000), "collection_method", "send_invoice", "days_until_due", "7")).body
	start := w.simNow()
	w.pass("8d")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "past_due"})
	w.expectHappened(start, []string{"invoice.", "customer.subscription."},
		"0d1h invoice.finalized", "0d1h invoice.sent", "7d0h customer.subscription.updated")
	w.expectOK(w.post("/v1/invoices/" + w.latestInvoice(sub)["id"].(string) + "/pay"))
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
}

func TestPausedCollection(t *testing.T) {
	for behavior, status := range map[string]string{"keep_as_draft": "draft", "void": "void", "mark_uncollectible": "uncollectible"} {
		w := newWorld(t)
		sub := w.active()
		w.expectOK(w.post(path(sub), "pause_collection[behavior]", behavior, "pause_collection[resumes_at]", fmt.Sprint(w.simNow().Add(35*24*time.Hour).Unix())))
		w.pass("34d")
		expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
		expectFields(t, w.latestInvoice(sub), map[string]any{"status": status})
		w.pass("2d")
		expectFields(t, w.get(path(sub)).body, map[string]any{"pause_collection": nil})
	}
}

func TestDisputeEndsTheSubscription(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	charge := w.latestInvoice(sub)["charge"].(string)
	if r := w.control("charges/"+charge+"/dispute", nil); r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	after := w.get(path(sub)).body
	expectFields(t, after, map[string]any{"status": "canceled"})
	expectFields(t, object(after, "cancellation_details"), map[string]any{"reason": "payment_disputed"})
	expectFields(t, w.expectOK(w.get("/v1/charges/"+charge)).body, map[string]any{"disputed": true})
	if r := w.control("charges/"+charge+"/dispute", nil); r.status != http.StatusConflict {
		t.Errorf("a second time: %v", r.body)
	}
}

func TestClockControl(t *testing.T) {
	w := newWorld(t)
	if state := w.get("/_sim/clock").body; state["offset"] != 0.0 || state["next"] != nil {
		t.Errorf("at first %v", state)
	}
	sub := w.active()
	notice := w.control("clock", map[string]any{"until": "next"}).body
	if notice["now"] != sub["current_period_end"].(float64)-7*24*60*60 || object(notice, "next")["object"] != sub["id"] {
		t.Errorf("after the notice %v", notice)
	}
	next := w.control("clock", map[string]any{"until": "next"}).body
	if next["now"] != sub["current_period_end"] || object(next, "next")["object"] != w.latestInvoice(sub)["id"] {
		t.Errorf("after next %v", next)
	}
	w.pass("1d12h")
	before := w.simNow()
	w.restart()
	if after := w.simNow(); !after.Equal(before) {
		t.Errorf("after the restart %v, before %v", after, before)
	}
	for _, bad := range []map[string]any{
		{"to": before.Unix() - 1}, {"advance": "-1h"}, {"advance": "soon"}, {"advance": "xd"}, {"until": "later"}, {}, {"advance": "9999d"}, {"by": 1},
	} {
		if r := w.control("clock", bad); r.status != http.StatusBadRequest || r.body["error"] == nil {
			t.Errorf("%v: %d", bad, r.status)
		}
	}
}

// TestTimePassesByItself moves the real clock: first while the sandbox is closed, then
// while it runs.
func TestTimePassesByItself(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	w.advance(30 * 24 * time.Hour)
	w.restart()
	expectFields(t, w.get(path(sub)).body, map[string]any{"current_period_start": sub["current_period_end"]})
	w.advance(31 * 24 * time.Hour)
	w.product("Tally") // a real clock would wake the sandbox by itself
	for w.latestInvoice(sub)["created"] != float64(time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC).Unix()) {
		continue
	}
}

// TestUpcomingInvoices announces a renewal a week before, with what it will come to,
// and neither the end of a subscription nor the renewals of one that is billed each
// week.
func TestUpcomingInvoices(t *testing.T) {
	w := newWorld(t)
	upcoming := func() (all []map[string]any) {
		for _, e := range w.expectOK(w.get("/v1/events?type=invoice.upcoming")).body["data"].([]any) {
			all = append(all, object(object(e.(map[string]any), "data"), "object"))
		}
		return all
	}
	goesOn, ends := w.subscribeTo(w.monthly(1000).ID), w.subscribeTo(w.monthly(2000).ID)
	w.expectOK(w.post(path(ends), "cancel_at_period_end", "true"))
	weekly := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "500", "product", w.product("Plan").ID, "recurring[interval]", "week")).body
	w.subscribeTo(weekly["id"].(string))
	w.pass("21d")
	if told := upcoming(); len(told) != 0 {
		t.Fatalf("%d invoices are announced too early", len(told))
	}
	w.pass("2d") // a week before 29 February
	told := upcoming()
	if len(told) != 1 {
		t.Fatalf("%d invoices are announced", len(told))
	}
	expectFields(t, told[0], map[string]any{"id": nil, "subscription": goesOn["id"], "total": 1000.0, "billing_reason": "upcoming", "status": "draft"})
	trial := w.subscribeTo(w.monthly(3000).ID, "trial_period_days", "10")
	w.pass("4d")
	if told = upcoming(); len(told) != 2 || told[0]["total"] != 3000.0 {
		t.Errorf("of a trial %d invoices are announced", len(told))
	}
	w.pass("4d")
	expectFields(t, w.read(trial, "subscriptions"), map[string]any{"status": "trialing"})
	if kinds := w.eventTypes(trial["id"].(string)); !slices.Contains(kinds, "customer.subscription.trial_will_end") {
		t.Errorf("the end of the trial is not announced: %v", kinds)
	}
	w.pass("4d")
	expectFields(t, w.read(trial, "subscriptions"), map[string]any{"status": "active"})
}
