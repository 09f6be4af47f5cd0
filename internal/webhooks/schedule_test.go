package webhooks_test

import (
	"net/url"
	"testing"

	"tallystick/internal/testkit"
)

// TestScheduledSubscription puts a subscription on a schedule in Stripe: it is shown,
// in part, with each phase's price and seats as they come, and wholly again once the
// schedule is over.
func TestScheduledSubscription(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		price := func(amount string) string {
			return k.Stripe.Post(t, "/v1/products", url.Values{
				"name": {"Plan " + amount}, "default_price_data[unit_amount]": {amount}, "default_price_data[currency]": {"usd"},
				"default_price_data[recurring][interval]": {"month"},
			})["default_price"].(string)
		}
		cheap, dear := price("1000"), price("3000")
		l := newLife(t, k, cheap, 1)
		shows := func(when string, status string, amount, seats int) {
			t.Helper()
			report(t, k, "evt_"+when, "customer.subscription.updated", "subscription", l.subscription)
			row := k.Query(t, `{ subscriptions { edges { node { stripe { status unsupported } items { quantity price { unitAmount { amount } } } } } } }`).
				At("subscriptions.edges.0.node")
			testkit.Equal(t, when+": stripe", row.String("stripe.status"), status)
			if status == "PARTIAL" {
				testkit.Equal(t, when+": unsupported", row.String("stripe.unsupported.0"), "schedule")
			}
			testkit.Equal(t, when+": amount", row.Int("items.0.price.unitAmount.amount"), amount)
			testkit.Equal(t, when+": seats", row.Int("items.0.quantity"), seats)
		}
		shows("alone", "SYNCED", 1000, 1)

		schedule := k.Stripe.Post(t, "/v1/subscription_schedules", url.Values{"from_subscription": {l.subscription}})["id"].(string)
		shows("scheduled", "PARTIAL", 1000, 1)
		k.Stripe.Post(t, "/v1/subscription_schedules/"+schedule, url.Values{
			"phases[0][items][0][price]": {cheap}, "phases[0][iterations]": {"1"},
			"phases[1][items][0][price]": {dear}, "phases[1][items][0][quantity]": {"5"}, "phases[1][iterations]": {"1"},
		})
		k.Stripe.Advance(t, "32d")
		shows("in the second phase", "PARTIAL", 3000, 5)
		k.Stripe.Advance(t, "32d")
		shows("released", "SYNCED", 3000, 5)
	})
}
