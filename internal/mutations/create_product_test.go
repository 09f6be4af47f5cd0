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
			testkit.Equal(t, "kind", created.String("operation.kind"), "CREATE_PRODUCT")
			testkit.EqualSlices(t, "steps", steps(created.At("operation")),
				[]string{"create_product DONE", "create_price DONE", "set_default_price DONE"})
			product := read(t, k, productQuery, created.String("product.id"))
			testkit.Equal(t, "name", product.String("name"), "Team")
			testkit.Equal(t, "description", product.String("description"), "For teams")
			testkit.Equal(t, "metadata", product.String("metadata.tier"), "2")
			testkit.Equal(t, "a key without a value is there, which Stripe does not keep", product.Has("metadata.empty"), false)
			testkit.Equal(t, "active", product.Bool("active"), true)
			testkit.Equal(t, "sync", product.String("stripe.status"), "SYNCED")
			price := product.At("defaultPrice")
			testkit.Equal(t, "amount", price.Int("unitAmount.amount"), 2900)
			testkit.Equal(t, "currency", price.String("unitAmount.currency"), "USD")
			testkit.Equal(t, "lookup key", price.String("lookupKey"), "team")
			testkit.Equal(t, "nickname", price.String("nickname"), "n")
			testkit.Equal(t, "period", price.Int("recurring.intervalCount"), 3)
			testkit.Equal(t, "status", price.String("status"), "ACTIVE")
			inStripe := k.Stripe.Get(t, "/v1/products/"+product.String("stripe.id"))
			testkit.Equal(t, "default price in Stripe", inStripe["default_price"], any(price.String("stripe.id")))
			testkit.Equal(t, "owner in Stripe", inStripe["metadata"].(object)["tallystick_id"], any(product.String("id")))
		})

		t.Run("with a plain price, in one request", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := done(t, k, "createProduct", object{
				"name": "Plain", "price": object{"unitAmount": "1200", "currency": "eur", "recurring": object{"interval": "MONTH", "intervalCount": 2}},
			})
			requests(t, k, "POST /v1/products")
			testkit.EqualSlices(t, "steps", steps(created.At("operation")), []string{"create_product DONE"})
			product := read(t, k, productQuery, created.String("product.id"))
			price := product.At("defaultPrice")
			testkit.Equal(t, "status", price.String("status"), "ACTIVE")
			testkit.Equal(t, "sync", price.String("stripe.status"), "SYNCED")
			inStripe := k.Stripe.Get(t, "/v1/prices/"+price.String("stripe.id"))
			testkit.Equal(t, "amount in Stripe", inStripe["unit_amount"], any(1200.0))
			testkit.Equal(t, "currency in Stripe", inStripe["currency"], any("eur"))
			testkit.Equal(t, "period in Stripe", inStripe["recurring"].(object)["interval_count"], any(2.0))
			testkit.Equal(t, "default price in Stripe", k.Stripe.Get(t, "/v1/products/"+product.String("stripe.id"))["default_price"], any(price.String("stripe.id")))
			k.Work(t)
			testkit.Equal(t, "prices", len(read(t, k, productQuery, product.String("id")).List("prices.edges")), 1)
		})

		t.Run("without a price, in one request", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := done(t, k, "createProduct", object{"name": "Bare"})
			requests(t, k, "POST /v1/products")
			testkit.EqualSlices(t, "steps", steps(created.At("operation")), []string{"create_product DONE"})
			testkit.Equal(t, "there is a default price", created.Has("product.defaultPrice"), false)
			testkit.Equal(t, "there is a description", created.Has("product.description"), false)
		})

		t.Run("when Stripe refuses a plain one, there is no product", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products", Kind: "refuse", Count: 1})
			created := mutate(t, k, "createProduct", object{"name": "Refused plainly", "price": monthly(100, "")})
			testkit.Equal(t, "code", created.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "there is a product", created.Has("product"), false)
			rows := k.Query(t, `{ products(filter: {search: "Refused plainly"}) { totalCount } }`)
			testkit.Equal(t, "products", rows.Int("products.totalCount"), 0)
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
				testkit.Equal(t, "code", created.String("userErrors.0.code"), "STRIPE_REJECTED")
				testkit.Equal(t, "status", created.String("operation.status"), "FAILED")
				testkit.Equal(t, "there is a product", created.Has("product"), false)
				onSale := k.Query(t, `{ products(filter: {search: "Refused", active: true}) { totalCount } }`)
				testkit.Equal(t, "products on sale", onSale.Int("products.totalCount"), 0)
			})
		}
	})
}
