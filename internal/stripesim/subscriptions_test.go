package stripesim_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// subscribe creates a subscription with its latest invoice and payment intent expanded.
func (w *world) subscribe(c *stripe.Customer, price *stripe.Price, more ...string) reply {
	w.t.Helper()
	pairs := append([]string{"customer", c.ID, "items[0][price]", price.ID, "expand[]", "latest_invoice.payment_intent"}, more...)
	return w.post("/v1/subscriptions", pairs...)
}

// active is a paid monthly subscription of a new customer.
func (w *world) active() map[string]any {
	w.t.Helper()
	sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_visa"), w.monthly(1000))).body
	if sub["status"] != "active" {
		w.t.Fatalf("status %v", sub["status"])
	}
	return sub
}

func path(sub map[string]any) string { return "/v1/subscriptions/" + sub["id"].(string) }

func object(value any, field string) map[string]any {
	return value.(map[string]any)[field].(map[string]any)
}

// expectFields compares some fields of an object.
func expectFields(t testing.TB, got map[string]any, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s of %v is %v, want %v", name, got["object"], got[name], value)
		}
	}
}

func TestCreateSubscriptionByPayment(t *testing.T) {
	type fields = map[string]any
	for name, test := range map[string]struct {
		token                string
		more                 []string
		status               string
		invoice              fields
		intent               fields // nil: the invoice has none
		lastError, nextEvent bool
	}{
		"a good card pays at once": {
			token: "pm_card_visa", status: "active",
			invoice: fields{"status": "paid", "amount_paid": 1000.0, "amount_remaining": 0.0, "billing_reason": "subscription_create", "attempt_count": 1.0, "paid": true},
			intent:  fields{"status": "succeeded", "amount_received": 1000.0},
		},
		"a failing card leaves it incomplete": {
			token: "pm_card_chargeCustomerFail", status: "incomplete",
			invoice: fields{"status": "open", "amount_due": 1000.0, "amount_paid": 0.0, "attempted": true, "next_payment_attempt": nil},
			intent:  fields{"status": "requires_payment_method", "payment_method": nil}, lastError: true,
		},
		"a card that wants authentication leaves it incomplete": {
			token: "pm_card_authenticationRequired", status: "incomplete",
			invoice: fields{"status": "open"},
			intent:  fields{"status": "requires_action"},
		},
		"default_incomplete waits for the frontend": {
			token: "pm_card_visa", more: []string{"payment_behavior", "default_incomplete"}, status: "incomplete",
			invoice: fields{"status": "open", "attempt_count": 0.0},
			intent:  fields{"status": "requires_confirmation"},
		},
		"a trial starts with an empty paid invoice": {
			token: "pm_card_chargeCustomerFail", more: []string{"trial_period_days", "14"}, status: "trialing",
			invoice: fields{"status": "paid", "amount_due": 0.0},
		},
		"an invoice to be sent starts as a draft": {
			token: "pm_card_chargeCustomerFail", more: []string{"collection_method", "send_invoice", "days_until_due", "7"}, status: "active",
			invoice: fields{"status": "draft", "amount_due": 1000.0, "number": nil, "auto_advance": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			sub := w.expectOK(w.subscribe(w.payingCustomer(test.token), w.monthly(1000), test.more...)).body
			expectFields(t, sub, fields{"status": test.status, "ended_at": nil, "cancel_at": nil})
			invoice := object(sub, "latest_invoice")
			expectFields(t, invoice, test.invoice)
			if test.intent == nil {
				expectFields(t, invoice, fields{"payment_intent": nil})
				return
			}
			intent := object(invoice, "payment_intent")
			expectFields(t, intent, test.intent)
			if (intent["last_payment_error"] != nil) != test.lastError {
				t.Errorf("last payment error: %v", intent["last_payment_error"])
			}
		})
	}
}

func TestCreateSubscriptionDates(t *testing.T) {
	w := newWorld(t) // on 31 January
	c := w.payingCustomer("pm_card_visa")
	day := func(sub map[string]any, field string) string {
		return time.Unix(int64(sub[field].(float64)), 0).UTC().Format(time.DateOnly)
	}
	monthly := w.expectOK(w.subscribe(c, w.monthly(1000))).body
	if got := day(monthly, "current_period_end"); got != "2024-02-29" {
		t.Errorf("a month from 31 January ends on %s", got)
	}
	trial := w.expectOK(w.subscribe(c, w.monthly(1000), "trial_period_days", "14")).body
	if got := []string{day(trial, "trial_end"), day(trial, "current_period_end"), day(trial, "billing_cycle_anchor")}; !slices.Equal(got, []string{"2024-02-14", "2024-02-14", "2024-02-14"}) {
		t.Errorf("a trial of 14 days: %v", got)
	}
	sent := w.expectOK(w.subscribe(c, w.monthly(1000), "collection_method", "send_invoice", "days_until_due", "7")).body
	if got := day(object(sent, "latest_invoice"), "due_date"); got != "2024-02-07" {
		t.Errorf("due on %s", got)
	}
}

func TestCreateSubscriptionRefuses(t *testing.T) {
	w := newWorld(t)
	c, poor, failing := w.payingCustomer("pm_card_visa"), w.customer("poor@example.com"), w.payingCustomer("pm_card_chargeCustomerFail")
	strict := w.payingCustomer("pm_card_authenticationRequired")
	price, archived := w.monthly(1000), w.monthly(1000)
	w.expectOK(w.post("/v1/prices/"+archived.ID, "active", "false"))
	oneTime := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "5", "product", price.Product.ID)).body["id"].(string)
	euro := w.expectOK(w.post("/v1/prices", "currency", "eur", "unit_amount", "5", "product", price.Product.ID, "recurring[interval]", "month")).body["id"].(string)
	w.expectOK(w.subscribe(c, price))
	for name, test := range map[string]struct {
		customer, price string
		more            []string
		want            refused
	}{
		"an unknown customer": {"cus_nope", price.ID, nil, refused{status: 404, code: "resource_missing", param: "customer", contains: "No such customer: 'cus_nope'"}},
		"an unknown price":    {c.ID, "price_nope", nil, refused{code: "resource_missing", param: "items[0][price]", contains: "No such price: 'price_nope'"}},
		"an archived price":   {c.ID, archived.ID, nil, refused{param: "items[0][price]", contains: "The price specified is inactive. This field only accepts active prices."}},
		"a one-time price":    {c.ID, oneTime, nil, refused{param: "items[0][price]", contains: "`type=recurring`"}},
		"another currency":    {c.ID, euro, nil, refused{contains: "You cannot combine currencies on a single customer."}},
		"no payment method":   {poor.ID, price.ID, nil, refused{code: "resource_missing", contains: "This customer has no attached payment source or default payment method."}},
		"a decline on request": {
			failing.ID, price.ID,
			[]string{"payment_behavior", "error_if_incomplete"},
			refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline", contains: "Your card was declined."},
		},
		"authentication on request": {
			strict.ID, price.ID,
			[]string{"payment_behavior", "error_if_incomplete"},
			refused{status: 402, kind: "card_error", code: "subscription_payment_intent_requires_action"},
		},
		"send_invoice without days": {c.ID, price.ID, []string{"collection_method", "send_invoice"}, refused{param: "days_until_due"}},
		"a trial in the past":       {c.ID, price.ID, []string{"trial_end", "1"}, refused{param: "trial_end"}},
		"a bad behavior":            {c.ID, price.ID, []string{"payment_behavior", "hope"}, refused{param: "payment_behavior"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(w.get("/v1/subscriptions?status=all&limit=100").body["data"].([]any))
			pairs := append([]string{"customer", test.customer, "items[0][price]", test.price}, test.more...)
			w.expectRefusal(w.post("/v1/subscriptions", pairs...), test.want)
			if after := len(w.get("/v1/subscriptions?status=all&limit=100").body["data"].([]any)); after != before {
				t.Errorf("a refused request left a subscription")
			}
		})
	}
	w.expectRefusal(w.post("/v1/subscriptions", "customer", c.ID), refused{code: "parameter_missing", param: "items"})
}

func TestConfirmPaymentIntentActivates(t *testing.T) {
	w := newWorld(t)
	c := w.customer("ada@example.com")
	sub := w.expectOK(w.subscribe(c, w.monthly(1000), "payment_behavior", "default_incomplete",
		"payment_settings[save_default_payment_method]", "on_subscription")).body
	intent := object(object(sub, "latest_invoice"), "payment_intent")
	confirm := "/v1/payment_intents/" + intent["id"].(string) + "/confirm"

	w.expectRefusal(w.post(confirm), refused{code: "payment_intent_unexpected_state"})
	declined := w.post(confirm, "payment_method", "pm_card_chargeDeclinedInsufficientFunds")
	w.expectRefusal(declined, refused{status: 402, kind: "card_error", code: "card_declined", decline: "insufficient_funds", contains: "Your card has insufficient funds."})
	if shown := object(declined.body["error"], "payment_intent"); shown["status"] != "requires_payment_method" {
		t.Errorf("the error shows %v", shown)
	}
	expectFields(t, w.get("/v1/invoices/"+object(sub, "latest_invoice")["id"].(string)).body, map[string]any{"status": "open", "attempt_count": 1.0})
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "incomplete"})

	paid := must(w.stripe.PaymentIntents.Confirm(intent["id"].(string), &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")}))(t)
	if paid.Status != stripe.PaymentIntentStatusSucceeded {
		t.Errorf("status %s", paid.Status)
	}
	r := w.expectOK(w.get(path(sub) + "?expand[]=latest_invoice.charge&expand[]=default_payment_method"))
	expectFields(t, r.body, map[string]any{"status": "active"})
	expectFields(t, object(r.body, "default_payment_method"), map[string]any{"customer": c.ID})
	expectFields(t, object(object(r.body, "latest_invoice"), "charge"), map[string]any{"status": "succeeded", "amount": 1000.0})
	w.expectRefusal(w.post(confirm), refused{code: "payment_intent_unexpected_state", contains: "has already succeeded"})
}

func TestAuthenticationByControl(t *testing.T) {
	w := newWorld(t)
	sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_threeDSecure2Required"), w.monthly(1000))).body
	intent := object(object(sub, "latest_invoice"), "payment_intent")["id"].(string)
	w.control("payment_intents/"+intent, map[string]any{"authentication": "succeeded"})
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
	if r := w.control("payment_intents/"+intent, map[string]any{"authentication": "failed"}); r.status != 409 {
		t.Errorf("a second time: %d %v", r.status, r.body)
	}
}

func TestCancelAtPeriodEnd(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	r := w.expectOK(w.post(path(sub), "cancel_at_period_end", "true", "cancellation_details[comment]", "Bye", "cancellation_details[feedback]", "unused"))
	expectFields(t, r.body, map[string]any{"status": "active", "cancel_at_period_end": true, "cancel_at": sub["current_period_end"], "canceled_at": float64(w.now().Unix())})
	expectFields(t, object(r.body, "cancellation_details"), map[string]any{"comment": "Bye", "feedback": "unused", "reason": "cancellation_requested"})
	r = w.expectOK(w.post(path(sub), "cancel_at_period_end", "false"))
	expectFields(t, r.body, map[string]any{"status": "active", "cancel_at_period_end": false, "cancel_at": nil, "canceled_at": nil})
}

func TestCancelSubscription(t *testing.T) {
	w := newWorld(t)
	for _, status := range []string{"incomplete", "trialing", "active", "past_due", "unpaid", "paused"} {
		t.Run("from "+status, func(t *testing.T) {
			sub := w.active()
			if status != "active" {
				w.put(sub, status, "")
			}
			invoice := w.get(path(sub)).body["latest_invoice"].(string)
			before := w.get("/v1/invoices/" + invoice).body
			r := w.expectOK(w.send(http.MethodDelete, path(sub), form("cancellation_details[comment]", "Bye")))
			now := float64(w.now().Unix())
			expectFields(t, r.body, map[string]any{"status": "canceled", "canceled_at": now, "ended_at": now})
			expectFields(t, object(r.body, "cancellation_details"), map[string]any{"reason": "cancellation_requested", "comment": "Bye"})
			expectFields(t, w.get("/v1/invoices/"+invoice).body, map[string]any{"status": before["status"], "amount_remaining": before["amount_remaining"], "auto_advance": false})
			if types := w.eventTypes(sub["id"].(string)); types[len(types)-1] != "customer.subscription.deleted" {
				t.Errorf("events %v", types)
			}

			missing := refused{status: 404, code: "resource_missing", param: "id", contains: "No such subscription: '" + sub["id"].(string) + "'"}
			w.expectRefusal(w.send(http.MethodDelete, path(sub), nil), missing)
			expectFields(t, w.expectOK(w.get(path(sub))).body, map[string]any{"status": "canceled"})
			w.expectRefusal(w.post(path(sub), "cancel_at_period_end", "false"), refused{
				code:     "invalid_canceled_subscription_fields",
				contains: "A canceled subscription can only update its cancellation_details and metadata.",
			})
			w.expectOK(w.post(path(sub), "metadata[seen]", "yes", "cancellation_details[feedback]", "other"))
		})
	}
	t.Run("an open invoice can still be paid and changes nothing else", func(t *testing.T) {
		sub := w.active()
		w.put(sub, "past_due", "")
		invoice := w.get(path(sub)).body["latest_invoice"].(string)
		w.expectOK(w.send(http.MethodDelete, path(sub), nil))
		expectFields(t, w.expectOK(w.post("/v1/invoices/"+invoice+"/pay")).body, map[string]any{"status": "paid"})
		expectFields(t, w.get(path(sub)).body, map[string]any{"status": "canceled"})
	})
	t.Run("prorated and invoiced, the unused time is credited", func(t *testing.T) {
		sub := w.active()
		w.expectOK(w.send(http.MethodDelete, path(sub), form("prorate", "true", "invoice_now", "true")))
		if balance := w.get("/v1/customers/" + sub["customer"].(string)).body["balance"]; balance != -1000.0 {
			t.Errorf("balance %v", balance)
		}
	})
}

func TestDeletedCustomerLosesSubscriptions(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	w.expectOK(w.send(http.MethodDelete, "/v1/customers/"+sub["customer"].(string), nil))
	r := w.expectOK(w.get(path(sub) + "?expand[]=customer"))
	expectFields(t, r.body, map[string]any{"status": "canceled"})
	expectFields(t, object(r.body, "customer"), map[string]any{"deleted": true})
}

// put uses the sandbox's control to bring a subscription into a status.
func (w *world) put(sub map[string]any, status, reason string) map[string]any {
	w.t.Helper()
	r := w.control("subscriptions/"+sub["id"].(string), map[string]any{"status": status, "reason": reason})
	if r.status != http.StatusOK {
		w.t.Fatalf("put %s: %v", status, r.body)
	}
	return w.expectOK(w.get(path(sub) + "?expand[]=latest_invoice.payment_intent")).body
}

func TestStatusByControl(t *testing.T) {
	w := newWorld(t)
	statuses := []string{"active", "trialing", "past_due", "unpaid", "paused", "incomplete", "incomplete_expired", "canceled"}
	wantInvoice := map[string]map[string]any{
		"active":             {"status": "paid"},
		"trialing":           {"status": "paid", "amount_due": 0.0},
		"past_due":           {"status": "open", "billing_reason": "subscription_cycle", "amount_remaining": 1000.0},
		"unpaid":             {"status": "open", "billing_reason": "subscription_cycle", "amount_remaining": 1000.0},
		"incomplete":         {"status": "open", "billing_reason": "subscription_create", "amount_remaining": 1000.0},
		"incomplete_expired": {"status": "void"},
	}
	for _, from := range statuses[:6] {
		for _, to := range statuses {
			t.Run(from+" to "+to, func(t *testing.T) {
				sub := w.active()
				w.put(sub, from, "")
				sub = w.put(sub, to, "")
				expectFields(t, sub, map[string]any{"status": to})
				expectFields(t, object(sub, "latest_invoice"), wantInvoice[to])
				if to == "trialing" && sub["trial_end"].(float64) <= float64(w.now().Unix()) {
					t.Errorf("trial ends at %v", sub["trial_end"])
				}
			})
		}
	}
	for _, reason := range []string{"payment_failed", "payment_disputed", "cancellation_requested"} {
		sub := w.put(w.active(), "canceled", reason)
		expectFields(t, object(sub, "cancellation_details"), map[string]any{"reason": reason})
		if r := w.control("subscriptions/"+sub["id"].(string), map[string]any{"status": "active"}); r.status != 409 {
			t.Errorf("a canceled subscription came back: %v", r.body)
		}
	}
	if r := w.control("subscriptions/"+w.active()["id"].(string), map[string]any{"status": "happy"}); r.status != 400 {
		t.Errorf("got %d", r.status)
	}
	if r := w.control("subscriptions/sub_nope", map[string]any{"status": "active"}); r.status != 404 {
		t.Errorf("got %d", r.status)
	}
}

func TestPayingBringsASubscriptionBack(t *testing.T) {
	w := newWorld(t)
	for _, status := range []string{"incomplete", "past_due", "unpaid"} {
		t.Run(status, func(t *testing.T) {
			sub := w.put(w.active(), status, "")
			if owner := w.get("/v1/customers/" + sub["customer"].(string)).body; owner["delinquent"] != (status != "incomplete") {
				t.Errorf("delinquent: %v", owner["delinquent"])
			}
			w.expectOK(w.post("/v1/invoices/" + object(sub, "latest_invoice")["id"].(string) + "/pay"))
			expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
		})
	}
	t.Run("paused resumes", func(t *testing.T) {
		sub := w.put(w.active(), "paused", "")
		resumed := must(w.stripe.Subscriptions.Resume(sub["id"].(string), nil))(t)
		if resumed.Status != stripe.SubscriptionStatusActive {
			t.Errorf("status %s", resumed.Status)
		}
		if types := w.eventTypes(sub["id"].(string)); types[len(types)-1] != "customer.subscription.resumed" {
			t.Errorf("events %v", types)
		}
		w.expectRefusal(w.post(path(sub)+"/resume"), refused{contains: "only resume a paused subscription"})
	})
}

func TestUpdateIncompleteSubscription(t *testing.T) {
	w := newWorld(t)
	sub := w.put(w.active(), "incomplete", "")
	w.expectRefusal(w.post(path(sub), "cancel_at_period_end", "true"), refused{code: "status_transition_invalid"})
	w.expectOK(w.post(path(sub), "metadata[a]", "1"))
}

func TestListSubscriptions(t *testing.T) {
	w := newWorld(t)
	price, c := w.monthly(1000), w.payingCustomer("pm_card_visa")
	ids := map[string]string{}
	for _, status := range []string{"active", "canceled", "past_due", "incomplete_expired"} {
		sub := w.expectOK(w.subscribe(c, price)).body
		if status != "active" {
			w.put(sub, status, "")
		}
		ids[sub["id"].(string)] = status
	}
	w.active()
	for query, want := range map[string][]string{
		"customer=" + c.ID:                             {"incomplete_expired", "past_due", "active"},
		"price=" + price.ID + "&status=all":            {"incomplete_expired", "past_due", "canceled", "active"},
		"price=" + price.ID + "&status=ended":          {"incomplete_expired", "canceled"},
		"price=" + price.ID + "&status=past_due":       {"past_due"},
		"status=all&price=" + w.monthly(1).ID:          nil,
		"status=canceled&expand[]=data.latest_invoice": {"canceled"},
	} {
		var got []string
		for _, element := range w.expectOK(w.get("/v1/subscriptions?" + query)).body["data"].([]any) {
			got = append(got, ids[element.(map[string]any)["id"].(string)])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

func TestChangeSubscriptionPrice(t *testing.T) {
	type line struct {
		amount    float64
		proration bool
	}
	for name, test := range map[string]struct {
		proration    string
		interval     string
		latest       []line // of the latest invoice after the change
		pending      int
		startsPeriod bool
	}{
		"create_prorations leaves them pending":        {proration: "create_prorations", interval: "month", latest: []line{{1000, false}}, pending: 2},
		"always_invoice bills them at once":            {proration: "always_invoice", interval: "month", latest: []line{{-1000, true}, {3000, true}}},
		"none leaves nothing":                          {proration: "none", interval: "month", latest: []line{{1000, false}}},
		"another interval begins a new period at once": {proration: "create_prorations", interval: "year", latest: []line{{-1000, true}, {3000, false}}, startsPeriod: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			sub := w.active()
			dearer := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "3000", "recurring[interval]", test.interval, "product_data[name]", "Gold")).body["id"].(string)
			item := object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string)
			r := w.expectOK(w.post(path(sub), "items[0][id]", item, "items[0][price]", dearer, "proration_behavior", test.proration,
				"expand[]", "latest_invoice", "expand[]", "items.data.price.product"))
			if got := object(object(r.body, "items")["data"].([]any)[0], "price"); got["id"] != dearer || object(got, "product")["name"] != "Gold" {
				t.Errorf("the item is on %v", got)
			}
			var lines []line
			for _, element := range object(object(r.body, "latest_invoice"), "lines")["data"].([]any) {
				got := element.(map[string]any)
				lines = append(lines, line{got["amount"].(float64), got["proration"].(bool)})
			}
			if !slices.Equal(lines, test.latest) {
				t.Errorf("the latest invoice has %v", lines)
			}
			if pending := w.expectOK(w.get("/v1/invoiceitems?pending=true")).body["data"].([]any); len(pending) != test.pending {
				t.Errorf("%d items pending", len(pending))
			}
			if moved := r.body["current_period_end"] != sub["current_period_end"]; moved != test.startsPeriod {
				t.Errorf("a new period: %v", moved)
			}
		})
	}
	for behavior, want := range map[string]struct {
		answer int
		status string
		amount float64
	}{
		"error_if_incomplete": {402, "active", 1000},
		"allow_incomplete":    {200, "past_due", 3000},
	} {
		t.Run("a decline with "+behavior, func(t *testing.T) {
			w := newWorld(t)
			sub := w.active()
			w.expectOK(w.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer", sub["customer"].(string)))
			w.expectOK(w.post(path(sub), "default_payment_method", "pm_card_chargeCustomerFail"))
			item := object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string)
			r := w.post(path(sub), "items[0][id]", item, "items[0][price]", w.monthly(3000).ID, "proration_behavior", "always_invoice", "payment_behavior", behavior)
			after := w.get(path(sub)).body
			amount := object(object(after, "items")["data"].([]any)[0], "price")["unit_amount"]
			if r.status != want.answer || after["status"] != want.status || amount != want.amount {
				t.Errorf("answered %d, left %v at %v", r.status, after["status"], amount)
			}
		})
	}
	w := newWorld(t)
	sub := w.active()
	w.expectRefusal(w.post(path(sub), "items[0][id]", "si_nope", "items[0][price]", w.monthly(1).ID), refused{code: "resource_missing", param: "items[0][id]"})
	w.expectRefusal(w.post(path(sub), "items[0][id]", object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string), "items[0][price]", "price_nope"),
		refused{code: "resource_missing", param: "items[0][price]"})
}

func TestUpdateSubscriptionTerms(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	r := w.expectOK(w.post(path(sub), "pause_collection[behavior]", "void", "description", "For Ada"))
	expectFields(t, object(r.body, "pause_collection"), map[string]any{"behavior": "void", "resumes_at": nil})
	r = w.expectOK(w.post(path(sub), "pause_collection", "", "default_payment_method", "pm_card_visa"))
	if r.body["pause_collection"] != nil || r.body["default_payment_method"] == nil {
		t.Errorf("got %v", r.body)
	}
	trial := w.put(sub, "trialing", "")
	r = w.expectOK(w.post(path(trial), "trial_end", "now", "expand[]", "latest_invoice"))
	expectFields(t, r.body, map[string]any{"status": "active", "trial_end": float64(w.now().Unix())})
	expectFields(t, object(r.body, "latest_invoice"), map[string]any{"status": "paid", "amount_paid": 1000.0})
}
