package mutations_test

import (
	"net/http"
	"testing"

	"tallystick/internal/testkit"
)

func TestDeleteCustomer(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		customer := newCustomer(t, k, "ada@example.com")
		_, price := newProduct(t, k, "Team")
		subscription := newSubscription(t, k, customer, price).String("id")
		stripeID := read(t, k, personQuery, customer).String("stripe.id")
		k.Stripe.Forget(t)

		deleted := done(t, k, "deleteCustomer", object{"customerId": customer})
		testkit.Equal(t, "first request", k.Stripe.Requests(t)[0].String(), "DELETE /v1/customers/"+stripeID)
		testkit.Equal(t, "kind", deleted.String("operation.kind"), "DELETE_CUSTOMER")
		testkit.Equal(t, "customer", deleted.String("customer.id"), customer)
		testkit.Equal(t, "deleted", deleted.Has("customer.deletedAt"), true)
		testkit.Equal(t, "sync", deleted.String("customer.stripe.status"), "UNLINKED")
		testkit.Equal(t, "there is an id in Stripe", deleted.Has("customer.stripe.id"), false)
		testkit.Equal(t, "deleted in Stripe", k.Stripe.Get(t, "/v1/customers/"+stripeID)["deleted"], any(true))

		ended := read(t, k, planQuery, subscription)
		testkit.Equal(t, "subscription", ended.String("status"), "CANCELED")
		testkit.Equal(t, "it says when it ended", ended.Has("endedAt"), true)
		testkit.Equal(t, "its customer", ended.String("customer.id"), customer)
		history := ended.List("history")
		testkit.Equal(t, "cause", history[len(history)-1].String("cause"), "cancel")
		testkit.Equal(t, "operation", history[len(history)-1].String("operation.id"), deleted.String("operation.id"))

		t.Run("a second time it is not found", func(t *testing.T) {
			refused(t, mutate(t, k, "deleteCustomer", object{"customerId": customer}), "NOT_FOUND", "input.customerId")
			refused(t, mutate(t, k, "updateCustomer", object{"customerId": customer, "name": "x"}), "NOT_FOUND", "input.customerId")
		})
		t.Run("one that Stripe refuses to delete", func(t *testing.T) {
			customer := newCustomer(t, k, "edith@example.com")
			stripeID := read(t, k, personQuery, customer).String("stripe.id")
			k.Stripe.Fail(t, testkit.Fault{Method: http.MethodDelete, Path: "/v1/customers/*", Kind: "refuse", Count: 1})
			k.Stripe.Forget(t)
			answer := mutate(t, k, "deleteCustomer", object{"customerId": customer})
			testkit.Equal(t, "code", answer.String("userErrors.0.code"), "STRIPE_REJECTED")
			requests(t, k, "DELETE /v1/customers/"+stripeID, "GET /v1/customers/"+stripeID)
			calls(t, answer.At("operation"), "DELETE /v1/customers/"+stripeID, "GET /v1/customers/"+stripeID)
			testkit.Equal(t, "operation", answer.String("operation.status"), "FAILED")
			testkit.EqualSlices(t, "steps", steps(answer.At("operation")), []string{"delete_customer FAILED"})
			testkit.Equal(t, "it was deleted here", answer.Has("customer.deletedAt"), false)
			testkit.Equal(t, "deleted in Stripe", k.Stripe.Get(t, "/v1/customers/"+stripeID)["deleted"], nil)
		})
		t.Run("one that Stripe does not know any more", func(t *testing.T) {
			customer := newCustomer(t, k, "grace@example.com")
			k.Stripe.Delete(t, "/v1/customers/"+read(t, k, personQuery, customer).String("stripe.id"))
			done(t, k, "deleteCustomer", object{"customerId": customer})
		})
	})
}

func TestRestoreCustomer(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		customer := newCustomer(t, k, "ada@example.com")
		_, price := newProduct(t, k, "Team")
		subscription := newSubscription(t, k, customer, price).String("id")
		before := read(t, k, personQuery, customer).String("stripe.id")
		done(t, k, "deleteCustomer", object{"customerId": customer})

		t.Run("a taken e-mail is refused", func(t *testing.T) {
			holder := newCustomer(t, k, "ADA@example.com")
			k.Stripe.Forget(t)
			stored := dump(t, k)
			e := refused(t, mutate(t, k, "restoreCustomer", object{"customerId": customer}), "EMAIL_TAKEN", "input.customerId")
			testkit.Equal(t, "holder", e.String("nodeId"), holder)
			requests(t, k)
			testkit.Equal(t, "something was written", dump(t, k) != stored, false)
			done(t, k, "deleteCustomer", object{"customerId": holder})
		})

		k.Stripe.Forget(t)
		restored := mutate(t, k, "restoreCustomer", object{"customerId": customer})
		testkit.Equal(t, "kind", restored.String("operation.kind"), "RESTORE_CUSTOMER")
		testkit.Equal(t, "status", restored.String("operation.status"), "PENDING")
		testkit.Equal(t, "deleted", restored.Has("customer.deletedAt"), false)
		testkit.Equal(t, "sync", restored.String("customer.stripe.status"), "PENDING")
		k.Work(t)
		requests(t, k, "POST /v1/customers")
		now := read(t, k, personQuery, customer)
		testkit.Equal(t, "sync", now.String("stripe.status"), "SYNCED")
		testkit.Equal(t, "the same counterpart in Stripe", now.String("stripe.id") == before, false)
		testkit.Equal(t, "its subscription", read(t, k, planQuery, subscription).String("status"), "CANCELED")
		refused(t, mutate(t, k, "createCustomer", object{"email": "Ada@example.com"}), "EMAIL_TAKEN", "input.email")
	})
}
