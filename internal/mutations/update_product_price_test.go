package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestUpdateProductPrice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		t.Run("the default price is replaced everywhere", func(t *testing.T) {
			created := done(t, k, "createProduct", object{"name": "Team", "price": object{
				"unitAmount": 2900, "currency": "eur", "nickname": "monthly", "lookupKey": "team",
				"recurring": object{"interval": "MONTH", "intervalCount": 3},
			}})
			product, old := created.String("product.id"), created.String("product.defaultPrice.id")
			k.Stripe.Forget(t)

			changed := done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 3900})
			requests(t, k, "POST /v1/prices", "POST /v1/products/*", "POST /v1/prices/*")
			testkit.Equal(t, "kind", changed.String("operation.kind"), "UPDATE_PRODUCT_PRICE")
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")),
				[]string{"create_price DONE", "set_default_price DONE", "archive_old_price DONE"})
			testkit.Equal(t, "number of calls on record", len(changed.List("operation.stripeCalls")), 3)
			testkit.Equal(t, "attempts", changed.Int("operation.attempts"), 1)
			testkit.Equal(t, "subject", changed.String("operation.subject.id"), product)

			price := changed.At("price")
			testkit.Equal(t, "the new price is the default", changed.String("product.defaultPrice.id"), price.String("id"))
			testkit.Equal(t, "amount", price.Int("unitAmount.amount"), 3900)
			testkit.Equal(t, "currency", price.String("unitAmount.currency"), "EUR")
			testkit.Equal(t, "interval", price.String("recurring.interval"), "MONTH")
			testkit.Equal(t, "interval count", price.Int("recurring.intervalCount"), 3)
			testkit.Equal(t, "nickname", price.String("nickname"), "monthly")
			testkit.Equal(t, "lookup key", price.String("lookupKey"), "team")
			testkit.Equal(t, "status", price.String("status"), "ACTIVE")
			testkit.Equal(t, "sync", price.String("stripe.status"), "SYNCED")
			previous := changed.At("previousPrice")
			testkit.Equal(t, "previous", previous.String("id"), old)
			testkit.Equal(t, "previous status", previous.String("status"), "ARCHIVED")
			testkit.Equal(t, "the previous price has a lookup key", previous.Has("lookupKey"), false)
			testkit.Equal(t, "the previous price says when", previous.Has("archivedAt"), true)

			now := read(t, k, productQuery, product)
			testkit.Equal(t, "sync", now.String("stripe.status"), "SYNCED")
			testkit.Equal(t, "newest price first", now.String("prices.edges.0.node.id"), price.String("id"))
			testkit.Equal(t, "number of prices", len(now.List("prices.edges")), 2)
			inStripe := k.Stripe.Get(t, "/v1/prices/"+price.String("stripe.id"))
			testkit.Equal(t, "lookup key in Stripe", inStripe["lookup_key"], any("team"))
			testkit.Equal(t, "the old price in Stripe is active",
				k.Stripe.Get(t, "/v1/prices/"+previous.String("stripe.id"))["active"], any(false))
			testkit.Equal(t, "default price in Stripe",
				k.Stripe.Get(t, "/v1/products/"+now.String("stripe.id"))["default_price"], any(price.String("stripe.id")))
		})

		t.Run("another price is replaced by two requests", func(t *testing.T) {
			product, standard := newProduct(t, k, "Two prices")
			yearly := done(t, k, "addProductPrice", object{
				"productId": product, "unitAmount": 29000, "currency": "usd", "recurring": object{"interval": "YEAR"},
			}).String("price.id")
			k.Stripe.Forget(t)
			changed := done(t, k, "updateProductPrice", object{"productId": product, "priceId": yearly, "unitAmount": 30000})
			requests(t, k, "POST /v1/prices", "POST /v1/prices/*")
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")), []string{"create_price DONE", "archive_old_price DONE"})
			testkit.Equal(t, "default", changed.String("product.defaultPrice.id"), standard)
			testkit.Equal(t, "previous", changed.String("previousPrice.id"), yearly)
			testkit.Equal(t, "interval", changed.String("price.recurring.interval"), "YEAR")
		})

		t.Run("what is given replaces what was", func(t *testing.T) {
			product, _ := newProduct(t, k, "Replaced")
			changed := done(t, k, "updateProductPrice", object{
				"productId": product, "unitAmount": 2900, "currency": "jpy", "nickname": "neu",
				"recurring": object{"interval": "WEEK", "intervalCount": 2},
			})
			testkit.Equal(t, "currency", changed.String("price.unitAmount.currency"), "JPY")
			testkit.Equal(t, "nickname", changed.String("price.nickname"), "neu")
			testkit.Equal(t, "interval", changed.String("price.recurring.interval"), "WEEK")
			testkit.Equal(t, "interval count", changed.Int("price.recurring.intervalCount"), 2)
		})

		t.Run("null clears the nickname, and keeps the period", func(t *testing.T) {
			product, _ := newProduct(t, k, "Cleared")
			done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 3000, "nickname": "name"})
			changed := done(t, k, "updateProductPrice", object{
				"productId": product, "unitAmount": 3000, "recurring": nil, "nickname": nil,
			})
			testkit.Equal(t, "the period that stays", changed.String("price.recurring.interval"), "MONTH")
			testkit.Equal(t, "there is a nickname", changed.Has("price.nickname"), false)
		})

		t.Run("a product without a price gets its first", func(t *testing.T) {
			product := done(t, k, "createProduct", object{"name": "Bare"}).String("product.id")
			refused(t, mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 100}),
				"INVALID_INPUT", "input.currency")
			k.Stripe.Forget(t)
			changed := done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 100, "currency": "usd"})
			requests(t, k, "POST /v1/prices", "POST /v1/products/*")
			testkit.Equal(t, "default", changed.String("product.defaultPrice.id"), changed.String("price.id"))
			testkit.Equal(t, "there is a previous price", changed.Has("previousPrice"), false)
		})

		t.Run("the same price is refused", func(t *testing.T) {
			product, price := newProduct(t, k, "Same")
			k.Stripe.Forget(t)
			before := dump(t, k)
			for _, input := range []object{
				{"productId": product, "unitAmount": 2900},
				{"productId": product, "unitAmount": "2900", "currency": "USD"},
				{"productId": product, "unitAmount": 2900, "priceId": price, "recurring": object{"interval": "MONTH"}},
			} {
				e := refused(t, mutate(t, k, "updateProductPrice", input), "PRICE_UNCHANGED", "input.unitAmount")
				testkit.Equal(t, "node", e.String("nodeId"), price)
			}
			requests(t, k)
			testkit.Equal(t, "what is stored has changed", dump(t, k) != before, false)
		})

		t.Run("a refusal at the second request is undone by one", func(t *testing.T) {
			product, price := newProduct(t, k, "Second")
			before := read(t, k, productQuery, product)
			onProduct := "POST /v1/products/" + before.String("stripe.id")
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products/*", Kind: "refuse", Count: 1})
			k.Stripe.Forget(t)
			changed := mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 1})
			replacement := "/v1/prices/" + takenBack(t, changed, price)
			requests(t, k, "POST /v1/prices", onProduct, "POST "+replacement)
			calls(t, changed.At("operation"), "POST /v1/prices", onProduct, "POST "+replacement)
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")),
				[]string{"create_price COMPENSATED", "set_default_price FAILED", "archive_old_price TODO"})
			testkit.Equal(t, "default in Stripe", k.Stripe.Get(t, "/v1/products/"+before.String("stripe.id"))["default_price"],
				any(before.String("defaultPrice.stripe.id")))
			testkit.Equal(t, "the new price in Stripe is active", k.Stripe.Get(t, replacement)["active"], any(false))
		})

		t.Run("a refusal at the third request is undone by two, the later step first", func(t *testing.T) {
			product, price := newProduct(t, k, "Third")
			before := read(t, k, productQuery, product)
			onProduct := "POST /v1/products/" + before.String("stripe.id")
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/prices/*", Kind: "refuse", Count: 1})
			k.Stripe.Forget(t)
			changed := mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 1})
			old := "POST /v1/prices/" + before.String("defaultPrice.stripe.id")
			replacement := "/v1/prices/" + takenBack(t, changed, price)
			requests(t, k, "POST /v1/prices", onProduct, old, onProduct, "POST "+replacement)
			calls(t, changed.At("operation"), "POST /v1/prices", onProduct, old, onProduct, "POST "+replacement)
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")),
				[]string{"create_price COMPENSATED", "set_default_price COMPENSATED", "archive_old_price FAILED"})
			testkit.Equal(t, "default in Stripe", k.Stripe.Get(t, "/v1/products/"+before.String("stripe.id"))["default_price"],
				any(before.String("defaultPrice.stripe.id")))
			testkit.Equal(t, "the new price in Stripe is active", k.Stripe.Get(t, replacement)["active"], any(false))
		})
	})
}

// takenBack asserts that a price change was refused and that its product has the old
// price as the default again, with the new one, which Stripe cannot delete, archived.
// It returns the new one's id in Stripe.
func takenBack(t testing.TB, changed testkit.Answer, old string) (stripeID string) {
	t.Helper()
	testkit.Equal(t, "operation", changed.String("operation.status"), "FAILED")
	testkit.Equal(t, "code", changed.String("userErrors.0.code"), "STRIPE_REJECTED")
	testkit.Equal(t, "there is a new price", changed.Has("price"), false)
	testkit.Equal(t, "default", changed.String("product.defaultPrice.id"), old)
	testkit.Equal(t, "default is", changed.String("product.defaultPrice.status"), "ACTIVE")
	testkit.Equal(t, "sync", changed.String("product.stripe.status"), "FAILED")
	for _, edge := range changed.List("product.prices.edges") {
		if edge.String("node.id") != old {
			stripeID = edge.String("node.stripe.id")
			testkit.Equal(t, "the new price is", edge.String("node.status"), "ARCHIVED")
		}
	}
	if stripeID == "" {
		t.Fatalf("the new price is not kept: %s", changed.Raw())
	}
	return stripeID
}
