package stripesim_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestSubscriptionItems(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	extra := w.monthly(500)

	r := w.expectOK(w.post(path(sub), "items[0][price]", extra.ID, "items[0][quantity]", "3", "proration_behavior", "none"))
	items := object(r.body, "items")["data"].([]any)
	if len(items) != 2 || items[1].(map[string]any)["quantity"] != 3.0 {
		t.Fatalf("items %v", items)
	}
	added := items[1].(map[string]any)["id"].(string)
	yearly := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "5", "recurring[interval]", "year", "product_data[name]", "Gold")).body["id"].(string)
	w.expectRefusal(w.post(path(sub), "items[0][price]", yearly), refused{param: "items", contains: "the same billing interval"})
	w.expectRefusal(w.post(path(sub), "items[0][quantity]", "2"), refused{code: "parameter_missing", param: "items[0][price]"})

	r = w.expectOK(w.post(path(sub), "items[0][id]", added, "items[0][deleted]", "true"))
	items = object(r.body, "items")["data"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["id"] == added {
		t.Errorf("items %v", items)
	}
	credit := w.expectOK(w.get("/v1/invoiceitems?pending=true")).body["data"].([]any)[0].(map[string]any)
	expectFields(t, credit, map[string]any{"amount": -1500.0, "proration": true, "invoice": nil})
	w.expectOK(w.get("/v1/invoiceitems/" + credit["id"].(string) + "?expand[]=customer&expand[]=price"))
	last := items[0].(map[string]any)["id"].(string)
	w.expectRefusal(w.post(path(sub), "items[0][id]", last, "items[0][deleted]", "true"),
		refused{param: "items", contains: "must have at least one active plan"})
}

func TestProrationIsForTheTimeThatIsLeft(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	start, end := int64(sub["current_period_start"].(float64)), int64(sub["current_period_end"].(float64))
	w.advance(time.Duration(end-start) * time.Second / 4)
	item := object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string)
	r := w.expectOK(w.post(path(sub), "items[0][id]", item, "items[0][quantity]", "2", "proration_behavior", "always_invoice", "expand[]", "latest_invoice.charge"))
	invoice := object(r.body, "latest_invoice")
	expectFields(t, invoice, map[string]any{"total": 750.0, "status": "paid", "billing_reason": "subscription_update"}) // −750 + 1500
	w.expectOK(w.get("/v1/charges/" + object(invoice, "charge")["id"].(string) + "?expand[]=payment_intent"))
}

func TestScheduledEnd(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	soon := strconv.FormatInt(w.now().Add(time.Hour).Unix(), 10)
	r := w.expectOK(w.post(path(sub), "cancel_at", soon))
	expectFields(t, r.body, map[string]any{"status": "active", "cancel_at_period_end": false, "canceled_at": float64(w.now().Unix())})
	r = w.expectOK(w.post(path(sub), "cancel_at", ""))
	expectFields(t, r.body, map[string]any{"cancel_at": nil, "canceled_at": nil})
	w.expectRefusal(w.post(path(sub), "cancel_at", "1"), refused{param: "cancel_at", contains: "in the future"})
	w.expectRefusal(w.post(path(sub), "cancel_at", soon, "cancel_at_period_end", "true"), refused{param: "cancel_at"})
}

func TestResumeWithinThePaidPeriod(t *testing.T) {
	w := newWorld(t)
	sub := w.put(w.active(), "paused", "")
	r := w.expectOK(w.post(path(sub)+"/resume", "billing_cycle_anchor", "unchanged"))
	expectFields(t, r.body, map[string]any{"status": "active", "current_period_end": sub["current_period_end"]})
}

func TestCanceledSubscriptionOfDeletedCustomerKeepsItsLabels(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	w.expectOK(w.send(http.MethodDelete, "/v1/customers/"+sub["customer"].(string), nil))
	w.expectOK(w.post(path(sub), "metadata[seen]", "yes"))
}
