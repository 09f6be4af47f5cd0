package stripesim_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// checkout opens a session in a mode, for one of the given price.
func (w *world) checkout(mode, price string, more ...string) map[string]any {
	w.t.Helper()
	pairs := append([]string{"mode", mode, "success_url", "http://shop.test/done?session={CHECKOUT_SESSION_ID}", "cancel_url", "http://shop.test/cart"}, more...)
	if price != "" {
		pairs = append(pairs, "line_items[0][price]", price, "line_items[0][quantity]", "2")
	}
	return w.expectOK(w.post("/v1/checkout/sessions", pairs...)).body
}

// submit posts a form of a page, and returns the page or the address that follows.
func (w *world) submit(address any, pairs ...string) (page, location string) {
	w.t.Helper()
	visitor := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := visitor.PostForm(address.(string), form(pairs...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	return readText(w.t, res), res.Header.Get("Location")
}

// visit gets a page.
func (w *world) visit(address any) (string, http.Header) {
	w.t.Helper()
	res, err := http.Get(address.(string))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	return readText(w.t, res), res.Header
}

func readText(t testing.TB, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (w *world) oneTime(amount int) string {
	w.t.Helper()
	return w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", fmt.Sprint(amount), "product_data[name]", "Poster")).body["id"].(string)
}

func TestCheckout(t *testing.T) {
	type fields = map[string]any
	for name, test := range map[string]struct {
		mode   string
		more   []string
		want   fields
		events []string
	}{
		"subscription": {"subscription", []string{"subscription_data[metadata][plan]", "gold"}, fields{"payment_status": "paid", "amount_total": 2000.0}, []string{
			"customer.subscription.created", "invoice.paid",
		}},
		"a trial": {"subscription", []string{"subscription_data[trial_period_days]", "7"}, fields{"payment_status": "no_payment_required", "amount_total": 0.0}, []string{
			"customer.subscription.created", "invoice.paid",
		}},
		"payment": {"payment", nil, fields{"payment_status": "paid", "amount_total": 2000.0, "subscription": nil, "invoice": nil}, []string{"payment_intent.succeeded", "charge.succeeded"}},
		"setup":   {"setup", nil, fields{"payment_status": "no_payment_required", "amount_total": nil}, []string{"setup_intent.succeeded", "payment_method.attached"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			price := map[string]string{"subscription": w.monthly(1000).ID, "payment": w.oneTime(1000)}[test.mode]
			session := w.checkout(test.mode, price, test.more...)
			expectFields(t, session, fields{"status": "open", "expires_at": float64(w.now().Unix() + 86400)})
			page, header := w.visit(session["url"])
			if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "form-action 'self' http://shop.test") {
				t.Errorf("policy %q in front of %s", policy, page)
			}
			if page, location := w.submit(session["url"], "card", "pm_card_chargeDeclined", "email", "ada@example.com"); location != "" || !strings.Contains(page, "Your card was declined.") {
				t.Errorf("a declined card leads to %q: %s", location, page)
			}
			if page, location := w.submit(session["url"], "card", "pm_card_visa", "email", "nobody"); location != "" || !strings.Contains(page, "Invalid email address: nobody") {
				t.Errorf("a bad address leads to %q: %s", location, page)
			}
			if customers := w.get("/v1/customers").body["data"].([]any); len(customers) != 0 {
				t.Errorf("refusals left %v", customers)
			}
			_, location := w.submit(session["url"], "card", "pm_card_visa", "email", "ada@example.com")
			if want := "http://shop.test/done?session=" + session["id"].(string); location != want {
				t.Errorf("went to %q, want %q", location, want)
			}
			done := w.expectOK(w.get("/v1/checkout/sessions/" + session["id"].(string) + "?expand[]=subscription&expand[]=customer")).body
			expectFields(t, done, fields{"status": "complete", "url": nil})
			expectFields(t, done, test.want)
			expectFields(t, object(done, "customer"), fields{"email": "ada@example.com"})
			if name == "subscription" {
				expectFields(t, object(done, "subscription"), fields{"status": "active"})
				expectFields(t, object(object(done, "subscription"), "metadata"), fields{"plan": "gold"})
			}
			for _, kind := range append(test.events, "checkout.session.completed") {
				if events := w.get("/v1/events?type=" + kind).body["data"].([]any); len(events) != 1 {
					t.Errorf("%d events %s", len(events), kind)
				}
			}
			if page, _ := w.visit(session["url"]); !strings.Contains(page, "all done here") {
				t.Errorf("afterwards %s", page)
			}
			w.submit(session["url"], "card", "pm_card_visa", "email", "ada@example.com")
			if events := w.get("/v1/events?type=checkout.session.completed").body["data"].([]any); len(events) != 1 {
				t.Errorf("completed %d times", len(events))
			}
		})
	}
}

func TestCheckoutAuthentication(t *testing.T) {
	for mode, more := range map[string][]string{"subscription": nil, "payment": nil, "setup": nil} {
		w := newWorld(t)
		price := map[string]string{"subscription": w.monthly(1000).ID, "payment": w.oneTime(1000)}[mode]
		c := w.customer("ada@example.com")
		session := w.checkout(mode, price, append(more, "customer", c.ID)...)
		choice := []string{"card", "pm_card_authenticationRequired"}
		if page, _ := w.submit(session["url"], choice...); !strings.Contains(page, "is this you?") {
			t.Errorf("%s: no challenge: %s", mode, page)
		}
		if page, _ := w.submit(session["url"], append(choice, "authentication", "failed")...); !strings.Contains(page, "failed authentication") {
			t.Errorf("%s: failed authentication: %s", mode, page)
		}
		if _, location := w.submit(session["url"], append(choice, "authentication", "succeeded")...); location == "" {
			t.Errorf("%s: did not complete", mode)
		}
		done := w.get("/v1/checkout/sessions/" + session["id"].(string)).body
		expectFields(t, done, map[string]any{"status": "complete", "customer": c.ID})
		if sub, ok := done["subscription"].(string); ok {
			expectFields(t, w.get("/v1/subscriptions/"+sub).body, map[string]any{"status": "active"})
		}
	}
}

func TestCheckoutExpires(t *testing.T) {
	w := newWorld(t)
	byTime, byHand := w.checkout("payment", w.oneTime(500)), w.checkout("setup", "")
	expired := must(w.stripe.CheckoutSessions.Expire(byHand["id"].(string), nil))(t)
	if expired.Status != stripe.CheckoutSessionStatusExpired {
		t.Errorf("status %s", expired.Status)
	}
	w.expectRefusal(w.post("/v1/checkout/sessions/"+expired.ID+"/expire"), refused{contains: "Only Checkout Sessions with a status in"})
	w.pass("24h")
	expectFields(t, w.get("/v1/checkout/sessions/"+byTime["id"].(string)).body, map[string]any{"status": "expired"})
	if events := w.get("/v1/events?type=checkout.session.expired").body["data"].([]any); len(events) != 2 {
		t.Errorf("%d events", len(events))
	}
	if page, _ := w.visit(byTime["url"]); !strings.Contains(page, "has expired") {
		t.Errorf("the page says %s", page)
	}
	if _, location := w.submit(byTime["url"], "card", "pm_card_visa", "email", "ada@example.com"); location != "" {
		t.Errorf("an expired session went to %s", location)
	}
}

func TestCheckoutLists(t *testing.T) {
	w := newWorld(t)
	session := w.checkout("payment", w.oneTime(500))
	items := must(w.lineItems(session["id"].(string)))(t)
	if len(items) != 1 || items[0].AmountTotal != 1000 || items[0].Description != "Poster" || items[0].Price.UnitAmount != 500 {
		t.Errorf("items %+v", items)
	}
	if list := w.expectOK(w.get("/v1/checkout/sessions?status=open")).body["data"].([]any); len(list) != 1 {
		t.Errorf("listed %v", list)
	}
}

func (w *world) lineItems(id string) (items []*stripe.LineItem, err error) {
	list := w.stripe.CheckoutSessions.ListLineItems(&stripe.CheckoutSessionListLineItemsParams{Session: &id})
	for list.Next() {
		items = append(items, list.LineItem())
	}
	return items, list.Err()
}

func TestCheckoutRefuses(t *testing.T) {
	w := newWorld(t)
	recurring, once := w.monthly(1000).ID, w.oneTime(1000)
	for name, test := range map[string]struct {
		pairs []string
		want  refused
	}{
		"no mode":                           {[]string{"line_items[0][price]", once}, refused{code: "parameter_missing", param: "mode"}},
		"no items":                          {[]string{"mode", "payment"}, refused{code: "parameter_missing", param: "line_items"}},
		"a recurring price in payment mode": {[]string{"mode", "payment", "line_items[0][price]", recurring}, refused{param: "mode", contains: "but passed a recurring price"}},
		"a one-time price in subscription":  {[]string{"mode", "subscription", "line_items[0][price]", once}, refused{param: "mode", contains: "at least one recurring price"}},
		"an unknown price":                  {[]string{"mode", "payment", "line_items[0][price]", "price_nope"}, refused{code: "resource_missing", param: "line_items[0][price]"}},
		"an unknown customer":               {[]string{"mode", "setup", "customer", "cus_nope"}, refused{code: "resource_missing", param: "customer"}},
		"too long a life":                   {[]string{"mode", "setup", "expires_at", "9999999999"}, refused{param: "expires_at"}},
		"an address that is none":           {[]string{"mode", "setup", "cancel_url", "javascript:alert(1)"}, refused{code: "url_invalid", param: "cancel_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.expectRefusal(w.post("/v1/checkout/sessions", append(test.pairs, "success_url", "http://shop.test/")...), test.want)
		})
	}
	w.expectRefusal(w.get("/v1/checkout/sessions/cs_nope"), refused{status: 404, code: "resource_missing", param: "session"})
	if page, _ := w.visit(w.server.URL + "/c/pay/cs_nope"); !strings.Contains(page, "There is no such page") {
		t.Errorf("got %s", page)
	}
}

// portal opens the customer's billing page.
func (w *world) portal(customerID any) any {
	w.t.Helper()
	id := customerID.(string)
	return must(w.stripe.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: &id, ReturnURL: stripe.String("http://shop.test/account"),
	}))(w.t).URL
}

func TestPortal(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	page := w.portal(sub["customer"])
	w.submit(page, "action", "cancel", "subscription", sub["id"].(string))
	expectFields(t, w.get(path(sub)).body, map[string]any{"cancel_at_period_end": true, "status": "active"})
	if text, _ := w.visit(page); !strings.Contains(text, "Ends on 29 February 2024") {
		t.Errorf("the page says %s", text)
	}
	w.submit(page, "action", "resume", "subscription", sub["id"].(string))
	expectFields(t, w.get(path(sub)).body, map[string]any{"cancel_at_period_end": false, "cancel_at": nil})

	w.submit(page, "action", "card", "card", "pm_card_chargeCustomerFail")
	w.pass("30d")
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "past_due"})
	due := w.latestInvoice(sub)["id"].(string)
	if text, _ := w.submit(page, "action", "pay", "invoice", due); !strings.Contains(text, "Your card was declined.") {
		t.Errorf("the page says %s", text)
	}
	if failed := w.get("/v1/events?type=charge.failed").body["data"].([]any); len(failed) != 2 {
		t.Errorf("%d charges failed, want the renewal's and the person's", len(failed))
	}
	if text, _ := w.submit(page, "action", "card", "card", "pm_card_chargeDeclined"); !strings.Contains(text, "Your card was declined.") {
		t.Errorf("the page says %s", text)
	}
	w.submit(page, "action", "card", "card", "pm_card_visa")
	w.submit(page, "action", "pay", "invoice", due)
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})

	other := w.active()
	for _, theft := range [][]string{{"action", "cancel", "subscription", other["id"].(string)}, {"action", "pay", "invoice", w.latestInvoice(other)["id"].(string)}, {"action", "dance"}} {
		if _, location := w.submit(page, theft...); location != "" {
			t.Errorf("%v was done", theft)
		}
	}
	expectFields(t, w.get(path(other)).body, map[string]any{"cancel_at_period_end": false})
	w.expectRefusal(w.post("/v1/billing_portal/sessions", "customer", "cus_nope"), refused{code: "resource_missing", param: "customer"})
}

func TestSetupIntents(t *testing.T) {
	w := newWorld(t)
	c := w.customer("ada@example.com")
	for token, status := range map[string]stripe.SetupIntentStatus{
		"pm_card_visa": "succeeded", "pm_card_authenticationRequired": "requires_action",
	} {
		made := must(w.stripe.SetupIntents.New(&stripe.SetupIntentParams{Customer: &c.ID}))(t)
		confirmed := must(w.stripe.SetupIntents.Confirm(made.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: &token}))(t)
		if made.Status != "requires_payment_method" || confirmed.Status != status || confirmed.PaymentMethod == nil {
			t.Errorf("%s: %s, then %+v", token, made.Status, confirmed)
		}
	}
	made := must(w.stripe.SetupIntents.New(&stripe.SetupIntentParams{Customer: &c.ID, Description: stripe.String("Later")}))(t)
	url := "/v1/setup_intents/" + made.ID
	w.expectRefusal(w.post(url+"/confirm"), refused{code: "setup_intent_unexpected_state", contains: "missing a payment method"})
	w.expectRefusal(w.post(url+"/confirm", "payment_method", "pm_card_chargeDeclined"), refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline"})
	expectFields(t, object(w.expectOK(w.get(url)).body, "last_setup_error"), map[string]any{"decline_code": "generic_decline"})
	w.expectRefusal(w.get(url+"?client_secret=x"), refused{code: "setup_intent_invalid_parameter", param: "client_secret"})
	if canceled := must(w.stripe.SetupIntents.Cancel(made.ID, nil))(t); canceled.Status != "canceled" {
		t.Errorf("status %s", canceled.Status)
	}
	w.expectRefusal(w.post(url+"/confirm", "payment_method", "pm_card_visa"), refused{code: "setup_intent_unexpected_state"})
	want := []string{"setup_intent.created", "setup_intent.setup_failed", "setup_intent.canceled"}
	if types := w.eventTypes(made.ID); !slices.Equal(types, want) {
		t.Errorf("events %v", types)
	}
	if list := w.expectOK(w.get("/v1/setup_intents?customer=" + c.ID)).body["data"].([]any); len(list) != 3 {
		t.Errorf("listed %d", len(list))
	}
}
