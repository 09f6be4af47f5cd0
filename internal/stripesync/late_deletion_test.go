package stripesync_test

import (
	"context"
	"net/http"
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
)

// deletions are the commands that send a DELETE, with the customer and the subscription
// that they are given.
var deletions = map[string]func(s *shop, ctx context.Context, customer, subscription string) (*ent.Operation, error){
	"deleteCustomer": func(s *shop, ctx context.Context, customer, _ string) (*ent.Operation, error) {
		r, err := s.Customers.DeleteCustomer(ctx, customers.DeleteCustomer{CustomerID: customer})
		return r.Operation, err
	},
	"cancelSubscription": func(s *shop, ctx context.Context, _, subscription string) (*ent.Operation, error) {
		r, err := s.Subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{SubscriptionID: subscription, At: billing.CancelImmediately})
		return r.Operation, err
	},
	"revokeSubscription": func(s *shop, ctx context.Context, _, subscription string) (*ent.Operation, error) {
		r, err := s.Subscriptions.RevokeSubscription(ctx, subscriptions.RevokeSubscription{SubscriptionID: subscription})
		return r.Operation, err
	},
}

// A deletion that arrives after its operation was given up is carried out, since
// Stripe ignores keys on DELETE: nothing is sent to stop it, and the row follows.
func TestLateDeletion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for name, command := range deletions {
			t.Run(name, func(t *testing.T) {
				customer := s.customer(t, name+"@example.com", true)
				subscription := ""
				if name != "deleteCustomer" {
					subscription, _ = s.subscribe(t, customer, *s.product(t, name).DefaultPriceID)
				}
				late, op := refuseLate(t, s, func(s *shop) (*ent.Operation, error) {
					return command(s, testkit.Context(t), customer, subscription)
				})
				testkit.Equal(t, "status", op.Status, billing.OperationFailed)
				for _, r := range s.writes(t) {
					testkit.Equal(t, "method of "+r.String(), r.Method, http.MethodDelete)
				}
				answer, _ := late.Arrive(t)
				testkit.Equal(t, "answer to the late request", answer, http.StatusOK)
				if subscription == "" { // the row stays, as the operation has failed
					s.refresh(t, "customer", *s.customerRow(t, customer).StripeID)
					testkit.Equal(t, "link", s.customerRow(t, customer).StripeStatus, billing.SyncUnlinked)
					return
				}
				row := s.subscriptionRow(t, subscription)
				s.refresh(t, "subscription", *row.StripeID)
				testkit.Equal(t, "status", s.subscriptionRow(t, subscription).Status, billing.SubscriptionCanceled)
				testkit.Equal(t, "status in Stripe", text(s.Stripe.Get(t, "/v1/subscriptions/"+*row.StripeID)["status"]), "canceled")
			})
		}
	})
}

// refuseLate carries out a command whose first DELETE is on its way for too long, and
// whose second one is refused.
func refuseLate(t *testing.T, s *shop, command func(*shop) (*ent.Operation, error)) (late *testkit.Held, op *ent.Operation) {
	t.Helper()
	deletes := 0
	w := testkit.NewWire(t)
	w.Before(func(_ int, r *http.Request) testkit.Verdict {
		if r.Method != http.MethodDelete {
			return testkit.Pass
		}
		switch deletes++; deletes {
		case 1:
			late = w.Hold(t, r)
			return testkit.Drop
		case 2:
			s.Stripe.Fail(t, testkit.Fault{Method: r.Method, Path: r.URL.Path, Kind: "refuse", Count: 1})
		}
		return testkit.Pass
	})
	kit := *s.Kit
	kit.App = s.Replica(t, w.Lay)
	s.Stripe.Forget(t)
	op, err := command(&shop{Kit: &kit, Clock: s.Clock})
	if op == nil {
		t.Fatal(err)
	}
	return late, op
}
