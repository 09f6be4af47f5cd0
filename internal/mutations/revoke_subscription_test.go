package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

func TestRevokeSubscription(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		_, price := newProduct(t, k, "Team")
		plan := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), price)
		id, stripeID := plan.String("id"), plan.String("stripe.id")

		revoked := done(t, k, "revokeSubscription", object{"subscriptionId": id, "reason": "fraud"})
		testkit.Equal(t, "status", revoked.String("subscription.status"), "REVOKED")
		testkit.Equal(t, "cause", revoked.String("subscription.history.1.cause"), "revoke")
		inStripe := k.Stripe.Get(t, "/v1/subscriptions/"+stripeID)
		testkit.Equal(t, "status in Stripe", inStripe["status"], any("canceled"))
		testkit.Equal(t, "comment in Stripe", inStripe["cancellation_details"].(object)["comment"], any("fraud"))

		// Stripe only knows that it is canceled.
		if _, err := k.Mirror.Refresh(t.Context(), "subscription", stripeID); err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "status after a report", read(t, k, planQuery, id).String("status"), "REVOKED")

		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "revokeSubscription", object{"subscriptionId": id}), "SUBSCRIPTION_ENDED", "input.subscriptionId")
		requests(t, k)
	})
}
