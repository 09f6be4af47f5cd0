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
			same(t, "kind", created.String("operation.kind"), "CREATE_SUBSCRIPTION")
			equal(t, "steps", steps(created.At("operation")), []string{"attach_payment_method DONE", "create_subscription DONE"})
			same(t, "there is a client secret", created.Has("clientSecret"), false)
			s := read(t, k, planQuery, created.String("subscription.id"))
			same(t, "status", s.String("status"), "ACTIVE")
			same(t, "customer", s.String("customer.id"), customer)
			same(t, "price", s.String("price.id"), price)
			same(t, "product", s.String("product.id"), product)
			same(t, "there is a period", s.Has("currentPeriodEnd"), true)
			same(t, "invoice", s.String("latestInvoice.status"), "PAID")
			same(t, "left to pay", s.Int("latestInvoice.amountRemaining.amount"), 0)
			same(t, "sync", s.String("stripe.status"), "SYNCED")
			same(t, "number of transitions", len(s.List("history")), 1)
			same(t, "the first one has a state before", s.Has("history.0.from"), false)
			same(t, "cause", s.String("history.0.cause"), "activate")
			same(t, "operation", s.String("history.0.operation.id"), created.String("operation.id"))
		})

		t.Run("with a trial", func(t *testing.T) {
			s := done(t, k, "createSubscription", object{"customerId": customer, "priceId": price, "trialDays": 730}).At("subscription")
			same(t, "status", s.String("status"), "TRIALING")
			same(t, "there is an end of the trial", s.Has("trialEnd"), true)
		})

		t.Run("with invoices that are sent", func(t *testing.T) {
			s := done(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "collection": "SEND_INVOICE", "daysUntilDue": 365,
			}).At("subscription")
			same(t, "status", s.String("status"), "ACTIVE")
			same(t, "invoice", s.String("latestInvoice.status"), "DRAFT")
		})

		t.Run("links the customer first", func(t *testing.T) {
			created := mutate(t, k, "createCustomer", object{"email": "unlinked@example.com"})
			k.Stripe.Forget(t)
			s := done(t, k, "createSubscription", object{
				"customerId": created.String("customer.id"), "priceId": price, "collection": "SEND_INVOICE",
			})
			requests(t, k, "POST /v1/customers", "POST /v1/subscriptions")
			same(t, "status", s.String("subscription.status"), "ACTIVE")
		})

		t.Run("a declined card leaves nothing behind", func(t *testing.T) {
			before := len(rows(t, k.Store.DB, "SELECT id FROM subscriptions"))
			declined := mutate(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "paymentMethod": "pm_card_chargeDeclinedInsufficientFunds",
			})
			same(t, "code", declined.String("userErrors.0.code"), "CARD_DECLINED")
			same(t, "path", declined.String("userErrors.0.path.1"), "paymentMethod")
			same(t, "decline code", declined.String("userErrors.0.declineCode"), "insufficient_funds")
			same(t, "operation", declined.String("operation.status"), "FAILED")
			same(t, "there is a subscription", declined.Has("subscription"), false)
			same(t, "the operation has a subject", declined.Has("operation.subject"), false)
			same(t, "subscriptions", len(rows(t, k.Store.DB, "SELECT id FROM subscriptions")), before)
		})

		t.Run("can wait for the customer to confirm", func(t *testing.T) {
			created := done(t, k, "createSubscription", object{
				"customerId": customer, "priceId": price, "paymentMethod": "pm_card_authenticationRequired",
				"paymentBehavior": "DEFAULT_INCOMPLETE",
			})
			same(t, "status", created.String("subscription.status"), "INCOMPLETE")
			same(t, "there is a client secret", created.Has("clientSecret"), true)
			refused := mutate(t, k, "cancelSubscription", object{"subscriptionId": created.String("subscription.id")})
			same(t, "canceling it at the end of the period", refused.String("userErrors.0.code"), "INVALID_TRANSITION")
			canceled := done(t, k, "cancelSubscription", object{"subscriptionId": created.String("subscription.id"), "at": "IMMEDIATELY"})
			same(t, "canceled", canceled.String("subscription.status"), "CANCELED")
		})

		t.Run("waits while Stripe does not answer", func(t *testing.T) {
			k.Stripe.Down()
			waits := mutate(t, k, "createSubscription", object{"customerId": customer, "priceId": price, "collection": "SEND_INVOICE"})
			same(t, "errors", len(waits.List("userErrors")), 0)
			same(t, "operation", waits.String("operation.status"), "PENDING")
			same(t, "subscription", waits.String("subscription.status"), "INCOMPLETE")
			same(t, "sync", waits.String("subscription.stripe.status"), "PENDING")
			k.Stripe.Up(t)
			settle(t, k)
			same(t, "then", read(t, k, planQuery, waits.String("subscription.id")).String("status"), "ACTIVE")
		})
	})
}
