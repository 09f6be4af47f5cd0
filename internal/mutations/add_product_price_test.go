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
		same(t, "kind", added.String("operation.kind"), "ADD_PRODUCT_PRICE")
		equal(t, "steps", steps(added.At("operation")), []string{"create_price DONE"})
		same(t, "default", added.String("product.defaultPrice.id"), standard)
		same(t, "number of prices", len(added.List("product.prices.edges")), 2)
		price := added.At("price")
		same(t, "amount", price.Int("unitAmount.amount"), 99_999_999)
		same(t, "currency", price.String("unitAmount.currency"), "EUR")
		same(t, "lookup key", price.String("lookupKey"), "team_eur")
		same(t, "nickname", price.String("nickname"), "euro")
		same(t, "interval", price.String("recurring.interval"), "WEEK")
		same(t, "status", price.String("status"), "ACTIVE")

		t.Run("a refusal of Stripe leaves no price", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/prices", Kind: "refuse", Count: 1})
			added := mutate(t, k, "addProductPrice", object{"productId": product, "unitAmount": 1, "currency": "USD", "lookupKey": "key"})
			same(t, "code", added.String("userErrors.0.code"), "STRIPE_REJECTED")
			same(t, "there is a price", added.Has("price"), false)
			same(t, "number of prices", len(added.List("product.prices.edges")), 2)
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
		same(t, "kind", archived.String("operation.kind"), "ARCHIVE_PRICE")
		equal(t, "steps", steps(archived.At("operation")), []string{"archive_price DONE"})
		same(t, "product", archived.String("product.id"), product)
		same(t, "price", archived.String("price.id"), price)
		same(t, "status", archived.String("price.status"), "ARCHIVED")
		same(t, "it says when", archived.Has("price.archivedAt"), true)
		same(t, "default", archived.String("product.defaultPrice.id"), standard)
		inStripe := k.Stripe.Get(t, "/v1/prices/"+archived.String("price.stripe.id"))
		same(t, "active in Stripe", inStripe["active"], any(false))
		same(t, "lookup key, as in Stripe", any(archived.String("price.lookupKey")), inStripe["lookup_key"])

		t.Run("a refusal of Stripe keeps it on sale", func(t *testing.T) {
			other := done(t, k, "addProductPrice", object{"productId": product, "unitAmount": 100, "currency": "USD"}).String("price.id")
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/prices/*", Kind: "refuse", Count: 1})
			archived := mutate(t, k, "archivePrice", object{"priceId": other})
			same(t, "code", archived.String("userErrors.0.code"), "STRIPE_REJECTED")
			same(t, "status", archived.String("price.status"), "ACTIVE")
		})
	})
}
