package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestCreateProduct(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		t.Run("with a price, both arrive together", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := done(t, k, "createProduct", object{
				"name": "Team", "description": "For teams", "metadata": object{"tier": "2", "empty": ""},
				"price": object{
					"unitAmount": "2900", "currency": "usd", "lookupKey": "team", "nickname": "n",
					"recurring": object{"interval": "YEAR", "intervalCount": 3},
				},
			})
			requests(t, k, "POST /v1/products", "POST /v1/prices", "POST /v1/products/*")
			same(t, "kind", created.String("operation.kind"), "CREATE_PRODUCT")
			equal(t, "steps", steps(created.At("operation")),
				[]string{"create_product DONE", "create_price DONE", "set_default_price DONE"})
			product := read(t, k, productQuery, created.String("product.id"))
			same(t, "name", product.String("name"), "Team")
			same(t, "description", product.String("description"), "For teams")
			same(t, "metadata", product.String("metadata.tier"), "2")
			same(t, "a key without a value is there, which Stripe does not keep", product.Has("metadata.empty"), false)
			same(t, "active", product.Bool("active"), true)
			same(t, "sync", product.String("stripe.status"), "SYNCED")
			price := product.At("defaultPrice")
			same(t, "amount", price.Int("unitAmount.amount"), 2900)
			same(t, "currency", price.String("unitAmount.currency"), "USD")
			same(t, "lookup key", price.String("lookupKey"), "team")
			same(t, "nickname", price.String("nickname"), "n")
			same(t, "period", price.Int("recurring.intervalCount"), 3)
			same(t, "status", price.String("status"), "ACTIVE")
			inStripe := k.Stripe.Get(t, "/v1/products/"+product.String("stripe.id"))
			same(t, "default price in Stripe", inStripe["default_price"], any(price.String("stripe.id")))
			same(t, "owner in Stripe", inStripe["metadata"].(object)["tallystick_id"], any(product.String("id")))
		})

		t.Run("without a price, in one request", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := done(t, k, "createProduct", object{"name": "Bare"})
			requests(t, k, "POST /v1/products")
			equal(t, "steps", steps(created.At("operation")), []string{"create_product DONE"})
			same(t, "there is a default price", created.Has("product.defaultPrice"), false)
			same(t, "there is a description", created.Has("product.description"), false)
		})

		for name, fault := range map[string]testkit.Fault{
			"the product":           {Method: "POST", Path: "/v1/products"},
			"the price":             {Method: "POST", Path: "/v1/prices"},
			"making it the default": {Method: "POST", Path: "/v1/products/*"},
		} {
			t.Run("when Stripe refuses "+name+", there is no product", func(t *testing.T) {
				fault.Kind, fault.Count = "refuse", 1
				k.Stripe.Fail(t, fault)
				defer k.Stripe.Heal(t)
				created := mutate(t, k, "createProduct", object{"name": "Refused", "price": monthly(100, "refused")})
				same(t, "code", created.String("userErrors.0.code"), "STRIPE_REJECTED")
				same(t, "status", created.String("operation.status"), "FAILED")
				same(t, "there is a product", created.Has("product"), false)
				onSale := k.Query(t, `{ products(filter: {search: "Refused", active: true}) { totalCount } }`)
				same(t, "products on sale", onSale.Int("products.totalCount"), 0)
			})
		}
	})
}
