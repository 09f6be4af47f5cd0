package stripesim_test

import (
	"strconv"
	"testing"
)

// metered is a subscription of a new customer to what costs 10 cents for each use, and
// its item's id.
func (w *world) metered(pairs ...string) (sub map[string]any, item string) {
	w.t.Helper()
	price := w.expectOK(w.post("/v1/prices", append([]string{
		"currency", "usd", "unit_amount", "10", "product", w.product("Calls").ID,
		"recurring[interval]", "month", "recurring[usage_type]", "metered",
	}, pairs...)...)).body["id"].(string)
	sub = w.subscribeTo(price)
	return sub, object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string)
}

func TestUsageIsBilledAtThePeriodsEnd(t *testing.T) {
	for aggregate, want := range map[string]struct{ first, second float64 }{
		"sum": {17, 4}, "max": {9, 4}, "last_during_period": {3, 4}, "last_ever": {3, 4},
	} {
		t.Run(aggregate, func(t *testing.T) {
			w := newWorld(t)
			sub, item := w.metered("recurring[aggregate_usage]", aggregate)
			expectFields(t, object(sub, "latest_invoice"), map[string]any{"total": 0.0, "status": "paid"})
			at := "/v1/subscription_items/" + item + "/usage_records"
			made := w.expectOK(w.post(at, "quantity", "5", "timestamp", "now")).body
			expectFields(t, made, map[string]any{"quantity": 5.0, "subscription_item": item})
			w.pass("1h")
			w.expectOK(w.post(at, "quantity", "7"))
			expectFields(t, w.expectOK(w.post(at, "quantity", "2")).body, map[string]any{"quantity": 9.0})
			w.pass("1h")
			w.expectOK(w.post(at, "quantity", "50"))
			expectFields(t, w.expectOK(w.post(at, "quantity", "3", "action", "set")).body, map[string]any{"quantity": 3.0})
			summaries := w.expectOK(w.get("/v1/subscription_items/" + item + "/usage_record_summaries")).body["data"].([]any)
			expectFields(t, summaries[0].(map[string]any), map[string]any{"total_usage": want.first, "invoice": nil})
			expectFields(t, w.expectOK(w.get("/v1/invoices/upcoming?subscription="+sub["id"].(string))).body, map[string]any{"total": want.first * 10})

			w.pass("32d")
			due := w.latestInvoice(sub)
			expectFields(t, due, map[string]any{"total": want.first * 10, "amount_paid": want.first * 10})
			line := object(due, "lines")["data"].([]any)[0].(map[string]any)
			expectFields(t, line, map[string]any{"quantity": want.first})
			expectFields(t, object(line, "period"), map[string]any{"start": sub["current_period_start"], "end": sub["current_period_end"]})
			summaries = w.expectOK(w.get("/v1/subscription_items/" + item + "/usage_record_summaries?limit=2")).body["data"].([]any)
			expectFields(t, summaries[1].(map[string]any), map[string]any{"total_usage": want.first, "invoice": due["id"]})
			w.expectOK(w.post(at, "quantity", "4"))
			w.pass("32d")
			expectFields(t, w.latestInvoice(sub), map[string]any{"total": want.second * 10})
		})
	}
}

func TestUsageIsBilledWhenTheSubscriptionEnds(t *testing.T) {
	w := newWorld(t)
	sub, item := w.metered()
	w.expectOK(w.post("/v1/subscription_items/"+item+"/usage_records", "quantity", "20"))
	w.pass("1h")
	w.expectOK(w.post(path(sub), "cancel_at_period_end", "true"))
	w.pass("32d")
	expectFields(t, w.expectOK(w.get(path(sub))).body, map[string]any{"status": "canceled"})
	expectFields(t, w.latestInvoice(sub), map[string]any{"total": 200.0, "status": "paid"})

	now, item := w.metered()
	w.expectOK(w.post("/v1/subscription_items/"+item+"/usage_records", "quantity", "30"))
	w.pass("1h")
	expectFields(t, w.expectOK(w.send("DELETE", path(now), form("invoice_now", "true"))).body, map[string]any{"status": "canceled"})
	expectFields(t, w.latestInvoice(now), map[string]any{"total": 300.0, "status": "paid"})
}

func TestUsageRefuses(t *testing.T) {
	w := newWorld(t)
	sub, item := w.metered()
	at := "/v1/subscription_items/" + item + "/usage_records"
	w.expectRefusal(w.post(at), refused{code: "parameter_missing", param: "quantity"})
	for _, moment := range []int64{int64(sub["current_period_start"].(float64)) - 1, w.simNow().Unix() + 60} {
		w.expectRefusal(w.post(at, "quantity", "1", "timestamp", strconv.FormatInt(moment, 10)), refused{param: "timestamp", contains: "Cannot create the usage record with this timestamp"})
	}
	licensed := object(w.active(), "items")["data"].([]any)[0].(map[string]any)["id"].(string)
	w.expectRefusal(w.post("/v1/subscription_items/"+licensed+"/usage_records", "quantity", "1"), refused{contains: "metered"})
	w.expectRefusal(w.post("/v1/subscription_items/si_nope/usage_records", "quantity", "1"), refused{status: 404, code: "resource_missing", param: "item"})
}
