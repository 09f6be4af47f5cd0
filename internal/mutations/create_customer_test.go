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
			same(t, "status", created.String("operation.status"), "PENDING")
			same(t, "kind", created.String("operation.kind"), "CREATE_CUSTOMER")
			equal(t, "steps", steps(created.At("operation")), []string{"create_customer TODO"})
			same(t, "sync", created.String("customer.stripe.status"), "PENDING")
			same(t, "operation", created.String("customer.stripe.pendingOperation.id"), created.String("operation.id"))
			same(t, "e-mail, as it was given", created.String("customer.email"), "Ada@Example.com")
			same(t, "there is an id in Stripe", created.Has("customer.stripe.id"), false)

			k.Work(t)
			requests(t, k, "POST /v1/customers")
			customer := read(t, k, personQuery, created.String("customer.id"))
			same(t, "sync", customer.String("stripe.status"), "SYNCED")
			same(t, "an operation is under way", customer.Has("stripe.pendingOperation"), false)
			same(t, "name", customer.String("name"), "Ada")
			same(t, "a key without a value is there, which Stripe does not keep", customer.Has("metadata.empty"), false)
			inStripe := k.Stripe.Get(t, "/v1/customers/"+customer.String("stripe.id"))
			same(t, "e-mail in Stripe", inStripe["email"], any("Ada@Example.com"))
			same(t, "plan in Stripe", inStripe["metadata"].(object)["plan"], any("x"))
			same(t, "owner in Stripe", inStripe["metadata"].(object)["tallystick_id"], any(customer.String("id")))
		})

		t.Run("stays when Stripe refuses it, and can be retried", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/customers", Kind: "refuse", Count: 1})
			created := mutate(t, k, "createCustomer", object{"email": "refused@example.com"})
			k.Work(t)
			customer := read(t, k, personQuery, created.String("customer.id"))
			same(t, "sync", customer.String("stripe.status"), "FAILED")
			same(t, "there is a reason", customer.Has("stripe.lastError"), true)
			retried := done(t, k, "retryOperation", object{"operationId": created.String("operation.id")})
			equal(t, "steps", steps(retried.At("operation")), []string{"create_customer DONE"})
			same(t, "sync", read(t, k, personQuery, created.String("customer.id")).String("stripe.status"), "SYNCED")
		})

		t.Run("an e-mail is free again after a deletion, any number of times", func(t *testing.T) {
			for range 10 {
				customer := newCustomer(t, k, "again@example.com")
				done(t, k, "deleteCustomer", object{"customerId": customer})
			}
			newCustomer(t, k, "AGAIN@example.com")
			live := k.Query(t, `{ customers(filter: {email: "again@Example.com"}) { totalCount } }`)
			same(t, "live rows", live.Int("customers.totalCount"), 1)
			all := k.Query(t, `{ customers(filter: {email: "again@example.com", includeDeleted: true}) { totalCount } }`)
			same(t, "all rows", all.Int("customers.totalCount"), 11)
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
					same(t, "holder", refused(t, a, "EMAIL_TAKEN", "input.email").String("nodeId"), holder)
					taken++
				}
			}
			same(t, "refusals", taken, 19)
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
		same(t, "sync", waiting.String("stripe.status"), "PENDING")

		renamed := mutate(t, k, "updateCustomer", object{"customerId": customer, "name": "Second"})
		same(t, "update", renamed.String("operation.status"), "PENDING")
		same(t, "errors", len(renamed.List("userErrors")), 0)
		same(t, "name, as it stands", renamed.String("customer.name"), "First")
		deleted := mutate(t, k, "deleteCustomer", object{"customerId": customer})
		same(t, "deletion", deleted.String("operation.status"), "PENDING")
		same(t, "deleted", deleted.Has("customer.deletedAt"), false)
		same(t, "operation under way", deleted.String("customer.stripe.pendingOperation.id"), deleted.String("operation.id"))

		k.Stripe.Up(t)
		settle(t, k)
		requests(t, k, "POST /v1/customers", "POST /v1/customers/*", "DELETE /v1/customers/*")
		gone := read(t, k, personQuery, customer)
		same(t, "name", gone.String("name"), "Second")
		same(t, "deleted", gone.Has("deletedAt"), true)
		same(t, "sync", gone.String("stripe.status"), "UNLINKED")
		for _, operation := range k.Query(t, `{ operations { edges { node { status } } } }`).List("operations.edges") {
			same(t, "operation", operation.String("node.status"), "SUCCEEDED")
		}
		newCustomer(t, k, "waits@example.com")
	})
}
