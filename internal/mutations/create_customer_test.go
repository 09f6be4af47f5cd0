package mutations_test

import (
	"fmt"
	"sync"
	"testing"

	"tallystick/internal/testkit"
)

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		t.Run("answers at once, and Stripe follows by itself", func(t *testing.T) {
			k.Stripe.Forget(t)
			created := mutate(t, k, "createCustomer", object{
				"email": "Ada@Example.com", "name": "Ada", "metadata": object{"plan": "x", "empty": ""},
			})
			requests(t, k)
			testkit.Equal(t, "status", created.String("operation.status"), "PENDING")
			testkit.Equal(t, "kind", created.String("operation.kind"), "CREATE_CUSTOMER")
			testkit.EqualSlices(t, "steps", steps(created.At("operation")), []string{"create_customer TODO"})
			testkit.Equal(t, "sync", created.String("customer.stripe.status"), "PENDING")
			testkit.Equal(t, "operation", created.String("customer.stripe.pendingOperation.id"), created.String("operation.id"))
			testkit.Equal(t, "e-mail, as it was given", created.String("customer.email"), "Ada@Example.com")
			testkit.Equal(t, "there is an id in Stripe", created.Has("customer.stripe.id"), false)

			k.Work(t)
			requests(t, k, "POST /v1/customers")
			customer := read(t, k, personQuery, created.String("customer.id"))
			testkit.Equal(t, "sync", customer.String("stripe.status"), "SYNCED")
			testkit.Equal(t, "an operation is under way", customer.Has("stripe.pendingOperation"), false)
			testkit.Equal(t, "name", customer.String("name"), "Ada")
			testkit.Equal(t, "a key without a value is there, which Stripe does not keep", customer.Has("metadata.empty"), false)
			inStripe := k.Stripe.Get(t, "/v1/customers/"+customer.String("stripe.id"))
			testkit.Equal(t, "e-mail in Stripe", inStripe["email"], any("Ada@Example.com"))
			testkit.Equal(t, "plan in Stripe", inStripe["metadata"].(object)["plan"], any("x"))
			testkit.Equal(t, "owner in Stripe", inStripe["metadata"].(object)["tallystick_id"], any(customer.String("id")))
		})

		t.Run("stays when Stripe refuses it, and can be retried", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/customers", Kind: "refuse", Count: 1})
			created := mutate(t, k, "createCustomer", object{"email": "refused@example.com"})
			k.Work(t)
			customer := read(t, k, personQuery, created.String("customer.id"))
			testkit.Equal(t, "sync", customer.String("stripe.status"), "FAILED")
			testkit.Equal(t, "there is a reason", customer.Has("stripe.lastError"), true)
			retried := done(t, k, "retryOperation", object{"operationId": created.String("operation.id")})
			testkit.EqualSlices(t, "steps", steps(retried.At("operation")), []string{"create_customer DONE"})
			testkit.Equal(t, "sync", read(t, k, personQuery, created.String("customer.id")).String("stripe.status"), "SYNCED")
		})

		t.Run("an e-mail is free again after a deletion, any number of times", func(t *testing.T) {
			for range 10 {
				customer := newCustomer(t, k, "again@example.com")
				done(t, k, "deleteCustomer", object{"customerId": customer})
			}
			newCustomer(t, k, "AGAIN@example.com")
			live := k.Query(t, `{ customers(filter: {email: "again@Example.com"}) { totalCount } }`)
			testkit.Equal(t, "live rows", live.Int("customers.totalCount"), 1)
			all := k.Query(t, `{ customers(filter: {email: "again@example.com", includeDeleted: true}) { totalCount } }`)
			testkit.Equal(t, "all rows", all.Int("customers.totalCount"), 11)
		})

		t.Run("of twenty at once with one e-mail, one succeeds", func(t *testing.T) {
			answers := make([]testkit.Answer, 20)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() {
					email := fmt.Sprintf("%c@example.com", "Oo"[i%2])
					answers[i] = mutate(t, k, "createCustomer", object{"email": email})
				})
			}
			all.Wait()
			holder, taken := "", 0
			for _, a := range answers {
				if a.Has("customer") {
					if holder != "" {
						t.Error("two have the e-mail")
					}
					holder = a.String("customer.id")
				}
			}
			for _, a := range answers {
				if !a.Has("customer") {
					testkit.Equal(t, "holder", refused(t, a, "EMAIL_TAKEN", "input.email").String("nodeId"), holder)
					taken++
				}
			}
			testkit.Equal(t, "refusals", taken, 19)
		})
	})
}

// TestCreateCustomerWithoutStripe asserts that signing up does not depend on
// Stripe, and that what is asked meanwhile is carried out in order later.
func TestCreateCustomerWithoutStripe(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Stripe.Down()
		email := object{"email": "waits@example.com", "name": "First"}
		created := mutate(t, k, "createCustomer", email)
		customer := created.String("customer.id")
		refused(t, mutate(t, k, "createCustomer", email), "EMAIL_TAKEN", "input.email")
		k.Work(t)
		waiting := read(t, k, personQuery, customer)
		testkit.Equal(t, "sync", waiting.String("stripe.status"), "PENDING")

		renamed := mutate(t, k, "updateCustomer", object{"customerId": customer, "name": "Second"})
		testkit.Equal(t, "update", renamed.String("operation.status"), "PENDING")
		testkit.Equal(t, "errors", len(renamed.List("userErrors")), 0)
		testkit.Equal(t, "name, as it stands", renamed.String("customer.name"), "First")
		deleted := mutate(t, k, "deleteCustomer", object{"customerId": customer})
		testkit.Equal(t, "deletion", deleted.String("operation.status"), "PENDING")
		testkit.Equal(t, "deleted", deleted.Has("customer.deletedAt"), false)
		testkit.Equal(t, "operation under way", deleted.String("customer.stripe.pendingOperation.id"), deleted.String("operation.id"))

		k.Stripe.Up(t)
		settle(t, k)
		requests(t, k, "POST /v1/customers", "POST /v1/customers/*", "DELETE /v1/customers/*")
		gone := read(t, k, personQuery, customer)
		testkit.Equal(t, "name", gone.String("name"), "Second")
		testkit.Equal(t, "deleted", gone.Has("deletedAt"), true)
		testkit.Equal(t, "sync", gone.String("stripe.status"), "UNLINKED")
		for _, operation := range k.Query(t, `{ operations { edges { node { status } } } }`).List("operations.edges") {
			testkit.Equal(t, "operation", operation.String("node.status"), "SUCCEEDED")
		}
		newCustomer(t, k, "waits@example.com")
	})
}
