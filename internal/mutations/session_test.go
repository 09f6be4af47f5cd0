package mutations_test

import (
	"net/http"
	"testing"
	"time"

	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

const (
	checkoutSession = `mutation($input: CreateCheckoutSessionInput!) { createCheckoutSession(input: $input) {
		url operation { kind status } userErrors { code message path nodeId declineCode } } }`
	portalSession = `mutation($input: CreateBillingPortalSessionInput!) { createBillingPortalSession(input: $input) {
		url operation { kind status } userErrors { code message path nodeId declineCode } } }`
)

func checkout(t *testing.T, k *testkit.Kit, input object) testkit.Answer {
	t.Helper()
	return k.Query(t, checkoutSession, object{"input": input}).At("createCheckoutSession")
}

func portal(t *testing.T, k *testkit.Kit, input object) testkit.Answer {
	t.Helper()
	return k.Query(t, portalSession, object{"input": input}).At("createBillingPortalSession")
}

func TestSessionsLeadToPages(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		_, price := newProduct(t, k, "Team")
		customer := newCustomer(t, k, "ada@example.com")
		sell := object{"customerId": customer, "priceId": price, "successUrl": "https://shop.example/thanks", "trialDays": 14}
		k.Stripe.Forget(t)

		first := checkout(t, k, with(sell, "idempotencyKey", "once"))
		requests(t, k, "POST /v1/checkout/sessions")
		resp, err := http.Get(first.String("url"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		testkit.Equal(t, "status of the page", resp.StatusCode, http.StatusOK)

		testkit.Equal(t, "the same request again", checkout(t, k, with(sell, "idempotencyKey", "once")).String("url"), first.String("url"))
		refused(t, checkout(t, k, with(sell, "idempotencyKey", "once", "trialDays", 7)), "IDEMPOTENCY_KEY_REUSED", "input.idempotencyKey")

		setup := checkout(t, k, object{"customerId": customer, "mode": "SETUP", "successUrl": "https://shop.example/thanks"})
		if !setup.Has("url") {
			t.Errorf("there is no page to leave a payment method on: %s", setup.Raw())
		}
		manage := portal(t, k, object{"customerId": customer, "returnUrl": "https://shop.example/account"})
		if !manage.Has("url") {
			t.Errorf("there is no billing portal: %s", manage.Raw())
		}
	})
}

func TestSessionsLinkTheCustomerFirst(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		customer := mutate(t, k, "createCustomer", object{"email": "ada@example.com"}).String("customer.id")
		opened := portal(t, k, object{"customerId": customer, "returnUrl": "https://shop.example/"})
		testkit.Equal(t, "operation", opened.String("operation.kind")+" "+opened.String("operation.status"), "CREATE_CUSTOMER SUCCEEDED")

		// One that was deleted in Stripe is linked anew.
		linked := read(t, k, personQuery, customer).String("stripe.id")
		k.Stripe.Delete(t, "/v1/customers/"+linked)
		if _, err := k.Mirror.Refresh(t.Context(), "customer", linked); err != nil {
			t.Fatal(err)
		}
		opened = portal(t, k, object{"customerId": customer, "returnUrl": "https://shop.example/"})
		testkit.Equal(t, "operation", opened.String("operation.kind")+" "+opened.String("operation.status"), "LINK_CUSTOMER SUCCEEDED")
		if again := read(t, k, personQuery, customer); again.String("stripe.id") == linked || again.String("stripe.status") != "SYNCED" {
			t.Errorf("the customer was not linked anew: %s", again.Raw())
		}
	})
}

func TestSessionsNeedStripe(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		linked := newCustomer(t, k, "ada@example.com")
		waiting := mutate(t, k, "createCustomer", object{"email": "bob@example.com"}).String("customer.id")
		k.Stripe.Down()
		defer k.Stripe.Up(t)
		for _, customer := range []string{linked, waiting} {
			payload := portal(t, k, object{"customerId": customer, "returnUrl": "https://shop.example/"})
			testkit.Equal(t, "code", payload.String("userErrors.0.code"), "STRIPE_UNAVAILABLE")
			testkit.Equal(t, "there is a URL", payload.Has("url"), false)
		}
	}, func(s *app.Settings) { s.Engine.Budget = time.Second })
}

func TestSessionsRefuseBadInput(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, price := newProduct(t, k, "Team")
		once := done(t, k, "addProductPrice", object{"productId": product, "unitAmount": 500, "currency": "usd"}).String("price.id")
		customer := newCustomer(t, k, "ada@example.com")
		sell := object{"customerId": customer, "priceId": price, "successUrl": "https://shop.example/"}
		k.Stripe.Forget(t)
		before := dump(t, k)
		for _, c := range []struct {
			name, code, path string
			payload          testkit.Answer
		}{
			{"no price", "INVALID_INPUT", "input.priceId", checkout(t, k, with(sell, "priceId", nil))},
			{"a price that is paid once", "INVALID_INPUT", "input.priceId", checkout(t, k, with(sell, "priceId", once))},
			{"a price in setup", "INVALID_INPUT", "input.priceId", checkout(t, k, with(sell, "mode", "SETUP"))},
			{"a product as price", "NOT_FOUND", "input.priceId", checkout(t, k, with(sell, "priceId", product))},
			{"a product as customer", "NOT_FOUND", "input.customerId", checkout(t, k, with(sell, "customerId", product))},
			{"a malformed customer", "INVALID_INPUT", "input.customerId", portal(t, k, object{"customerId": "x", "returnUrl": "https://a.b/"})},
			{"a relative URL", "INVALID_INPUT", "input.successUrl", checkout(t, k, with(sell, "successUrl", "/thanks"))},
			{"another scheme", "INVALID_INPUT", "input.cancelUrl", checkout(t, k, with(sell, "cancelUrl", "javascript:alert(1)"))},
			{"no URL", "INVALID_INPUT", "input.returnUrl", portal(t, k, object{"customerId": customer, "returnUrl": ""})},
			{"too long a trial", "INVALID_INPUT", "input.trialDays", checkout(t, k, with(sell, "trialDays", 731))},
			{"an empty key", "INVALID_INPUT", "input.idempotencyKey", checkout(t, k, with(sell, "idempotencyKey", ""))},
		} {
			t.Run(c.name, func(t *testing.T) { refused(t, c.payload, c.code, c.path) })
		}
		requests(t, k)
		testkit.Equal(t, "what is stored", dump(t, k), before)
	})
}
