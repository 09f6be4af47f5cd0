package stripesim_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestQuickstarts are calls that quickstarts and the suites of others make.
func TestQuickstarts(t *testing.T) {
	data := func(r reply) []any { return r.body["data"].([]any) }
	for name, tour := range map[string]func(w *world){
		"a payment, confirmed at once": func(w *world) {
			made := w.expectOK(w.post("/v1/payment_intents", "amount", "2000", "currency", "usd", "payment_method", "pm_card_visa", "confirm", "true",
				"automatic_payment_methods[enabled]", "true", "automatic_payment_methods[allow_redirects]", "never")).body
			expectFields(w.t, made, map[string]any{"status": "succeeded", "amount_received": 2000.0, "customer": nil, "invoice": nil, "setup_future_usage": nil})
			charged := w.expectOK(w.get("/v1/charges/" + made["latest_charge"].(string) + "?expand[]=balance_transaction")).body
			expectFields(w.t, object(charged, "balance_transaction"), map[string]any{"amount": 2000.0, "fee": 88.0, "net": 1912.0, "status": "pending"})
			w.expectRefusal(w.post("/v1/payment_intents/"+made["id"].(string)+"/confirm"), refused{code: "payment_intent_unexpected_state", contains: "already succeeded"})
		},
		"a payment, step by step": func(w *world) {
			c := w.customer("ada@example.com")
			made := w.expectOK(w.post("/v1/payment_intents", "amount", "2000", "currency", "EUR", "customer", c.ID, "capture_method", "manual")).body
			expectFields(w.t, made, map[string]any{"status": "requires_payment_method", "currency": "eur", "customer": c.ID})
			at := "/v1/payment_intents/" + made["id"].(string)
			w.expectRefusal(w.post(at+"/confirm"), refused{code: "payment_intent_unexpected_state", contains: "missing a payment method"})
			w.expectOK(w.post(at, "amount", "2500", "metadata[order]", "7"))
			expectFields(w.t, w.expectOK(w.post(at+"/confirm", "payment_method", "pm_card_visa")).body,
				map[string]any{"status": "requires_capture", "amount_capturable": 2500.0, "amount_received": 0.0})
			w.expectRefusal(w.post(at+"/capture", "amount_to_capture", "2501"), refused{param: "amount_to_capture"})
			expectFields(w.t, w.expectOK(w.post(at+"/capture", "amount_to_capture", "1000")).body,
				map[string]any{"status": "succeeded", "amount_capturable": 0.0, "amount_received": 1000.0})
			w.expectRefusal(w.post(at+"/cancel"), refused{code: "payment_intent_unexpected_state"})
			other := w.expectOK(w.post("/v1/payment_intents", "amount", "2000", "currency", "usd")).body
			expectFields(w.t, w.expectOK(w.post("/v1/payment_intents/"+other["id"].(string)+"/cancel", "cancellation_reason", "abandoned")).body,
				map[string]any{"status": "canceled", "cancellation_reason": "abandoned"})
		},
		"a payment that is declined, and one that asks its holder": func(w *world) {
			w.expectRefusal(w.post("/v1/payment_intents", "amount", "2000", "currency", "usd", "payment_method", "pm_card_chargeDeclinedInsufficientFunds", "confirm", "true"),
				refused{status: 402, kind: "card_error", code: "card_declined", decline: "insufficient_funds"})
			kept := data(w.expectOK(w.get("/v1/payment_intents")))
			expectFields(w.t, kept[0].(map[string]any), map[string]any{"status": "requires_payment_method"})
			asking := w.expectOK(w.post("/v1/payment_intents", "amount", "2000", "currency", "usd", "payment_method", "pm_card_authenticationRequired", "confirm", "true")).body
			expectFields(w.t, asking, map[string]any{"status": "requires_action"})
			if r := w.control("payment_intents/"+asking["id"].(string), map[string]any{"authentication": "succeeded"}); r.body["status"] != "succeeded" {
				w.t.Errorf("after authentication: %v", r.body)
			}
			w.expectRefusal(w.post("/v1/payment_intents", "amount", "0", "currency", "usd"), refused{code: "parameter_invalid_integer", param: "amount"})
			w.expectRefusal(w.post("/v1/payment_intents", "amount", "100", "currency", "xyz"), refused{param: "currency", contains: "Invalid currency"})
		},
		"a payment method of its own": func(w *world) {
			made := w.expectOK(w.post("/v1/payment_methods", "type", "card", "card[token]", "tok_visa", "billing_details[name]", "Ada")).body
			expectFields(w.t, made, map[string]any{"customer": nil})
			c := w.customer("ada@example.com")
			at := "/v1/payment_methods/" + made["id"].(string)
			w.expectRefusal(w.post(at, "metadata[a]", "b"), refused{contains: "save this PaymentMethod to a customer"})
			expectFields(w.t, w.expectOK(w.post(at+"/attach", "customer", c.ID)).body, map[string]any{"customer": c.ID})
			card := object(w.expectOK(w.post(at, "card[exp_month]", "3", "metadata[a]", "b")).body, "card")
			expectFields(w.t, card, map[string]any{"exp_month": 3.0, "last4": "4242"})
			w.expectOK(w.post(at + "/detach"))
			w.expectRefusal(w.post(at+"/attach", "customer", c.ID), refused{contains: "may not be used again"})
			w.expectOK(w.post("/v1/payment_methods", "type", "card", "card[number]", "4242424242424242", "card[exp_month]", "12", "card[exp_year]", "2034", "card[cvc]", "314"))
			w.expectRefusal(w.post("/v1/payment_methods", "type", "card", "card[token]", "tok_nope"), refused{code: "resource_missing", param: "card[token]"})
		},
		"a refund, in two parts": func(w *world) {
			paid := w.expectOK(w.post("/v1/payment_intents", "amount", "2000", "currency", "usd", "payment_method", "pm_card_visa", "confirm", "true")).body
			first := w.expectOK(w.post("/v1/refunds", "payment_intent", paid["id"].(string), "amount", "500", "reason", "requested_by_customer")).body
			expectFields(w.t, first, map[string]any{"status": "succeeded", "amount": 500.0, "charge": paid["latest_charge"]})
			w.expectRefusal(w.post("/v1/refunds", "charge", paid["latest_charge"].(string), "amount", "1501"), refused{param: "amount", contains: "$15.01"})
			w.expectOK(w.post("/v1/refunds", "charge", paid["latest_charge"].(string)))
			w.expectRefusal(w.post("/v1/refunds", "charge", paid["latest_charge"].(string)), refused{code: "charge_already_refunded"})
			expectFields(w.t, w.expectOK(w.get("/v1/charges/"+paid["latest_charge"].(string))).body, map[string]any{"refunded": true, "amount_refunded": 2000.0})
			if n := len(data(w.expectOK(w.get("/v1/refunds?payment_intent=" + paid["id"].(string))))); n != 2 {
				w.t.Errorf("%d refunds", n)
			}
			expectFields(w.t, w.expectOK(w.post("/v1/refunds/"+first["id"].(string), "metadata[a]", "b")).body, map[string]any{"amount": 500.0})
			balance := w.expectOK(w.get("/v1/balance")).body
			expectFields(w.t, balance["pending"].([]any)[0].(map[string]any), map[string]any{"amount": -88.0, "currency": "usd"})
			if n := len(data(w.expectOK(w.get("/v1/balance_transactions?type=refund")))); n != 2 {
				w.t.Errorf("%d movements", n)
			}
		},
		"an invoice by hand": func(w *world) {
			c := w.payingCustomer("pm_card_visa")
			w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "amount", "700", "currency", "usd", "description", "Carving"))
			due := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "pending_invoice_items_behavior", "include", "description", "Work")).body
			expectFields(w.t, due, map[string]any{"status": "draft", "total": 700.0, "subscription": nil, "billing_reason": "manual", "description": "Work"})
			at := "/v1/invoices/" + due["id"].(string)
			item := w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", due["id"].(string), "price_data[currency]", "usd",
				"price_data[unit_amount]", "100", "price_data[product_data][name]", "Notch", "quantity", "3")).body
			expectFields(w.t, item, map[string]any{"amount": 300.0, "invoice": due["id"]})
			w.expectOK(w.post("/v1/invoiceitems/"+item["id"].(string), "quantity", "4"))
			lines := data(w.expectOK(w.get(at + "/lines")))
			if len(lines) != 2 || lines[1].(map[string]any)["amount"] != 400.0 || lines[0].(map[string]any)["description"] != "Carving" {
				w.t.Errorf("lines %v", lines)
			}
			w.expectOK(w.send(http.MethodDelete, "/v1/invoiceitems/"+item["id"].(string), nil))
			expectFields(w.t, w.expectOK(w.post(at, "metadata[a]", "b", "footer", "Thanks")).body, map[string]any{"total": 700.0, "footer": "Thanks"})
			w.expectOK(w.post(at + "/finalize"))
			expectFields(w.t, w.expectOK(w.post(at+"/pay")).body, map[string]any{"status": "paid", "amount_paid": 700.0})
			w.expectRefusal(w.post(at, "description", "Late"), refused{contains: "Finalized invoices can't be updated"})
			w.expectRefusal(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", due["id"].(string), "amount", "1", "currency", "usd"),
				refused{code: "invoice_not_editable", param: "invoice"})
		},
		"an invoice that is sent, and collects itself": func(w *world) {
			c := w.payingCustomer("pm_card_visa")
			due := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "auto_advance", "true")).body
			w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", due["id"].(string), "amount", "500", "currency", "usd"))
			w.pass("2h")
			expectFields(w.t, w.expectOK(w.get("/v1/invoices/"+due["id"].(string))).body, map[string]any{"status": "paid", "amount_paid": 500.0})
			w.expectRefusal(w.post("/v1/invoices", "customer", c.ID, "collection_method", "send_invoice"), refused{param: "days_until_due"})
		},
		"what comes next": func(w *world) {
			sub := w.active()
			c := sub["customer"].(string)
			w.expectOK(w.post("/v1/invoiceitems", "customer", c, "amount", "700", "currency", "usd"))
			next := w.expectOK(w.get("/v1/invoices/upcoming?customer=" + c)).body
			expectFields(w.t, next, map[string]any{"total": 1700.0, "id": nil, "billing_reason": "upcoming", "status": "draft"})
			if _, has := next["id"]; has {
				w.t.Error("an upcoming invoice has an id")
			}
			if n := len(data(w.expectOK(w.get("/v1/invoices?customer=" + c)))); n != 1 {
				w.t.Errorf("%d invoices are stored", n)
			}
			w.pass("32d")
			expectFields(w.t, w.latestInvoice(sub), map[string]any{"total": 1700.0})
			w.expectRefusal(w.get("/v1/invoices/upcoming?customer="+w.customer("b@example.com").ID), refused{status: 404, code: "invoice_upcoming_none", contains: "No upcoming invoices"})
		},
		"prices described where they are used": func(w *world) {
			c := w.payingCustomer("pm_card_visa")
			product := w.product("Tally")
			sub := w.expectOK(w.post("/v1/subscriptions", "customer", c.ID, "items[0][price_data][currency]", "usd", "items[0][price_data][product]", product.ID,
				"items[0][price_data][unit_amount]", "1200", "items[0][price_data][recurring][interval]", "month")).body
			expectFields(w.t, sub, map[string]any{"status": "active"})
			byPlan := w.expectOK(w.post("/v1/subscriptions", "customer", c.ID, "items[0][plan]", w.monthly(900).ID)).body
			expectFields(w.t, byPlan, map[string]any{"status": "active"})
			w.expectRefusal(w.post("/v1/subscriptions", "customer", c.ID, "items[0][quantity]", "2"), refused{code: "parameter_missing", param: "items[0][price]"})
			session := w.expectOK(w.post("/v1/checkout/sessions", "mode", "payment", "success_url", "https://example.com/done",
				"line_items[0][price_data][currency]", "usd", "line_items[0][price_data][product_data][name]", "T-shirt",
				"line_items[0][price_data][unit_amount]", "2000", "line_items[0][quantity]", "2")).body
			expectFields(w.t, session, map[string]any{"amount_total": 4000.0})
			if text, _ := w.visit(session["url"]); !strings.Contains(text, "T-shirt") {
				w.t.Error(text)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { tour(newWorld(t)) })
	}
}
