package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

// TestVariablesAreExact refuses values of enums in another case, in variables
// as in documents, before anything is done.
func TestVariablesAreExact(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		_, price := newProduct(t, k, "Team")
		plan := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), price)
		k.Stripe.Forget(t)
		for name, c := range map[string]struct {
			document  string
			variables object
		}{
			"an enum in an input": {
				document("cancelSubscription"),
				object{"input": object{"subscriptionId": plan.String("id"), "at": "immediately"}},
			},
			"an enum in a list": {
				`query($s: [OperationStatus!]) { operations(filter: {status: $s}) { totalCount } }`,
				object{"s": []string{"SUCCEEDED", "failed"}},
			},
			"an enum in an order": {
				`query($o: ProductOrder) { products(orderBy: $o) { totalCount } }`,
				object{"o": object{"field": "name", "direction": "ASC"}},
			},
			"a string as Int": {`query($n: Int) { products(first: $n) { totalCount } }`, object{"n": "3"}},
		} {
			answer := k.Send(t, c.document, c.variables)
			if !answer.Has("errors") || answer.String("errors.0.extensions.code") != "BAD_USER_INPUT" {
				t.Errorf("%s: %s", name, answer.Raw())
			}
		}
		requests(t, k)
		testkit.Equal(t, "the subscription", read(t, k, planQuery, plan.String("id")).Bool("cancelAtPeriodEnd"), false)
	})
}
