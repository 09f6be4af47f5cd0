package webhooks_test

import (
	"fmt"
	"net/url"
	"testing"

	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// TestEveryStatusAndEvent delivers every event about a subscription in every
// status: the row ends where Stripe is, and a change is written down once.
func TestEveryStatusAndEvent(t *testing.T) {
	t.Parallel()
	statuses := map[string]billing.SubscriptionStatus{
		"incomplete": billing.SubscriptionIncomplete, "incomplete_expired": billing.SubscriptionIncompleteExpired, "trialing": billing.SubscriptionTrialing,
		"active": billing.SubscriptionActive, "past_due": billing.SubscriptionPastDue, "unpaid": billing.SubscriptionUnpaid, "paused": billing.SubscriptionPaused,
		"canceled": billing.SubscriptionCanceled,
	}
	events := []string{"created", "updated", "deleted", "paused", "resumed", "trial_will_end", "pending_update_applied"}
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		price := k.Stripe.Post(t, "/v1/products", url.Values{
			"name": {"Team"}, "default_price_data[unit_amount]": {"2900"}, "default_price_data[currency]": {"usd"},
			"default_price_data[recurring][interval]": {"month"},
		})["default_price"].(string)
		n := 0
		for status, want := range statuses {
			for _, kind := range events {
				n++
				l := newLife(t, k, price, n)
				report(t, k, fmt.Sprintf("evt_%d_before", n), "customer.subscription.created", "subscription", l.subscription)
				before := k.Store.Reader.Subscription.Query().Where(subscription.StripeID(l.subscription)).OnlyX(t.Context())
				if status != "active" {
					k.Stripe.Force(t, l.subscription, status, "")
				}
				for _, twice := range []string{"a", "b"} {
					report(t, k, fmt.Sprintf("evt_%d_%s", n, twice), "customer.subscription."+kind, "subscription", l.subscription)
				}
				row := k.Store.Reader.Subscription.GetX(t.Context(), before.ID)
				if row.Status != want {
					t.Errorf("%s after %s: %s, want %s", status, kind, row.Status, want)
				}
				changes := 1 // its beginning
				if want != billing.SubscriptionActive {
					changes = 2
				}
				if got := row.QueryHistory().CountX(t.Context()); got != changes {
					t.Errorf("%s after %s: %d transitions, want %d", status, kind, got, changes)
				}
				l.compare(t)
			}
		}
	})
}

// TestEndsThatNobodyAskedFor tells dunning's end and a dispute from a request.
func TestEndsThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		price := k.Stripe.Post(t, "/v1/products", url.Values{
			"name": {"Team"}, "default_price_data[unit_amount]": {"2900"}, "default_price_data[currency]": {"usd"},
			"default_price_data[recurring][interval]": {"month"},
		})["default_price"].(string)
		for n, c := range []struct {
			reason string
			want   billing.SubscriptionStatus
		}{
			{"payment_failed", billing.SubscriptionRevoked},
			{"payment_disputed", billing.SubscriptionRevoked},
			{"cancellation_requested", billing.SubscriptionCanceled},
		} {
			l := newLife(t, k, price, n)
			k.Stripe.Force(t, l.subscription, "canceled", c.reason)
			report(t, k, fmt.Sprintf("evt_%d", n), "customer.subscription.deleted", "subscription", l.subscription)
			row := k.Store.Reader.Subscription.Query().Where(subscription.StripeID(l.subscription)).OnlyX(t.Context())
			if row.Status != c.want {
				t.Errorf("%s: %s, want %s", c.reason, row.Status, c.want)
			}
		}
	})
}

// TestCustomerDeletedInStripe keeps the customer here, unlinked, ends its
// subscriptions, and links it anew when that is needed.
func TestCustomerDeletedInStripe(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{
			"name": {"Team"}, "default_price_data[unit_amount]": {"2900"}, "default_price_data[currency]": {"usd"},
			"default_price_data[recurring][interval]": {"month"},
		})
		l := newLife(t, k, product["default_price"].(string), 1)
		report(t, k, "evt_1", "customer.subscription.created", "subscription", l.subscription)
		k.Stripe.Delete(t, "/v1/customers/"+l.customer)
		report(t, k, "evt_2", "customer.deleted", "customer", l.customer)

		got := k.Query(t, `{ customerByEmail(email: "life1@example.com") { id
			subscriptions { edges { node { status price { id } } } } } }`).At("customerByEmail")
		row := k.Store.Reader.Customer.GetX(t.Context(), got.String("id")) // a client who asks for that has it linked
		if row.StripeID != nil || row.StripeStatus != billing.SyncUnlinked {
			t.Errorf("the customer is still linked: %v, %s", row.StripeID, row.StripeStatus)
		}
		if status := got.String("subscriptions.edges.0.node.status"); status != "CANCELED" {
			t.Errorf("its subscription is %s", status)
		}
		again := k.Query(t, `mutation($input: CreateSubscriptionInput!) { createSubscription(input: $input) {
			subscription { status customer { stripe { id status } } } userErrors { code message } } }`,
			map[string]any{"input": map[string]any{
				"customerId": got.String("id"), "priceId": got.String("subscriptions.edges.0.node.price.id"), "paymentMethod": "pm_card_visa",
			}}).At("createSubscription")
		if !again.Has("subscription") || again.String("subscription.customer.stripe.status") != "SYNCED" ||
			again.String("subscription.customer.stripe.id") == l.customer {
			t.Errorf("the customer was not linked anew: %s", again.Raw())
		}
	})
}
