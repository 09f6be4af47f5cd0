package stripesim_test

import (
	"net/http"
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

func TestRequestsThatAreNotForms(t *testing.T) {
	w := newWorld(t)
	w.expectRefusal(w.send(http.MethodPost, "/v1/products", form("name", "Tally"), "Content-Type", "application/json"),
		refused{contains: "check that your POST content type is application/x-www-form-urlencoded"})
	w.expectRefusal(w.send(http.MethodGet, "/v1/products", nil, "Stripe-Version", "2019-01-01"),
		refused{contains: "Invalid Stripe API version: 2019-01-01"})
	w.expectOK(w.send(http.MethodGet, "/v1/products", nil, "Authorization", "Basic c2tfdGVzdF9hYmM6")) // sk_test_abc as user name
	w.expectOK(w.send(http.MethodPost, "/v1/products?name=Tally", nil))
}

// TestNoFormBreaksTheSandbox sends forms of odd shapes: they are refused or accepted, but never an error of the
// sandbox's own.
func TestNoFormBreaksTheSandbox(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	paths := []string{"/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions", path(sub), "/v1/payment_methods/pm_card_visa/attach"}
	names := rapid.OneOf(
		rapid.SampledFrom([]string{
			"name", "items", "items[]", "items[0][price]", "items[][price]", "metadata", "metadata[a]", "metadata[a][b]", "metadata[]",
			"recurring[interval]", "recurring", "expand", "expand[]", "expand[a]", "trial_end", "customer", "currency", "unit_amount",
			"invoice_settings[default_payment_method]", "default_price_data[currency]", "cancellation_details",
		}),
		rapid.StringOfN(rapid.SampledFrom([]rune("ab[]0.")), 1, 8, -1),
	)
	values := rapid.SampledFrom([]string{"", "1", "-1", "now", "true", "usd", "a.b", "data.items", "99999999999999999999", "é"})
	rapid.Check(t, func(r *rapid.T) {
		form := url.Values{}
		for range rapid.IntRange(0, 5).Draw(r, "parameters") {
			form.Add(names.Draw(r, "name"), values.Draw(r, "value"))
		}
		answer := w.send(http.MethodPost, rapid.SampledFrom(paths).Draw(r, "path"), form)
		if answer.status >= 500 {
			r.Fatalf("%v: %d %s", form, answer.status, answer.text)
		}
	})
}
