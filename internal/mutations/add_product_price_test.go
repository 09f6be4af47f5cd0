package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestAddProductPrice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, standard := newProduct(t, k, "Team")
		k.Stripe.Forget(t)
		added := done(t, k, "addProductPrice", object{
			"productId": product, "unitAmount": 99_999_999, "currency": "Eur", "lookupKey": "team_eur", "nickname": "euro",
			"recurring": object{"interval": "WEEK", "intervalCount": 156},
		})
		requests(t, k, "POST /v1/prices")
		testkit.Equal(t, "kind", added.String("operation.kind"), "ADD_PRODUCT_PRICE")
		testkit.EqualSlices(t, "steps", steps(added.At("operation")), []string{"create_price DONE"})
		testkit.Equal(t, "default", added.String("product.defaultPrice.id"), standard)
		testkit.Equal(t, "number of prices", len(added.List("product.prices.edges")), 2)
		price := added.At("price")
		testkit.Equal(t, "amount", price.Int("unitAmount.amount"), 99_999_999)
		testkit.Equal(t, "currency", price.String("unitAmount.currency"), "EUR")
		testkit.Equal(t, "lookup key", price.String("lookupKey"), "team_eur")
		testkit.Equal(t, "nickname", price.String("nickname"), "euro")
		testkit.Equal(t, "interval", price.String("recurring.interval"), "WEEK")
		testkit.Equal(t, "status", price.String("status"), "ACTIVE")

		t.Run("a refusal of Stripe leaves no price", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/prices", Kind: "refuse", Count: 1})
			added := mutate(t, k, "addProductPrice", object{"productId": product, "unitAmount": 1, "currency": "USD", "lookupKey": "key"})
			testkit.Equal(t, "code", added.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "there is a price", added.Has("price"), false)
			testkit.Equal(t, "number of prices", len(added.List("product.prices.edges")), 2)
			done(t, k, "addProductPrice", object{"productId": product, "unitAmount": 1, "currency": "USD", "lookupKey": "key"})
		})
	})
}

func TestArchivePrice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, standard := newProduct(t, k, "Team")
		price := done(t, k, "addProductPrice", object{
			"productId": product, "unitAmount": 100, "currency": "USD", "lookupKey": "key",
		}).String("price.id")
		k.Stripe.Forget(t)
		archived := done(t, k, "archivePrice", object{"priceId": price})
		requests(t, k, "POST /v1/prices/*")
		testkit.Equal(t, "kind", archived.String("operation.kind"), "ARCHIVE_PRICE")
		testkit.EqualSlices(t, "steps", steps(archived.At("operation")), []string{"archive_price DONE"})
		testkit.Equal(t, "product", archived.String("product.id"), product)
		testkit.Equal(t, "price", archived.String("price.id"), price)
		testkit.Equal(t, "status", archived.String("price.status"), "ARCHIVED")
		testkit.Equal(t, "it says when", archived.Has("price.archivedAt"), true)
		testkit.Equal(t, "default", archived.String("product.defaultPrice.id"), standard)
		inStripe := k.Stripe.Get(t, "/v1/prices/"+archived.String("price.stripe.id"))
		testkit.Equal(t, "active in Stripe", inStripe["active"], any(false))
		testkit.Equal(t, "lookup key, as in Stripe", any(archived.String("price.lookupKey")), inStripe["lookup_key"])

		t.Run("a refusal of Stripe keeps it on sale", func(t *testing.T) {
			other := done(t, k, "addProductPrice", object{"productId": product, "unitAmount": 100, "currency": "USD"}).String("price.id")
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/prices/*", Kind: "refuse", Count: 1})
			archived := mutate(t, k, "archivePrice", object{"priceId": other})
			testkit.Equal(t, "code", archived.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "status", archived.String("price.status"), "ACTIVE")
		})
	})
}
