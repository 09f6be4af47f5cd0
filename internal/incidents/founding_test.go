package incidents

import (
	"testing"

	"tallystick/internal/testkit"
)

// The price of a product is changed while it is the product's default.
func TestDefaultPriceIsChanged(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.done(t, "updateProductPrice", `price { stripe { id } } previousPrice { status }`,
			object{"productId": s.product, "unitAmount": 1600})
		product := s.Stripe.Get(t, "/v1/products/"+s.stripeProduct)
		testkit.Equal(t, "the default in Stripe", product["default_price"].(string), made.String("price.stripe.id"))
		testkit.Equal(t, "the old price here", made.String("previousPrice.status"), "ARCHIVED")
		testkit.Equal(t, "the old price in Stripe is on sale", s.Stripe.Get(t, "/v1/prices/"+s.stripePrice)["active"].(bool), false)

		// Refused at its last step, all of it is taken back.
		second := made.String("price.stripe.id")
		s.Stripe.Fail(t, testkit.Fault{Kind: "refuse", Method: "POST", Path: "/v1/prices/" + second, Count: 1})
		s.refused(t, "updateProductPrice", object{"productId": s.product, "unitAmount": 1700}, "STRIPE_REJECTED")
		product = s.Stripe.Get(t, "/v1/products/"+s.stripeProduct)
		testkit.Equal(t, "the default after a refusal", product["default_price"].(string), second)
		testkit.Equal(t, "it is on sale", s.Stripe.Get(t, "/v1/prices/"+second)["active"].(bool), true)
	})
}

// A customer is deleted, and signs up again.
func TestEmailOfADeletedCustomerIsFree(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		s.done(t, "deleteCustomer", "", object{"customerId": s.customer})
		again := s.done(t, "createCustomer", `customer { id email }`, object{"email": "ann@example.com"})
		if again.String("customer.id") == s.customer {
			t.Error("it is the customer that was deleted")
		}
		taken := s.refused(t, "createCustomer", object{"email": "ANN@example.com"}, "EMAIL_TAKEN")
		testkit.Equal(t, "the conflict names the holder", taken.String("userErrors.0.nodeId"), again.String("customer.id"))
		taken = s.refused(t, "restoreCustomer", object{"customerId": s.customer}, "EMAIL_TAKEN")
		testkit.Equal(t, "so does that of a restoration", taken.String("userErrors.0.nodeId"), again.String("customer.id"))
	})
}

// Somebody signs up while Stripe refuses the key, and while it cannot be reached.
func TestSignUpDoesNotNeedStripe(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		s.Stripe.Fail(t, testkit.Fault{Kind: "unauthorized"})
		refused := s.done(t, "createCustomer", `customer { id stripe { status } }`, object{"email": "bea@example.com"})
		testkit.Equal(t, "while the key is refused", refused.String("customer.stripe.status"), "PENDING")
		s.Stripe.Heal(t)
		s.Stripe.Down()
		away := s.done(t, "createCustomer", `customer { id stripe { status } }`, object{"email": "cat@example.com"})
		testkit.Equal(t, "while Stripe is away", away.String("customer.stripe.status"), "PENDING")
		s.Stripe.Up(t)
		for _, id := range []string{refused.String("customer.id"), away.String("customer.id")} {
			s.Eventually(t, "the customer to be linked", func() bool {
				_ = s.App.Stripe.Ping(t.Context())
				s.Work(t)
				return s.read(t, `customer(id: $id) { stripe { status } }`, id).String("customer.stripe.status") == "SYNCED"
			})
		}
	})
}

// A subscription whose payment has failed is canceled.
func TestOverdueSubscriptionIsCanceled(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.done(t, "createSubscription", `subscription { id stripe { id } }`, object{
			"customerId": s.customer, "priceId": s.price, "collection": "SEND_INVOICE", "daysUntilDue": 1,
		})
		id, stripeID := made.String("subscription.id"), made.String("subscription.stripe.id")
		s.Stripe.Advance(t, "3d")
		s.report(t, "customer.subscription.updated", "subscription", stripeID)
		testkit.Equal(t, "status", s.subscription(t, id).String("status"), "PAST_DUE")
		s.done(t, "cancelSubscription", "", object{"subscriptionId": id, "at": "IMMEDIATELY"})
		shown := s.read(t, `subscription(id: $id) { status latestInvoice { status amountRemaining { amount } } }`, id).At("subscription")
		testkit.Equal(t, "status", shown.String("status"), "CANCELED")
		testkit.Equal(t, "the last invoice", shown.String("latestInvoice.status"), "OPEN")
		testkit.Equal(t, "what is owed", shown.Int("latestInvoice.amountRemaining.amount"), 1500)
		s.refused(t, "cancelSubscription", object{"subscriptionId": id, "at": "IMMEDIATELY"}, "SUBSCRIPTION_ENDED")
	})
}
