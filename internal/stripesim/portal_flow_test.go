package stripesim_test

import (
	"strings"
	"testing"
)

// flow opens the portal at one thing.
func (w *world) flow(customer string, params ...string) map[string]any {
	w.t.Helper()
	return w.expectOK(w.post("/v1/billing_portal/sessions", append([]string{"customer", customer, "return_url", "http://shop.test/account"}, params...)...)).body
}

// TestPortalFlows leads customers straight to a cancellation and to a new card, and
// then to where the flow says.
func TestPortalFlows(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	customer := sub["customer"].(string)
	shows := func(page string, parts map[string]bool) string {
		t.Helper()
		text, _ := w.visit(page)
		for part, want := range parts {
			if strings.Contains(text, part) != want {
				t.Errorf("the page has %s: %t, want %t", part, !want, want)
			}
		}
		return text
	}
	const subscriptions, invoices, method = `id="subscriptions"`, `id="invoices"`, `id="method"`

	cancel := w.flow(customer, "flow_data[type]", "subscription_cancel", "flow_data[subscription_cancel][subscription]", sub["id"].(string),
		"flow_data[after_completion][type]", "redirect", "flow_data[after_completion][redirect][return_url]", "http://shop.test/canceled")
	expectFields(t, object(cancel, "flow"), map[string]any{"type": "subscription_cancel", "subscription_update": nil})
	page := cancel["url"].(string)
	shows(page, map[string]bool{subscriptions: true, invoices: false, method: false})
	if _, location := w.submit(page, "action", "cancel", "subscription", sub["id"].(string)); location != "http://shop.test/canceled" {
		t.Errorf("the customer is led to %q", location)
	}
	expectFields(t, w.get(path(sub)).body, map[string]any{"cancel_at_period_end": true})
	w.expectRefusal(w.post("/v1/billing_portal/sessions", "customer", customer, "flow_data[type]", "subscription_cancel",
		"flow_data[subscription_cancel][subscription]", sub["id"].(string)), refused{param: "flow_data[subscription_cancel][subscription]", contains: "set to cancel"})

	card := w.flow(customer, "flow_data[type]", "payment_method_update", "flow_data[after_completion][type]", "hosted_confirmation",
		"flow_data[after_completion][hosted_confirmation][custom_message]", "See <you> soon.")["url"].(string)
	shows(card, map[string]bool{subscriptions: false, invoices: false, method: true})
	_, location := w.submit(card, "action", "card", "card", "pm_card_visa")
	shows(w.server.URL+location, map[string]bool{"See &lt;you&gt; soon.": true, subscriptions: false, invoices: false, method: false})

	home := w.flow(customer, "flow_data[type]", "payment_method_update")["url"].(string)
	_, location = w.submit(home, "action", "card", "card", "pm_card_visa")
	shows(w.server.URL+location, map[string]bool{subscriptions: true, invoices: true, method: true, "visa •••• 4242": true})

	for _, c := range []struct {
		params []string
		want   refused
	}{
		{[]string{"flow_data[after_completion][type]", "portal_homepage"}, refused{code: "parameter_missing", param: "flow_data[type]"}},
		{[]string{"flow_data[type]", "subscription_cancel"}, refused{code: "parameter_missing", param: "flow_data[subscription_cancel]"}},
		{[]string{"flow_data[type]", "subscription_update"}, refused{param: "flow_data[type]", contains: "no page for the flow"}},
		{[]string{"flow_data[type]", "payment_method_update", "flow_data[after_completion][type]", "redirect"}, refused{code: "parameter_missing", param: "flow_data[after_completion][redirect]"}},
		{
			[]string{
				"flow_data[type]", "payment_method_update", "flow_data[after_completion][type]", "redirect",
				"flow_data[after_completion][redirect][return_url]", "javascript:alert(1)",
			},
			refused{code: "url_invalid", param: "flow_data[after_completion][redirect][return_url]"},
		},
		{
			[]string{"flow_data[type]", "subscription_cancel", "flow_data[subscription_cancel][subscription]", w.active()["id"].(string)},
			refused{param: "flow_data[subscription_cancel][subscription]", contains: "does not belong"},
		},
	} {
		w.expectRefusal(w.post("/v1/billing_portal/sessions", append([]string{"customer", customer}, c.params...)...), c.want)
	}
}
