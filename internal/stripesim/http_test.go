package stripesim_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"
)

// TestStripeGo drives the sandbox the way a program does, through Stripe's own client.
func TestStripeGo(t *testing.T) {
	w := newWorld(t)
	good, bad, price := w.payingCustomer("pm_card_visa"), w.payingCustomer("pm_card_chargeCustomerFail"), w.monthly(1000)
	terms := func(c *stripe.Customer) *stripe.SubscriptionParams {
		return &stripe.SubscriptionParams{
			Customer: &c.ID, PaymentBehavior: stripe.String("error_if_incomplete"),
			Items: []*stripe.SubscriptionItemsParams{{Price: &price.ID}},
		}
	}
	_, err := w.stripe.Subscriptions.New(terms(bad))
	if e := stripeError(t, err); e.Type != stripe.ErrorTypeCard || e.DeclineCode != stripe.DeclineCodeGenericDecline || e.HTTPStatusCode != 402 || e.RequestID == "" {
		t.Errorf("got %+v", e)
	}
	for range 3 {
		must(w.stripe.Subscriptions.New(terms(good)))(t)
	}
	list := w.stripe.Subscriptions.List(&stripe.SubscriptionListParams{Customer: &good.ID, ListParams: stripe.ListParams{Limit: stripe.Int64(2)}})
	count := 0
	for ; list.Next(); count++ {
		canceled := must(w.stripe.Subscriptions.Cancel(list.Subscription().ID, &stripe.SubscriptionCancelParams{
			CancellationDetails: &stripe.SubscriptionCancelCancellationDetailsParams{Comment: stripe.String("Bye")},
		}))(t)
		if canceled.Status != stripe.SubscriptionStatusCanceled || canceled.CancellationDetails.Comment != "Bye" {
			t.Errorf("canceled to %s, %+v", canceled.Status, canceled.CancellationDetails)
		}
	}
	if list.Err() != nil || count != 3 {
		t.Errorf("listed %d, %v", count, list.Err())
	}
	_, err = w.stripe.Customers.Get("cus_nope", nil)
	if e := stripeError(t, err); e.Code != stripe.ErrorCodeResourceMissing || e.HTTPStatusCode != 404 {
		t.Errorf("got %+v", e)
	}
}

func TestRequestsThatAreNotForms(t *testing.T) {
	w := newWorld(t)
	w.expectRefusal(w.send(http.MethodPost, "/v1/products", form("name", "Tally"), "Content-Type", "application/json"),
		refused{contains: "check that your POST content type is application/x-www-form-urlencoded"})
	w.expectRefusal(w.send(http.MethodGet, "/v1/products", nil, "Stripe-Version", "2019-01-01"),
		refused{contains: "Invalid Stripe API version: 2019-01-01"})
	w.expectOK(w.send(http.MethodGet, "/v1/products", nil, "Authorization", "Basic c2tfdGVzdF9hYmM6")) // sk_test_abc as user name
	w.expectOK(w.send(http.MethodPost, "/v1/products?name=Tally", nil))
}

// TestNoFormBreaksTheSandbox sends forms of odd shapes: they are refused or accepted,
// but never an error of the sandbox's own.
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
