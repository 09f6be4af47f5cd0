package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestCreateSubscription(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, price := newProduct(t, k, "Team")
		customer := newCustomer(t, k, "ada@example.com")

		t.Run("paid by card", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := done(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "paymentMethod": "pm_card_visa",
			})
			requests(t, k, "GET /v1/payment_methods/*", "POST /v1/payment_methods/*", "POST /v1/subscriptions")
			testkit.Equal(t, "kind", created.String("operation.kind"), "CREATE_SUBSCRIPTION")
			testkit.EqualSlices(t, "steps", steps(created.At("operation")), []string{"attach_payment_method DONE", "create_subscription DONE"})
			testkit.Equal(t, "there is a client secret", created.Has("clientSecret"), false)
			s := read(t, k, planQuery, created.String("subscription.id"))
			testkit.Equal(t, "status", s.String("status"), "ACTIVE")
			testkit.Equal(t, "customer", s.String("customer.id"), customer)
			testkit.Equal(t, "price", s.String("price.id"), price)
			testkit.Equal(t, "product", s.String("product.id"), product)
			testkit.Equal(t, "there is a period", s.Has("currentPeriodEnd"), true)
			testkit.Equal(t, "invoice", s.String("latestInvoice.status"), "PAID")
			testkit.Equal(t, "left to pay", s.Int("latestInvoice.amountRemaining.amount"), 0)
			testkit.Equal(t, "sync", s.String("stripe.status"), "SYNCED")
			testkit.Equal(t, "number of transitions", len(s.List("history")), 1)
			testkit.Equal(t, "the first one has a state before", s.Has("history.0.from"), false)
			testkit.Equal(t, "cause", s.String("history.0.cause"), "activate")
			testkit.Equal(t, "operation", s.String("history.0.operation.id"), created.String("operation.id"))
		})

		t.Run("with a trial", func(t *testing.T) {
			s := done(t, k, "createSubscription", object{"customerId": customer, "priceId": price, "trialDays": 730}).At("subscription")
			testkit.Equal(t, "status", s.String("status"), "TRIALING")
			testkit.Equal(t, "there is an end of the trial", s.Has("trialEnd"), true)
		})

		t.Run("with invoices that are sent", func(t *testing.T) {
			s := done(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "collection": "SEND_INVOICE", "daysUntilDue": 365,
			}).At("subscription")
			testkit.Equal(t, "status", s.String("status"), "ACTIVE")
			testkit.Equal(t, "invoice", s.String("latestInvoice.status"), "DRAFT")
		})

		t.Run("links the customer first", func(t *testing.T) {
			created := mutate(t, k, "createCustomer", object{"email": "unlinked@example.com"})
			k.Stripe.Forget(t)
			s := done(t, k, "createSubscription", object{
				"customerId": created.String("customer.id"), "priceId": price, "collection": "SEND_INVOICE",
			})
			requests(t, k, "POST /v1/customers", "POST /v1/subscriptions")
			testkit.Equal(t, "status", s.String("subscription.status"), "ACTIVE")
		})

		t.Run("a declined card leaves nothing behind", func(t *testing.T) {
			before := len(rows(t, k.Store.DB, "SELECT id FROM subscriptions"))
			declined := mutate(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "paymentMethod": "pm_card_chargeDeclinedInsufficientFunds",
			})
			testkit.Equal(t, "code", declined.String("userErrors.0.code"), "CARD_DECLINED")
			testkit.Equal(t, "path", declined.String("userErrors.0.path.1"), "paymentMethod")
			testkit.Equal(t, "decline code", declined.String("userErrors.0.declineCode"), "insufficient_funds")
			testkit.Equal(t, "operation", declined.String("operation.status"), "FAILED")
			testkit.Equal(t, "there is a subscription", declined.Has("subscription"), false)
			testkit.Equal(t, "the operation has a subject", declined.Has("operation.subject"), false)
			testkit.Equal(t, "subscriptions", len(rows(t, k.Store.DB, "SELECT id FROM subscriptions")), before)
		})

		t.Run("can wait for the customer to confirm", func(t *testing.T) {
			created := done(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "paymentMethod": "pm_card_authenticationRequired",
				"paymentBehavior": "DEFAULT_INCOMPLETE",
			})
			testkit.Equal(t, "status", created.String("subscription.status"), "INCOMPLETE")
			testkit.Equal(t, "there is a client secret", created.Has("clientSecret"), true)
			refused := mutate(t, k, "cancelSubscription", object{"subscriptionId": created.String("subscription.id")})
			testkit.Equal(t, "canceling it at the end of the period", refused.String("userErrors.0.code"), "INVALID_TRANSITION")
			canceled := done(t, k, "cancelSubscription", object{"subscriptionId": created.String("subscription.id"), "at": "IMMEDIATELY"})
			testkit.Equal(t, "canceled", canceled.String("subscription.status"), "CANCELED")
		})

		t.Run("waits while Stripe does not answer", func(t *testing.T) {
			k.Stripe.Down()
			waits := mutate(t, k, "createSubscription", object{"customerId": customer, "priceId": price, "collection": "SEND_INVOICE"})
			testkit.Equal(t, "errors", len(waits.List("userErrors")), 0)
			testkit.Equal(t, "operation", waits.String("operation.status"), "PENDING")
			testkit.Equal(t, "subscription", waits.String("subscription.status"), "INCOMPLETE")
			testkit.Equal(t, "sync", waits.String("subscription.stripe.status"), "PENDING")
			k.Stripe.Up(t)
			settle(t, k)
			testkit.Equal(t, "then", read(t, k, planQuery, waits.String("subscription.id")).String("status"), "ACTIVE")
		})
	})
}
