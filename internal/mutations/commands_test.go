package mutations_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, _ := newProduct(t, k, "Team")
		_, other := newProduct(t, k, "Other")

		t.Run("createCustomer is replayed", func(t *testing.T) {
			input := object{"email": "ada@example.com", "metadata": object{"a": "1", "b": "2"}, "idempotencyKey": "customer"}
			first := mutate(t, k, "createCustomer", input)
			k.Work(t)
			done(t, k, "updateCustomer", object{"customerId": first.String("customer.id"), "name": "Ada", "email": "x@example.com"})
			second := mutate(t, k, "createCustomer", input)
			testkit.Equal(t, "errors", len(second.List("userErrors")), 0)
			testkit.Equal(t, "operation", second.String("operation.id"), first.String("operation.id"))
			testkit.Equal(t, "customer", second.String("customer.id"), first.String("customer.id"))
			testkit.Equal(t, "the customer as it stands", second.String("customer.name"), "Ada")
			done(t, k, "deleteCustomer", object{"customerId": first.String("customer.id")})
			third := mutate(t, k, "createCustomer", input)
			testkit.Equal(t, "operation after the deletion", third.String("operation.id"), first.String("operation.id"))
			refused(t, mutate(t, k, "createCustomer", with(input, "name", "Ada")), "IDEMPOTENCY_KEY_REUSED", "input.idempotencyKey")
		})

		t.Run("updateProductPrice is replayed", func(t *testing.T) {
			input := object{"productId": product, "unitAmount": 3900, "idempotencyKey": strings.Repeat("k", 255)}
			first := done(t, k, "updateProductPrice", input)
			done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 4900})
			k.Stripe.Forget(t)
			second := done(t, k, "updateProductPrice", input)
			requests(t, k)
			testkit.Equal(t, "operation", second.String("operation.id"), first.String("operation.id"))
			testkit.Equal(t, "price", second.String("price.id"), first.String("price.id"))
			testkit.Equal(t, "price as it stands", second.String("price.status"), "ARCHIVED")
			testkit.Equal(t, "previous price", second.String("previousPrice.id"), first.String("previousPrice.id"))
			testkit.Equal(t, "default price", second.Int("product.defaultPrice.unitAmount.amount"), 4900)
		})

		t.Run("false is not what was left out", func(t *testing.T) {
			input := object{"productId": product, "name": "Team", "active": false, "idempotencyKey": "off sale"}
			done(t, k, "updateProduct", input)
			done(t, k, "updateProduct", input)
			delete(input, "active")
			refused(t, mutate(t, k, "updateProduct", input), "IDEMPOTENCY_KEY_REUSED", "input.idempotencyKey")
			done(t, k, "updateProduct", object{"productId": product, "active": true})
		})

		t.Run("cancelSubscription is replayed", func(t *testing.T) {
			s := newSubscription(t, k, newCustomer(t, k, "grace@example.com"), other).String("id")
			input := object{"subscriptionId": s, "at": "IMMEDIATELY", "idempotencyKey": "cancel"}
			first := done(t, k, "cancelSubscription", input)
			second := done(t, k, "cancelSubscription", input)
			testkit.Equal(t, "operation", second.String("operation.id"), first.String("operation.id"))
			testkit.Equal(t, "status", second.String("subscription.status"), "CANCELED")
		})

		t.Run("a refusal by Stripe is replayed", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/products", Kind: "refuse", Count: 1})
			input := object{"name": "Refused", "idempotencyKey": "refused"}
			first := mutate(t, k, "createProduct", input)
			second := mutate(t, k, "createProduct", input)
			testkit.Equal(t, "operation", second.String("operation.id"), first.String("operation.id"))
			testkit.Equal(t, "code", second.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "there is a product", second.Has("product"), false)
		})

		t.Run("a mutation that was refused before it began binds no key", func(t *testing.T) {
			refused(t, mutate(t, k, "createProduct", object{"name": "", "idempotencyKey": "free"}), "INVALID_INPUT", "input.name")
			refused(t, mutate(t, k, "createCustomer", object{"email": "GRACE@example.com", "idempotencyKey": "free"}),
				"EMAIL_TAKEN", "input.email")
			refused(t, mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 4900, "idempotencyKey": "free"}),
				"PRICE_UNCHANGED", "input.unitAmount")
			done(t, k, "createProduct", object{"name": "Free", "idempotencyKey": "free"})
		})

		for mutation, input := range map[string]object{
			"createCustomer":     {"email": "twenty@example.com"},
			"updateProductPrice": {"productId": product, "unitAmount": 2000},
			"createProduct":      {"name": "Twenty", "price": monthly(100, "twenty")},
		} {
			t.Run("twenty at once: "+mutation, func(t *testing.T) {
				counts := `{ operations { totalCount } products { totalCount } customers { totalCount } }`
				before := k.Query(t, counts)
				answers := make([]testkit.Answer, 20)
				var all sync.WaitGroup
				for i := range answers {
					all.Go(func() { answers[i] = mutate(t, k, mutation, with(input, "idempotencyKey", "twenty "+mutation)) })
				}
				all.Wait()
				for _, a := range answers {
					testkit.Equal(t, "operation", a.String("operation.id"), answers[0].String("operation.id"))
					testkit.Equal(t, "errors", len(a.List("userErrors")), 0)
					for _, entity := range []string{"product.id", "price.id", "customer.id"} {
						if answers[0].Has(entity) {
							testkit.Equal(t, entity, a.String(entity), answers[0].String(entity))
						}
					}
				}
				after := k.Query(t, counts)
				for _, list := range []string{"operations", "products", "customers"} {
					one := list == "operations" || mutation == "create"+strings.ToUpper(list[:1])+strings.TrimSuffix(list[1:], "s")
					want := before.Int(list+".totalCount") + map[bool]int{true: 1}[one]
					testkit.Equal(t, list, after.Int(list+".totalCount"), want)
				}
			})
		}
	})
}

// TestIdempotencyKeyInFlight asserts that a repeated request returns the
// operation that is still waiting for Stripe.
func TestIdempotencyKeyInFlight(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, _ := newProduct(t, k, "Team")
		k.Stripe.Down()
		input := object{"productId": product, "unitAmount": 3900, "idempotencyKey": "key"}
		first := mutate(t, k, "updateProductPrice", input)
		testkit.Equal(t, "status", first.String("operation.status"), "PENDING")
		second := mutate(t, k, "updateProductPrice", input)
		testkit.Equal(t, "operation", second.String("operation.id"), first.String("operation.id"))
		testkit.Equal(t, "status", second.String("operation.status"), "PENDING")
		testkit.Equal(t, "errors", len(second.List("userErrors")), 0)
		k.Stripe.Up(t)
		settle(t, k)
		testkit.Equal(t, "status", mutate(t, k, "updateProductPrice", input).String("operation.status"), "SUCCEEDED")
	})
}

func TestOperationInProgress(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, price := newProduct(t, k, "Team")
		subscription := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), price).String("id")
		customer := newCustomer(t, k, "grace@example.com")
		k.Stripe.Down()

		first := mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 3900})
		testkit.Equal(t, "errors", len(first.List("userErrors")), 0)
		testkit.Equal(t, "status", first.String("operation.status"), "PENDING")
		testkit.Equal(t, "default, as it stands", first.String("product.defaultPrice.id"), price)
		testkit.Equal(t, "new price", first.String("price.status"), "PENDING")
		testkit.Equal(t, "sync", first.String("product.stripe.status"), "PENDING")
		canceled := mutate(t, k, "cancelSubscription", object{"subscriptionId": subscription})
		testkit.Equal(t, "canceling", canceled.String("operation.status"), "PENDING")
		deleted := mutate(t, k, "deleteCustomer", object{"customerId": customer})
		testkit.Equal(t, "deleting", deleted.String("operation.status"), "PENDING")

		tables := func() string { // but for the tries that waiting for an operation makes
			var all []string
			for _, table := range []string{"products", "prices", "customers", "subscriptions", "idempotency_keys"} {
				all = append(all, rows(t, k.Store.DB, "SELECT * FROM "+table+" ORDER BY id")...)
			}
			return strings.Join(append(all, rows(t, k.Store.DB, "SELECT id FROM operations ORDER BY id")...), "\n")
		}
		before := tables()
		for _, second := range []struct {
			mutation string
			input    object
			holder   string
		}{
			{"updateProductPrice", object{"productId": product, "unitAmount": 4900, "idempotencyKey": "key"}, first.String("operation.id")},
			{"updateProduct", object{"productId": product, "name": "Other"}, first.String("operation.id")},
			{"archiveProduct", object{"productId": product}, first.String("operation.id")},
			{"addProductPrice", object{"productId": product, "unitAmount": 4900, "currency": "USD"}, first.String("operation.id")},
			{"archivePrice", object{"priceId": price}, first.String("operation.id")},
			{"cancelSubscription", object{"subscriptionId": subscription, "at": "IMMEDIATELY"}, canceled.String("operation.id")},
			{"resumeSubscription", object{"subscriptionId": subscription}, canceled.String("operation.id")},
			{"updateCustomer", object{"customerId": customer, "name": "x"}, deleted.String("operation.id")},
			{"deleteCustomer", object{"customerId": customer}, deleted.String("operation.id")},
			{"createSubscription", object{"customerId": customer, "priceId": price}, deleted.String("operation.id")},
		} {
			t.Run(second.mutation, func(t *testing.T) {
				e := refused(t, mutate(t, k, second.mutation, second.input), "OPERATION_IN_PROGRESS", "")
				testkit.Equal(t, "the earlier one", e.String("nodeId"), second.holder)
			})
		}
		testkit.Equal(t, "something was written", tables() != before, false)

		k.Stripe.Up(t)
		settle(t, k)
		changed := done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 4900, "idempotencyKey": "key"})
		testkit.Equal(t, "previous", changed.Int("previousPrice.unitAmount.amount"), 3900)
	}, func(s *app.Settings) { s.Engine.Budget = time.Second })
}

// TestWaitsForEarlierOperation asserts that a change waits within its own time
// for one that comes to its end.
func TestWaitsForEarlierOperation(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, _ := newProduct(t, k, "Team")
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 3000 + i})
			})
		}
		all.Wait()
		active := k.Query(t, `query($id: ID!) { product(id: $id) { prices(filter: {status: [ACTIVE]}) { totalCount } } }`,
			object{"id": product})
		testkit.Equal(t, "prices on sale", active.Int("product.prices.totalCount"), 1)
	})
}

func TestRetryOperation(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product, price := newProduct(t, k, "Team")

		t.Run("one that waits", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/prices", Kind: "drop_before", Count: 3})
			waits := mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 3900})
			testkit.Equal(t, "status", waits.String("operation.status"), "PENDING")
			var retried testkit.Answer
			k.Eventually(t, "Stripe to be tried again", func() bool {
				retried = mutate(t, k, "retryOperation", object{"operationId": waits.String("operation.id")})
				return retried.String("operation.status") == "SUCCEEDED"
			})
			price = read(t, k, productQuery, product).String("defaultPrice.id")
		})

		t.Run("one that needs attention", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products/*", Kind: "refuse", Count: 1})
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/prices/*", Kind: "refuse", Count: 0})
			stuck := mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 5900})
			testkit.Equal(t, "status", stuck.String("operation.status"), "NEEDS_ATTENTION")
			testkit.Equal(t, "code", stuck.String("userErrors.0.code"), "STRIPE_REJECTED")
			e := refused(t, mutate(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 6900}), "OPERATION_IN_PROGRESS", "")
			testkit.Equal(t, "the earlier one", e.String("nodeId"), stuck.String("operation.id"))
			k.Stripe.Heal(t)
			retried := mutate(t, k, "retryOperation", object{"operationId": stuck.String("operation.id")})
			testkit.Equal(t, "status", retried.String("operation.status"), "FAILED")
			now := read(t, k, productQuery, product)
			testkit.Equal(t, "default", now.String("defaultPrice.id"), price)
			testkit.Equal(t, "sync", now.String("stripe.status"), "FAILED")
			refused(t, mutate(t, k, "retryOperation", object{"operationId": stuck.String("operation.id")}), "INVALID_INPUT", "input.operationId")
			done(t, k, "updateProductPrice", object{"productId": product, "unitAmount": 6900})
		})
	})
}

func TestRetryOperationLeavesItToAnotherProcess(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		waits := mutate(t, k, "createCustomer", object{"email": "ada@example.com"}).String("operation.id")
		lease(t, k, waits, time.Now().Add(time.Hour))
		retried := mutate(t, k, "retryOperation", object{"operationId": waits})
		testkit.Equal(t, "status", retried.String("operation.status"), "PENDING")
		requests(t, k)
		lease(t, k, waits, time.Now().Add(-time.Hour))
		k.Eventually(t, "the operation to be taken over", func() bool {
			mutate(t, k, "retryOperation", object{"operationId": waits})
			return k.Query(t, `query($id: ID!) { operation(id: $id) { finishedAt } }`, object{"id": waits}).Has("operation.finishedAt")
		})
	}, func(s *app.Settings) { s.Engine.Budget = 200 * time.Millisecond })
}

// lease makes an operation another process's until a time.
func lease(t testing.TB, k *testkit.Kit, id string, until time.Time) {
	t.Helper()
	if err := k.Store.Writer.Operation.UpdateOneID(id).
		SetStatus(billing.OperationRunning).SetLeaseToken("another").SetLeaseExpiresAt(until.UTC()).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}
