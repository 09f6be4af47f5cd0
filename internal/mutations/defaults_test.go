package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

// TestNullIsTheDefault sends what generated clients send for fields that their
// users leave out.
func TestNullIsTheDefault(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		made := done(t, k, "createProduct", object{"name": "Plan", "price": object{
			"unitAmount": 900, "currency": "USD", "recurring": object{"interval": "MONTH", "intervalCount": nil},
		}})
		testkit.Equal(t, "months", made.Int("product.defaultPrice.recurring.intervalCount"), 1)
		product := made.String("product.id")

		raised := done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 1000, "recurring": nil})
		testkit.Equal(t, "the period that is kept", raised.String("price.recurring.interval"), "MONTH")
		refused(t, mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 1000, "recurring": nil}),
			"PRICE_UNCHANGED", "input.unitAmount")

		customer := newCustomer(t, k, "ada@example.com")
		subscribed := done(t, k, "createSubscription", object{
			"customerId": customer, "priceId": raised.String("price.id"), "paymentMethod": "pm_card_visa",
			"collection": nil, "paymentBehavior": nil,
		})
		testkit.Equal(t, "status", subscribed.String("subscription.status"), "ACTIVE")
		subscription := subscribed.String("subscription.id")
		other := done(t, k, "addProductPrice", object{
			"productId": product, "unitAmount": 2000, "currency": "USD", "recurring": object{"interval": "MONTH", "intervalCount": nil},
		}).String("price.id")
		done(t, k, "changeSubscriptionPrice", object{"subscriptionId": subscription, "priceId": other, "proration": nil})
		canceled := done(t, k, "cancelSubscription", object{"subscriptionId": subscription, "at": nil})
		testkit.Equal(t, "cancelAtPeriodEnd", canceled.Bool("subscription.cancelAtPeriodEnd"), true)

		answer := k.Query(t, `mutation($session: CreateCustomerSessionInput!, $checkout: CreateCheckoutSessionInput!) {
			createCustomerSession(input: $session) { token userErrors { message } }
			createCheckoutSession(input: $checkout) { url userErrors { message } }
		}`, object{
			"session":  object{"customerId": customer, "expiresInSeconds": nil},
			"checkout": object{"customerId": customer, "mode": nil, "priceId": other, "successUrl": "https://example.com/"},
		})
		testkit.Equal(t, "token", answer.Has("createCustomerSession.token"), true)
		testkit.Equal(t, "url", answer.Has("createCheckoutSession.url"), true)

		lists := k.Query(t, `query($direction: OrderDirection, $deleted: Boolean) {
			prices: product(id: "`+product+`") { prices(orderBy: {field: CREATED_AT, direction: $direction}) { edges { node { id } } } }
			written: products(orderBy: {field: CREATED_AT, direction: null}) { totalCount }
			customers(filter: {includeDeleted: $deleted}) { totalCount }
			customer(id: "`+customer+`", includeDeleted: null) { id }
		}`, object{"direction": nil, "deleted": nil})
		testkit.Equal(t, "the oldest price", lists.String("prices.prices.edges.0.node.id"), made.String("product.defaultPrice.id"))
		testkit.Equal(t, "customers", lists.Int("customers.totalCount"), 1)
	})
}
