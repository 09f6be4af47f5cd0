package resolvers_test

import (
	"testing"

	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// TestReadingRepairsTheLink looks a customer up that was deleted in Stripe: the
// reader gets it as it stands, and it is linked anew meanwhile.
func TestReadingRepairsTheLink(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		id := k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com", externalId: "7"}) { customer { id } } }`).
			String("createCustomer.customer.id")
		k.Work(t)
		for _, lookUp := range []string{`customer(id: "` + id + `")`, `customerByEmail(email: "ada@example.com")`, `customerByExternalId(externalId: "7")`} {
			read := func() testkit.Answer {
				return k.Query(t, `{ found: `+lookUp+` { stripe { id status } } }`).At("found.stripe")
			}
			before := read()
			testkit.Equal(t, "the link", before.String("status"), "SYNCED")
			k.Stripe.Delete(t, "/v1/customers/"+before.String("id"))
			if _, err := k.Mirror.Refresh(t.Context(), "customer", before.String("id")); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, lookUp+" to link the customer", func() bool {
				link := read()
				return link.String("status") == "SYNCED" && link.String("id") != before.String("id")
			})
		}
		if n := k.Store.Reader.Operation.Query().Where(operation.KindEQ(billing.KindLinkCustomer)).CountX(t.Context()); n != 3 {
			t.Errorf("%d operations have linked it, want one for each time", n)
		}
	})
}
