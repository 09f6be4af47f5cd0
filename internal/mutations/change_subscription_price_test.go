package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestChangeSubscriptionPrice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		team, teamPrice := newProduct(t, k, "Team")
		business, businessPrice := newProduct(t, k, "Business")
		plan := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), teamPrice)
		id := plan.String("id")

		changed := done(t, k, "changeSubscriptionPrice", object{"subscriptionId": id, "priceId": businessPrice})
		testkit.Equal(t, "price", changed.String("subscription.price.id"), businessPrice)
		testkit.Equal(t, "product", changed.String("subscription.product.id"), business)
		testkit.Equal(t, "status", changed.String("subscription.status"), "ACTIVE")
		inStripe := k.Stripe.Get(t, "/v1/subscriptions/"+plan.String("stripe.id"))
		item := inStripe["items"].(object)["data"].([]any)[0].(object)
		testkit.Equal(t, "price in Stripe", item["price"].(object)["id"].(string), read(t, k, productQuery, business).String("defaultPrice.stripe.id"))

		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "changeSubscriptionPrice", object{"subscriptionId": id, "priceId": businessPrice}),
			"PRICE_UNCHANGED", "input.priceId")
		done(t, k, "archiveProduct", object{"productId": team})
		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "changeSubscriptionPrice", object{"subscriptionId": id, "priceId": teamPrice}),
			"PRICE_NOT_ACTIVE", "input.priceId")
		requests(t, k)

		done(t, k, "cancelSubscription", object{"subscriptionId": id, "at": "IMMEDIATELY"})
		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "changeSubscriptionPrice", object{"subscriptionId": id, "priceId": businessPrice}),
			"SUBSCRIPTION_ENDED", "input.subscriptionId")
		requests(t, k)
	})
}

func TestChangeSubscriptionPriceOfOneThatEndedInStripe(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		_, price := newProduct(t, k, "Team")
		_, other := newProduct(t, k, "Business")
		plan := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), price)
		k.Stripe.Delete(t, "/v1/subscriptions/"+plan.String("stripe.id"))

		payload := mutate(t, k, "changeSubscriptionPrice", object{"subscriptionId": plan.String("id"), "priceId": other})
		testkit.Equal(t, "code", payload.String("userErrors.0.code"), "SUBSCRIPTION_ENDED")
		testkit.Equal(t, "status", payload.String("subscription.status"), "CANCELED")
		testkit.Equal(t, "price", payload.String("subscription.price.id"), price)
	})
}
