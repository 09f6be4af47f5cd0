package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestUpdateProduct(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := done(t, k, "createProduct", object{
			"name": "Team", "description": "For teams", "metadata": object{"a": "1", "b": "2"},
		}).String("product.id")

		t.Run("what is left out stays", func(t *testing.T) {
			k.Stripe.Forget(t)
			changed := done(t, k, "updateProduct", object{"productId": product, "name": "Teams"})
			requests(t, k, "POST /v1/products/*")
			testkit.Equal(t, "kind", changed.String("operation.kind"), "UPDATE_PRODUCT")
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")), []string{"update_product DONE"})
			testkit.Equal(t, "name", changed.String("product.name"), "Teams")
			testkit.Equal(t, "description", changed.String("product.description"), "For teams")
			testkit.Equal(t, "metadata", changed.String("product.metadata.a"), "1")
		})
		t.Run("metadata are merged", func(t *testing.T) {
			changed := done(t, k, "updateProduct", object{"productId": product, "metadata": object{"a": "", "c": "3"}})
			testkit.Equal(t, "a removed key is there", changed.Has("product.metadata.a"), false)
			testkit.Equal(t, "b", changed.String("product.metadata.b"), "2")
			testkit.Equal(t, "c", changed.String("product.metadata.c"), "3")
			metadata := k.Stripe.Get(t, "/v1/products/"+changed.String("product.stripe.id"))["metadata"].(object)
			testkit.Equal(t, "a in Stripe", metadata["a"], nil)
			testkit.Equal(t, "c in Stripe", metadata["c"], any("3"))
		})
		t.Run("metadata cannot grow beyond the limit", func(t *testing.T) {
			refused(t, mutate(t, k, "updateProduct", object{"productId": product, "metadata": manyKeys(47)}),
				"INVALID_INPUT", "input.metadata")
		})
		t.Run("null removes the description", func(t *testing.T) {
			changed := done(t, k, "updateProduct", object{"productId": product, "description": nil})
			testkit.Equal(t, "there is a description", changed.Has("product.description"), false)
			inStripe := k.Stripe.Get(t, "/v1/products/"+changed.String("product.stripe.id"))
			testkit.Equal(t, "in Stripe", inStripe["description"], nil)
		})
		t.Run("an archived one comes back on sale", func(t *testing.T) {
			done(t, k, "archiveProduct", object{"productId": product})
			changed := done(t, k, "updateProduct", object{"productId": product, "active": true})
			testkit.Equal(t, "active", changed.Bool("product.active"), true)
			inStripe := k.Stripe.Get(t, "/v1/products/"+changed.String("product.stripe.id"))
			testkit.Equal(t, "active in Stripe", inStripe["active"], any(true))
		})
		t.Run("a refusal of Stripe changes nothing", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/products/*", Kind: "refuse", Count: 1})
			changed := mutate(t, k, "updateProduct", object{"productId": product, "name": "No"})
			testkit.Equal(t, "code", changed.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "name", changed.String("product.name"), "Teams")
			testkit.Equal(t, "sync", changed.String("product.stripe.status"), "FAILED")
		})
	})
}

func TestArchiveProduct(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, price := newProduct(t, k, "Team")
		subscription := newSubscription(t, k, newCustomer(t, k, "a@example.com"), price)
		k.Stripe.Forget(t)
		archived := done(t, k, "archiveProduct", object{"productId": product})
		requests(t, k, "POST /v1/products/*")
		testkit.Equal(t, "kind", archived.String("operation.kind"), "ARCHIVE_PRODUCT")
		testkit.Equal(t, "active", archived.Bool("product.active"), false)
		testkit.Equal(t, "its price", archived.String("product.defaultPrice.status"), "ACTIVE")
		testkit.Equal(t, "its subscription", read(t, k, planQuery, subscription.String("id")).String("status"), "ACTIVE")
		inStripe := k.Stripe.Get(t, "/v1/products/"+archived.String("product.stripe.id"))
		testkit.Equal(t, "active in Stripe", inStripe["active"], any(false))
	})
}
