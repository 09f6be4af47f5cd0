package webhooks_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

// TestCheckout subscribes a customer on the page that the API leads to, as a
// browser does: the subscription appears here by what Stripe reports.
func TestCheckout(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			checkout(t, testkit.New(t, database, func(s *app.Settings) { s.Idle = false }))
		})
	}
}

func checkout(t *testing.T, k *testkit.Kit) {
	k.Stripe.SendEvents(t, k.Client)
	price := k.Query(t, `mutation { createProduct(input: {name: "Team", price: {unitAmount: 2900, currency: "usd",
		recurring: {interval: MONTH}}}) { product { defaultPrice { id } } } }`).String("createProduct.product.defaultPrice.id")
	customer := k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com"}) { customer { id } } }`).
		String("createCustomer.customer.id")
	page := k.Query(t, `mutation($input: CreateCheckoutSessionInput!) { createCheckoutSession(input: $input) { url userErrors { message } } }`,
		map[string]any{"input": map[string]any{
			"customerId": customer, "priceId": price, "successUrl": "https://shop.example/thanks",
		}}).String("createCheckoutSession.url")

	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader(url.Values{"card": {"pm_card_visa"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "https://shop.example/thanks" {
		t.Fatalf("paying leads to %q (status %d)", to, resp.StatusCode)
	}
	var found testkit.Answer
	k.Eventually(t, "the subscription to appear", func() bool {
		found = k.Query(t, `query($id: ID!) { customer(id: $id) { subscriptions { edges { node {
			status price { id } stripe { status } latestInvoice { status } } } } } }`, map[string]any{"id": customer})
		return found.Has("customer.subscriptions.edges.0.node.latestInvoice")
	})
	node := found.At("customer.subscriptions.edges.0.node")
	if node.String("status") != "ACTIVE" || node.String("price.id") != price ||
		node.String("stripe.status") != "SYNCED" || node.String("latestInvoice.status") != "PAID" {
		t.Errorf("not what was bought: %s", node.Raw())
	}
}
