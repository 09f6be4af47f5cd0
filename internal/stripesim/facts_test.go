package stripesim_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFacts holds the sandbox to what recordings of the real API show and its
// specification does not say.
func TestFacts(t *testing.T) {
	for name, fact := range map[string]func(w *world){
		"a canceled subscription cannot be found to be resumed": func(w *world) {
			sub := w.active()
			w.expectOK(w.send(http.MethodDelete, path(sub), nil))
			w.expectRefusal(w.post(path(sub)+"/resume"), refused{status: 404, code: "resource_missing", param: "id", contains: "No such subscription"})
		},
		"a list by an object that never was is refused": func(w *world) {
			for list, param := range map[string]string{
				"prices": "product", "invoices": "customer", "subscriptions": "customer", "payment_intents": "customer",
				"invoiceitems": "customer", "setup_intents": "customer", "payment_methods": "customer",
			} {
				w.expectRefusal(w.get("/v1/"+list+"?"+param+"=nope"), refused{code: "resource_missing", param: param, contains: "No such " + param + ": 'nope'"})
			}
		},
		"an invoice prefix is upper case and belongs to one customer": func(w *world) {
			w.expectOK(w.post("/v1/customers", "invoice_prefix", "ADA"))
			for _, prefix := range []string{"ada", "A", "ADA"} {
				w.expectRefusal(w.post("/v1/customers", "invoice_prefix", prefix), refused{param: "invoice_prefix"})
			}
		},
		"an address is replaced as a whole, shipping merged by leaf": func(w *world) {
			c := w.expectOK(w.post("/v1/customers", "address[city]", "Oslo", "address[line1]", "Gate 1",
				"shipping[name]", "Ada", "shipping[address][city]", "Oslo", "shipping[address][line1]", "Gate 1")).body
			c = w.expectOK(w.post("/v1/customers/"+c["id"].(string), "address[line1]", "Gate 2", "shipping[address][line1]", "Gate 2")).body
			expectFields(w.t, object(c, "address"), map[string]any{"city": nil, "line1": "Gate 2"})
			expectFields(w.t, object(object(c, "shipping"), "address"), map[string]any{"city": "Oslo", "line1": "Gate 2"})
			w.expectRefusal(w.post("/v1/customers", "shipping[address][city]", "Oslo"), refused{code: "parameter_missing", param: "shipping[name]"})
		},
		"every keyed POST names the request that did the work": func(w *world) {
			first := w.keyed("k", "/v1/products", "name", "Tally")
			if id := first.header.Get("Request-Id"); first.header.Get("Original-Request") != id || w.keyed("k", "/v1/products", "name", "Tally").header.Get("Original-Request") != id {
				w.t.Errorf("headers %v", first.header)
			}
			if r := w.post("/v1/products", "name", "Tally"); r.header.Get("Original-Request") != "" || r.header.Get("Stripe-Should-Retry") != "false" {
				w.t.Errorf("headers %v", r.header)
			}
		},
		"bodies begin with id and object": func(w *world) {
			r := w.post("/v1/products", "name", "Tally")
			if !strings.HasPrefix(r.text, "{\n  \"id\": \"prod_"+r.body["id"].(string)[5:]+"\",\n  \"object\": \"product\",\n  \"active\": true") {
				w.t.Error(r.text)
			}
		},
		"a recurring price is a plan too": func(w *world) {
			sub := w.active()
			item := object(sub, "items")["data"].([]any)[0].(map[string]any)
			expectFields(w.t, object(sub, "plan"), map[string]any{"id": object(item, "price")["id"], "object": "plan", "amount": 1000.0, "interval": "month"})
			expectFields(w.t, sub, map[string]any{"quantity": 1.0})
			expectFields(w.t, object(sub, "items"), map[string]any{"total_count": 1.0})
			if _, sent := object(object(item, "price"), "recurring")["trial_period_days"]; !sent {
				w.t.Error("recurring.trial_period_days is not there")
			}
			due := object(sub, "latest_invoice")
			expectFields(w.t, object(due, "lines"), map[string]any{"total_count": 1.0})
			expectFields(w.t, due, map[string]any{"webhooks_delivered_at": due["created"]})
		},
		"lines say what they are for": func(w *world) {
			due := object(w.active(), "latest_invoice")
			line := object(due, "lines")["data"].([]any)[0].(map[string]any)
			expectFields(w.t, line, map[string]any{"description": "1 × Plan (at $10.00 / month)"})
		},
		"a credit names the line that it gives back": func(w *world) {
			sub := w.active()
			first := object(sub, "latest_invoice")
			paid := object(first, "lines")["data"].([]any)[0].(map[string]any)
			item := object(sub, "items")["data"].([]any)[0].(map[string]any)
			sub = w.expectOK(w.post(path(sub), "items[0][id]", item["id"].(string), "items[0][quantity]", "3",
				"proration_behavior", "always_invoice", "expand[]", "latest_invoice")).body
			lines := object(object(sub, "latest_invoice"), "lines")["data"].([]any)
			credit, charge := lines[0].(map[string]any), lines[1].(map[string]any)
			credited := object(object(credit, "proration_details"), "credited_items")
			expectFields(w.t, credited, map[string]any{"invoice": first["id"]})
			if ids := credited["invoice_line_items"].([]any); len(ids) != 1 || ids[0] != paid["id"] {
				w.t.Errorf("credited %v", ids)
			}
			day := time.Unix(int64(credit["period"].(map[string]any)["start"].(float64)), 0).UTC().Format("02 Jan 2006")
			expectFields(w.t, credit, map[string]any{"description": "Unused time on Plan after " + day})
			expectFields(w.t, charge, map[string]any{"description": "Remaining time on 3 × Plan after " + day})
		},
		"a proration counts from the date that is asked for": func(w *world) {
			sub := w.active()
			item := object(sub, "items")["data"].([]any)[0].(map[string]any)
			end := int64(sub["current_period_end"].(float64))
			w.expectRefusal(w.post(path(sub), "items[0][id]", item["id"].(string), "items[0][quantity]", "2", "proration_date", strconv.FormatInt(end+1, 10)),
				refused{param: "proration_date"})
			w.expectOK(w.post(path(sub), "items[0][id]", item["id"].(string), "items[0][quantity]", "2", "proration_date", strconv.FormatInt(end, 10)))
			for _, pending := range w.expectOK(w.get("/v1/invoiceitems")).body["data"].([]any) {
				expectFields(w.t, pending.(map[string]any), map[string]any{"amount": 0.0})
			}
		},
		"a trial moves the end of the period, and with it the planned end": func(w *world) {
			sub := w.active()
			w.expectOK(w.post(path(sub), "cancel_at_period_end", "true"))
			later := strconv.FormatInt(int64(sub["current_period_end"].(float64))+100, 10)
			sub = w.expectOK(w.post(path(sub), "trial_end", later, "proration_behavior", "none")).body
			expectFields(w.t, sub, map[string]any{"cancel_at": sub["current_period_end"], "cancel_at_period_end": true})
		},
		"days_until_due has no effect on automatic collection": func(w *world) {
			sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_visa"), w.monthly(1000), "days_until_due", "5")).body
			expectFields(w.t, sub, map[string]any{"days_until_due": nil})
		},
		"a balance settles the currency": func(w *world) {
			expectFields(w.t, w.expectOK(w.post("/v1/customers", "balance", "-500")).body, map[string]any{"currency": "usd"})
			expectFields(w.t, w.expectOK(w.post("/v1/customers")).body, map[string]any{"currency": nil})
		},
		"what is paid elsewhere was not attempted": func(w *world) {
			due := w.draft()
			paid := w.expectOK(w.post("/v1/invoices/"+due+"/pay", "paid_out_of_band", "true")).body
			expectFields(w.t, paid, map[string]any{"status": "paid", "attempted": false, "paid_out_of_band": true})
		},
		"a test card expires in a year": func(w *world) {
			card := object(w.expectOK(w.get("/v1/payment_methods/pm_card_visa")).body, "card")
			expectFields(w.t, card, map[string]any{"exp_month": float64(w.simNow().Month()), "exp_year": float64(w.simNow().Year() + 1)})
		},
		"a test clock takes three customers": func(w *world) {
			clock := w.expectOK(w.post("/v1/test_helpers/test_clocks", "frozen_time", "1700000000")).body["id"].(string)
			for range 3 {
				w.expectOK(w.post("/v1/customers", "test_clock", clock))
			}
			w.expectRefusal(w.post("/v1/customers", "test_clock", clock), refused{param: "test_clock"})
		},
		"a path that is not clean is no redirect": func(w *world) {
			for _, bad := range []string{"/v1//customers", "/v1/customers/../products"} {
				w.expectRefusal(w.get(bad), refused{status: 404, contains: "Unrecognized request URL"})
			}
		},
		"an unknown path is told of beside Stripe's words": func(w *world) {
			r := w.get("/v1/radar/value_lists")
			w.expectRefusal(r, refused{status: 404, contains: "Unrecognized request URL (GET: /v1/radar/value_lists)"})
			if r.header.Get("X-Sandbox") == "" {
				w.t.Error("there is no hint")
			}
		},
		"newer and older versions are answered in ours": func(w *world) {
			for version, status := range map[string]int{
				"2022-11-15": 200, "2024-06-20": 200, "2025-03-31.basil": 200, "2019-01-01": 400, "tomorrow": 400, "2024-06-20; x": 400,
			} {
				r := w.send(http.MethodGet, "/v1/products", nil, "Stripe-Version", version)
				if r.status != status || status == 200 && (r.header.Get("Stripe-Version") != "2023-10-16" || r.header.Get("X-Sandbox") == "") {
					w.t.Errorf("%s: status %d, headers %v", version, r.status, r.header)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) { fact(newWorld(t)) })
	}
}

// Who checks a signature has no other clock than the real one, however far the
// sandbox's was advanced.
func TestSignaturesAreDatedByTheRealClock(t *testing.T) {
	w := newWorld(t)
	signatures := make(chan string, 1)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		signatures <- r.Header.Get("Stripe-Signature")
	}))
	t.Cleanup(endpoint.Close)
	w.pass("31d")
	if err := w.sandbox.SetWebhook(endpoint.URL, hookSecret); err != nil {
		t.Fatal(err)
	}
	w.customer("ada@example.com")
	if signature := <-signatures; !strings.HasPrefix(signature, "t="+strconv.FormatInt(w.now().Unix(), 10)+",") {
		t.Errorf("signed %s, but it is %d", signature, w.now().Unix())
	}
}
