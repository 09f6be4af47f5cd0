package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestUpdateCustomer(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		created := mutate(t, k, "createCustomer", object{
			"email": "ada@example.com", "name": "Ada", "metadata": object{"a": "1", "b": "2"},
		})
		k.Work(t)
		customer := created.String("customer.id")
		inStripe := func(t *testing.T) object {
			t.Helper()
			return k.Stripe.Get(t, "/v1/customers/"+read(t, k, personQuery, customer).String("stripe.id"))
		}

		t.Run("what is left out stays", func(t *testing.T) {
			k.Stripe.Forget(t)
			changed := done(t, k, "updateCustomer", object{"customerId": customer, "email": "lovelace@example.com"})
			requests(t, k, "POST /v1/customers/*")
			testkit.Equal(t, "kind", changed.String("operation.kind"), "UPDATE_CUSTOMER")
			testkit.EqualSlices(t, "steps", steps(changed.At("operation")), []string{"update_customer DONE"})
			testkit.Equal(t, "e-mail", changed.String("customer.email"), "lovelace@example.com")
			testkit.Equal(t, "name", changed.String("customer.name"), "Ada")
			testkit.Equal(t, "metadata", changed.String("customer.metadata.a"), "1")
			testkit.Equal(t, "in Stripe", inStripe(t)["email"], any("lovelace@example.com"))
			newCustomer(t, k, "ada@example.com")
		})
		t.Run("metadata are merged, and null removes the name", func(t *testing.T) {
			changed := done(t, k, "updateCustomer", object{"customerId": customer, "name": nil, "metadata": object{"a": "", "c": "3"}})
			testkit.Equal(t, "there is a name", changed.Has("customer.name"), false)
			testkit.Equal(t, "a removed key is there", changed.Has("customer.metadata.a"), false)
			testkit.Equal(t, "b", changed.String("customer.metadata.b"), "2")
			testkit.Equal(t, "c", changed.String("customer.metadata.c"), "3")
			testkit.Equal(t, "name in Stripe", inStripe(t)["name"], nil)
			testkit.Equal(t, "a in Stripe", inStripe(t)["metadata"].(object)["a"], nil)
		})
		t.Run("the case of its own e-mail may change", func(t *testing.T) {
			changed := done(t, k, "updateCustomer", object{"customerId": customer, "email": "Lovelace@example.com"})
			testkit.Equal(t, "e-mail", changed.String("customer.email"), "Lovelace@example.com")
		})
		t.Run("metadata cannot grow beyond the limit", func(t *testing.T) {
			refused(t, mutate(t, k, "updateCustomer", object{"customerId": customer, "metadata": manyKeys(47)}),
				"INVALID_INPUT", "input.metadata")
		})
		t.Run("another's e-mail is refused", func(t *testing.T) {
			holder := newCustomer(t, k, "holder@example.com")
			k.Stripe.Forget(t)
			e := refused(t, mutate(t, k, "updateCustomer", object{"customerId": customer, "email": "HOLDER@example.com"}),
				"EMAIL_TAKEN", "input.email")
			testkit.Equal(t, "holder", e.String("nodeId"), holder)
			requests(t, k)
		})
		t.Run("a refusal of Stripe changes nothing", func(t *testing.T) {
			k.Stripe.Fail(t, testkit.Fault{Path: "/v1/customers/*", Kind: "refuse", Count: 1})
			changed := mutate(t, k, "updateCustomer", object{"customerId": customer, "email": "no@example.com"})
			testkit.Equal(t, "code", changed.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "e-mail", changed.String("customer.email"), "Lovelace@example.com")
			testkit.Equal(t, "sync", changed.String("customer.stripe.status"), "FAILED")
			newCustomer(t, k, "no@example.com")
		})
	})
}
