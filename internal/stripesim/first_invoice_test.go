package stripesim_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestFirstInvoices(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000).ID
	with := w.subscribeTo(price, "add_invoice_items[0][price_data][currency]", "usd", "add_invoice_items[0][price_data][unit_amount]", "250",
		"add_invoice_items[0][price_data][product]", w.product("Setup").ID, "add_invoice_items[0][quantity]", "2")
	first := object(with, "latest_invoice")
	expectFields(t, first, map[string]any{"total": 1500.0, "amount_paid": 1500.0})
	lines := object(first, "lines")["data"].([]any)
	expectFields(t, lines[0].(map[string]any), map[string]any{"type": "invoiceitem", "amount": 500.0, "quantity": 2.0, "description": "Setup"})
	w.expectOK(w.get("/v1/invoiceitems/" + lines[0].(map[string]any)["invoice_item"].(string)))
	c := w.payingCustomer("pm_card_visa").ID
	w.expectRefusal(w.post("/v1/subscriptions", "customer", c, "items[0][price]", price, "add_invoice_items[0][quantity]", "1"),
		refused{code: "parameter_missing", param: "add_invoice_items[0][price]"})
	w.expectRefusal(w.post("/v1/subscriptions", "customer", c, "items[0][price]", price, "add_invoice_items[0][price]", price), refused{param: "price"})
	w.expectRefusal(w.post(path(with), "add_invoice_items[0][price]", price), refused{param: "add_invoice_items", contains: "does not model"})
	w.pass("32d")
	expectFields(t, w.latestInvoice(with), map[string]any{"total": 1000.0})
}

func TestBillingCycleAnchor(t *testing.T) {
	w := newWorld(t) // it is noon on 31 January
	price := w.monthly(3100).ID
	moment := func(month time.Month, day int) string {
		return strconv.FormatInt(time.Date(2024, month, day, 12, 0, 0, 0, time.UTC).Unix(), 10)
	}
	sub := w.subscribeTo(price, "billing_cycle_anchor", moment(2, 10)) // 10 of the 31 days since 10 January are left
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"total": 1000.0, "status": "paid"})
	anchor, _ := strconv.ParseFloat(moment(2, 10), 64)
	expectFields(t, sub, map[string]any{"billing_cycle_anchor": anchor, "current_period_end": anchor, "status": "active"})
	free := w.subscribeTo(price, "billing_cycle_anchor", moment(2, 10), "proration_behavior", "none")
	expectFields(t, object(free, "latest_invoice"), map[string]any{"total": 0.0})
	w.pass("11d")
	expectFields(t, w.latestInvoice(sub), map[string]any{"total": 3100.0})
	end, _ := strconv.ParseFloat(moment(3, 10), 64)
	expectFields(t, w.expectOK(w.get(path(free))).body, map[string]any{"current_period_end": end})
	c := w.payingCustomer("pm_card_visa").ID
	w.expectRefusal(w.post("/v1/subscriptions", "customer", c, "items[0][price]", price, "billing_cycle_anchor", moment(4, 20)),
		refused{param: "billing_cycle_anchor", contains: "cannot be later than next natural billing date"})
}

func TestTrialFromPlan(t *testing.T) {
	w := newWorld(t)
	made := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "500", "product", w.product("Plan").ID, "recurring[interval]", "month",
		"recurring[trial_period_days]", "7")).body
	expectFields(t, object(made, "recurring"), map[string]any{"trial_period_days": 7.0})
	sub := w.subscribeTo(made["id"].(string), "trial_from_plan", "true")
	expectFields(t, sub, map[string]any{"status": "trialing", "trial_end": float64(w.time.Add(7 * 24 * time.Hour).Unix())})
	expectFields(t, object(sub, "plan"), map[string]any{"trial_period_days": 7.0})
	expectFields(t, w.subscribeTo(made["id"].(string)), map[string]any{"status": "active"})
	expectFields(t, w.subscribeTo(w.monthly(500).ID, "trial_from_plan", "true"), map[string]any{"status": "active"})
}

func TestChargesOfTokens(t *testing.T) {
	w := newWorld(t)
	made := w.expectOK(w.post("/v1/charges", "amount", "2000", "currency", "usd", "source", "tok_visa", "description", "Tea", "metadata[a]", "b")).body
	expectFields(t, made, map[string]any{"amount": 2000.0, "paid": true, "status": "succeeded", "payment_intent": nil, "customer": nil, "description": "Tea"})
	expectFields(t, w.expectOK(w.post("/v1/refunds", "charge", made["id"].(string))).body, map[string]any{"amount": 2000.0, "payment_intent": nil})
	w.expectRefusal(w.post("/v1/charges", "amount", "2000", "currency", "usd", "source", "tok_chargeDeclined"),
		refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline"})
	if n := len(w.expectOK(w.get("/v1/charges")).body["data"].([]any)); n != 2 {
		t.Errorf("%d charges: a declined one stays", n)
	}
	w.expectRefusal(w.post("/v1/charges", "amount", "2000", "currency", "usd", "source", "tok_nope"), refused{code: "resource_missing", param: "source", contains: "No such token"})
	w.expectRefusal(w.post("/v1/charges", "amount", "2000", "currency", "usd"), refused{contains: "Must provide source or customer."})
	w.expectRefusal(w.post("/v1/charges", "amount", "2000", "currency", "usd", "customer", w.payingCustomer("pm_card_visa").ID),
		refused{status: 402, kind: "card_error", code: "missing", param: "card"})
}

// pendingItem leaves an amount for the customer's next invoice.
func (w *world) pendingItem(customer, amount string) string {
	w.t.Helper()
	return w.expectOK(w.post("/v1/invoiceitems", "customer", customer, "currency", "usd", "amount", amount, "description", "Onboarding")).body["id"].(string)
}

// TestFirstInvoiceTakesWhatIsPending subscribes a customer who has something to pay
// already: the first invoice bills that before what is added to it and before the
// period, in a trial too; what is refused leaves it pending.
func TestFirstInvoiceTakesWhatIsPending(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000).ID
	amounts := func(sub map[string]any) (all []any) {
		for _, line := range object(object(sub, "latest_invoice"), "lines")["data"].([]any) {
			all = append(all, line.(map[string]any)["amount"])
		}
		return all
	}
	subscribe := func(customer string, more ...string) map[string]any {
		return w.expectOK(w.post("/v1/subscriptions", append([]string{"customer", customer, "items[0][price]", price, "expand[]", "latest_invoice"}, more...)...)).body
	}
	ada := w.payingCustomer("pm_card_visa").ID
	item := w.pendingItem(ada, "250")
	sub := subscribe(ada, "add_invoice_items[0][price_data][currency]", "usd", "add_invoice_items[0][price_data][unit_amount]", "70",
		"add_invoice_items[0][price_data][product]", w.product("Setup").ID)
	if got, want := amounts(sub), []any{250.0, 70.0, 1000.0}; !reflect.DeepEqual(got, want) {
		t.Errorf("the lines are %v, want %v", got, want)
	}
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"total": 1320.0, "status": "paid"})
	expectFields(t, w.expectOK(w.get("/v1/invoiceitems/"+item)).body, map[string]any{"invoice": object(sub, "latest_invoice")["id"]})

	grace := w.payingCustomer("pm_card_visa").ID
	w.pendingItem(grace, "250")
	trial := subscribe(grace, "trial_period_days", "7")
	expectFields(t, trial, map[string]any{"status": "trialing"})
	expectFields(t, object(trial, "latest_invoice"), map[string]any{"total": 250.0, "status": "paid"})

	joan := w.payingCustomer("pm_card_chargeCustomerFail").ID
	item = w.pendingItem(joan, "250")
	w.expectRefusal(w.post("/v1/subscriptions", "customer", joan, "items[0][price]", price, "payment_behavior", "error_if_incomplete"),
		refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline"})
	expectFields(t, w.expectOK(w.get("/v1/invoiceitems/"+item)).body, map[string]any{"invoice": nil})
}

// TestFreePlanWithSomethingToPay subscribes to a free plan with an amount that is due
// once: it is incomplete until that is paid.
func TestFreePlanWithSomethingToPay(t *testing.T) {
	w := newWorld(t)
	free := w.monthly(0).ID
	for _, c := range []struct{ name, card, behavior, status, invoice string }{
		{"paid", "pm_card_visa", "allow_incomplete", "active", "paid"},
		{"declined", "pm_card_chargeCustomerFail", "allow_incomplete", "incomplete", "open"},
		{"left to the frontend", "pm_card_visa", "default_incomplete", "incomplete", "open"},
	} {
		customer := w.payingCustomer(c.card).ID
		w.pendingItem(customer, "250")
		sub := w.expectOK(w.post("/v1/subscriptions", "customer", customer, "items[0][price]", free, "payment_behavior", c.behavior,
			"expand[]", "latest_invoice")).body
		if got := []any{sub["status"], object(sub, "latest_invoice")["status"]}; !reflect.DeepEqual(got, []any{c.status, c.invoice}) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	expectFields(t, w.subscribeTo(free), map[string]any{"status": "active"})
}

// TestBackdatedStart bills the time since a start that is over, by whole periods and a
// share of one, before the period that begins now.
func TestBackdatedStart(t *testing.T) {
	w := newWorld(t) // it is noon on 31 January
	price := w.monthly(3000).ID
	start := func(ago time.Duration) string { return strconv.FormatInt(w.time.Add(-ago).Unix(), 10) }
	sub := w.subscribeTo(price, "items[0][quantity]", "2", "backdate_start_date", start((31+15)*24*time.Hour)) // 16 December; 15 of 31 days from 16 January
	began, _ := strconv.ParseFloat(start((31+15)*24*time.Hour), 64)
	expectFields(t, sub, map[string]any{"start_date": began, "current_period_start": float64(w.time.Unix()), "status": "active"})
	lines := object(object(sub, "latest_invoice"), "lines")["data"].([]any)
	if len(lines) != 2 {
		t.Fatalf("there are %d lines", len(lines))
	}
	expectFields(t, lines[0].(map[string]any), map[string]any{
		"amount": 6000.0 + 2903.0, "proration": true, "type": "invoiceitem", "description": "Time on 2 × Plan from 16 Dec 2023 until 31 Jan 2024",
	})
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"total": 14903.0, "status": "paid"})

	free := w.subscribeTo(price, "backdate_start_date", start(24*time.Hour), "proration_behavior", "none")
	expectFields(t, object(free, "latest_invoice"), map[string]any{"total": 3000.0})
	c := w.payingCustomer("pm_card_visa").ID
	w.expectRefusal(w.post("/v1/subscriptions", "customer", c, "items[0][price]", price, "backdate_start_date", start(-24*time.Hour)), refused{param: "backdate_start_date"})
	w.expectRefusal(w.post(path(sub), "backdate_start_date", start(24*time.Hour)), refused{param: "backdate_start_date", contains: "does not model"})
}
