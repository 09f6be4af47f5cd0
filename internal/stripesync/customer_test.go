package stripesync_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/testkit"
)

func TestCreateCustomerWhileStripeIsDown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Down()
		created := s.run(t, createCustomer, map[string]any{"email": "ada@example.com"})
		testkit.Equal(t, "user errors", len(created.List("userErrors")), 0)
		testkit.Equal(t, "status", created.String("operation.status"), "PENDING")
		testkit.Equal(t, "calls", len(created.List("operation.stripeCalls")), 0)
		testkit.Equal(t, "sync status", created.String("customer.stripe.status"), "PENDING")
		testkit.Equal(t, "pending operation", created.String("customer.stripe.pendingOperation.id"), created.String("operation.id"))
		for range 4 {
			s.Work(t)
		}
		health := s.Query(t, `{ billingHealth { status stripe pendingOperations oldestPendingAt } }`).At("billingHealth")
		testkit.Equal(t, "health", health.String("status")+" "+health.String("stripe"), "DEGRADED UNREACHABLE")
		testkit.Equal(t, "pending operations", health.Int("pendingOperations"), 1)
		testkit.Equal(t, "status", s.op(t, created.String("operation.id")).String("status"), "PENDING")
		if woken, err := s.Engine.Sweep(t.Context()); woken != 0 || err != nil {
			t.Errorf("the sweep woke up %d operations, although Stripe is down: %v", woken, err)
		}

		s.Stripe.Up(t)
		s.available(t)
		s.Clock.Advance(2 * time.Minute)
		if woken, err := s.Engine.Sweep(t.Context()); woken != 1 || err != nil {
			t.Errorf("the sweep woke up %d operations: %v", woken, err)
		}
		s.settle(t)
		s.Work(t)
		s.oneCustomer(t, created.String("customer.id"))
		health = s.Query(t, `{ billingHealth { status stripe pendingOperations } }`).At("billingHealth")
		testkit.Equal(t, "health", health.String("status")+" "+health.String("stripe"), "OK OK")
	})
}

// With the workers at work, nobody has to do anything.
func TestCustomersReachStripeByThemselves(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Down()
		var ids []string
		for i := range 5 {
			ids = append(ids, s.customer(t, fmt.Sprintf("c%d@example.com", i), false))
		}
		s.Eventually(t, "Stripe to be known to be down", func() bool { return !s.App.Stripe.Available() })
		s.Stripe.Up(t)
		for _, id := range ids {
			s.Eventually(t, "the customer to be linked", func() bool { return s.customerRow(t, id).StripeID != nil })
			s.oneCustomer(t, id)
		}
	}, testkit.Working)
}

func TestInvalidKeyUsesNoAttemptsUp(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, fault := range []string{"unauthorized", "forbidden"} {
			t.Run(fault, func(t *testing.T) {
				s.Stripe.Forget(t)
				s.Stripe.Fail(t, testkit.Fault{Kind: fault})
				created := s.run(t, createCustomer, map[string]any{"email": fmt.Sprintf("c%d@example.com", i)})
				for range 5 {
					s.Work(t)
					s.Clock.Advance(time.Minute)
				}
				op := s.op(t, created.String("operation.id"))
				testkit.Equal(t, "status", op.String("status"), "PENDING")
				testkit.Equal(t, "attempts", op.Int("attempts"), 0)
				testkit.Equal(t, "the gate is open", s.App.Stripe.Available(), fault == "forbidden") // the key may do other things
				health := s.Query(t, `{ billingHealth { status stripe } }`).At("billingHealth")
				testkit.Equal(t, "health", health.String("status")+" "+health.String("stripe"),
					map[string]string{"unauthorized": "DEGRADED INVALID_KEY", "forbidden": "DEGRADED FORBIDDEN"}[fault])

				s.Stripe.Heal(t)
				s.settle(t)
				op = s.op(t, created.String("operation.id"))
				testkit.Equal(t, "status with a valid key", op.String("status"), "SUCCEEDED")
				testkit.Equal(t, "attempts", op.Int("attempts"), 1)
				s.oneCustomer(t, created.String("customer.id"))
			})
		}
	})
}

func TestRefusedCustomerCanBeRetried(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse"})
		created := s.run(t, createCustomer, map[string]any{"email": "ada@example.com"})
		id, operation := created.String("customer.id"), created.String("operation.id")
		s.settle(t)
		op := s.op(t, operation)
		testkit.Equal(t, "status", op.String("status"), "FAILED")
		testkit.Equal(t, "steps", steps(op), "FAILED")
		seen := s.Query(t, `query($id: ID!) { customer(id: $id) { `+customerFields+` } }`, map[string]any{"id": id}).At("customer")
		testkit.Equal(t, "sync status", seen.String("stripe.status"), "FAILED")
		if !seen.Has("stripe.lastError") || seen.Has("stripe.pendingOperation") {
			t.Errorf("the link of a refused customer: %s", seen.Raw())
		}

		again := s.run(t, retryOperation, map[string]any{"operationId": operation})
		testkit.Equal(t, "status of a retry that is refused", again.String("operation.status"), "FAILED")
		testkit.Equal(t, "code", again.String("userErrors.0.code"), "STRIPE_REJECTED")

		s.Stripe.Heal(t)
		again = s.run(t, retryOperation, map[string]any{"operationId": operation})
		testkit.Equal(t, "status of the retry", again.String("operation.status"), "SUCCEEDED")
		s.oneCustomer(t, id)

		again = s.run(t, retryOperation, map[string]any{"operationId": operation})
		testkit.Equal(t, "code of a retry of what succeeded", again.String("userErrors.0.code"), "INVALID_INPUT")
	})
}

// A refused change of a customer leaves both halves as they were; one that is
// refused here at the end, because somebody took the e-mail meanwhile, is
// undone in Stripe.
func TestRefusedCustomerChangeIsUndone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		id := s.customer(t, "ada@example.com", true)
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers/*", Kind: "rate_limit"})
		changed := s.run(t, updateCustomer, map[string]any{
			"customerId": id, "email": "grace@example.com", "name": "Grace",
			"metadata": map[string]any{"team": "x"},
		})
		testkit.Equal(t, "status", changed.String("operation.status"), "PENDING")
		taken := s.run(t, createCustomer, map[string]any{"email": "Grace@example.com"})
		testkit.Equal(t, "user errors of the other", len(taken.List("userErrors")), 0)
		s.Stripe.Heal(t)
		s.settle(t)
		op := s.op(t, changed.String("operation.id"))
		testkit.Equal(t, "status", op.String("status"), "FAILED")
		testkit.Equal(t, "steps", steps(op), "COMPENSATED")
		row := s.customerRow(t, id)
		testkit.Equal(t, "e-mail here", row.Email, "ada@example.com")
		testkit.Equal(t, "sync status", row.StripeStatus, billing.SyncFailed)
		there := s.Stripe.Get(t, "/v1/customers/"+*row.StripeID)
		testkit.Equal(t, "e-mail in Stripe", text(there["email"]), "ada@example.com")
		testkit.Equal(t, "name in Stripe", text(there["name"]), "Ada")
		testkit.Equal(t, "metadata in Stripe", fmt.Sprint(there["metadata"].(map[string]any)["team"]), "<nil>")
	})
}

// A change is undone although Stripe has deleted the customer meanwhile: there is nothing
// to undo any more.
func TestUndoneChangeOfACustomerThatIsGone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		id := s.customer(t, "ada@example.com", true)
		there := *s.customerRow(t, id).StripeID
		w := testkit.NewWire(t)
		kit := *s.Kit
		kit.App = s.Replica(t, w.Lay)
		w.After(func(_ int, r *http.Request) testkit.Verdict {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/customers/"+there {
				w.After(nil)
				s.run(t, createCustomer, map[string]any{"email": "grace@example.com"})
				s.Stripe.Delete(t, "/v1/customers/"+there)
				s.Stripe.Forget(t)
			}
			return testkit.Pass
		})
		email := "grace@example.com"
		changed, err := kit.Customers.UpdateCustomer(testkit.Context(t), customers.UpdateCustomer{CustomerID: id, Email: &email})
		if changed.Operation == nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "status", changed.Operation.Status, billing.OperationFailed)
		for _, r := range s.writes(t) {
			testkit.Equal(t, "request of the undo", r.String(), "POST /v1/customers/"+there)
		}
		testkit.Equal(t, "e-mail here", s.customerRow(t, id).Email, "ada@example.com")
	})
}

func TestDeleteAndRestoreCustomer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		subscribe := func(customer string) (string, string) {
			sub := s.run(t, createSubscription, map[string]any{
				"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
			})
			testkit.Equal(t, "the subscription", sub.String("subscription.status"), "ACTIVE")
			return sub.String("subscription.id"), sub.String("subscription.stripe.id")
		}
		customer := s.customer(t, "ada@example.com", true)
		first := s.oneCustomer(t, customer)
		sub, subThere := subscribe(customer)

		deleted := s.run(t, deleteCustomer, map[string]any{"customerId": customer})
		testkit.Equal(t, "status", deleted.String("operation.status"), "SUCCEEDED")
		testkit.Equal(t, "sync status", deleted.String("customer.stripe.status"), "UNLINKED")
		if !deleted.Has("customer.deletedAt") || deleted.Has("customer.stripe.id") {
			t.Errorf("the deleted customer: %s", deleted.Raw())
		}
		testkit.Equal(t, "deleted in Stripe", s.Stripe.Get(t, "/v1/customers/"+first)["deleted"], any(true))
		testkit.Equal(t, "subscription in Stripe", text(s.Stripe.Get(t, "/v1/subscriptions/"+subThere)["status"]), "canceled")
		row := s.subscriptionRow(t, sub)
		testkit.Equal(t, "subscription here", row.Status, billing.SubscriptionCanceled)
		if row.EndedAt == nil || row.CanceledAt == nil {
			t.Error("the subscription does not tell when it ended")
		}
		history := s.Query(t, `query($id: ID!) { subscription(id: $id) { history { from to cause } } }`, map[string]any{"id": sub}).
			List("subscription.history")
		last := history[len(history)-1]
		testkit.Equal(t, "history", last.String("from")+" "+last.String("to"), "ACTIVE CANCELED")

		restored := s.run(t, restoreCustomer, map[string]any{"customerId": customer})
		testkit.Equal(t, "status", restored.String("operation.status"), "PENDING")
		s.settle(t)
		row2 := s.customerRow(t, customer)
		if row2.StripeID == nil || *row2.StripeID == first || row2.DeletedAt != nil {
			t.Fatalf("the restored customer: %v", row2)
		}
		testkit.Equal(t, "deleted in Stripe", s.Stripe.Get(t, "/v1/customers/"+*row2.StripeID)["deleted"], nil)
		subscribe(customer)

		t.Run("already deleted in Stripe", func(t *testing.T) {
			s.Stripe.Delete(t, "/v1/customers/"+*row2.StripeID)
			deleted := s.run(t, deleteCustomer, map[string]any{"customerId": customer})
			testkit.Equal(t, "status", deleted.String("operation.status"), "SUCCEEDED")
			testkit.Equal(t, "live subscriptions", s.liveSubscriptions(t, customer), 0)
		})
		t.Run("never in Stripe", func(t *testing.T) {
			s.Stripe.Down()
			unlinked := s.customer(t, "grace@example.com", false)
			deleted := s.run(t, deleteCustomer, map[string]any{"customerId": unlinked})
			testkit.Equal(t, "status", deleted.String("operation.status"), "PENDING")
			if s.customerRow(t, unlinked).DeletedAt != nil {
				t.Error("the customer is deleted here before it is in Stripe")
			}
			s.Stripe.Up(t)
			s.settle(t)
			if s.customerRow(t, unlinked).DeletedAt == nil {
				t.Error("the customer is not deleted")
			}
			testkit.Equal(t, "customers left in Stripe", len(s.all(t, "/v1/customers")), 0)
		})
		t.Run("the answer is lost", func(t *testing.T) {
			customer := s.customer(t, "hedy@example.com", true)
			subscribe(customer)
			s.Stripe.Fail(t, testkit.Fault{Method: "DELETE", Path: "/v1/customers/*", Kind: "stored_error_after", Count: 1})
			deleted := s.run(t, deleteCustomer, map[string]any{"customerId": customer})
			testkit.Equal(t, "status", deleted.String("operation.status"), "SUCCEEDED")
			testkit.Equal(t, "live subscriptions", s.liveSubscriptions(t, customer), 0)
		})
	})
}

// liveSubscriptions counts a customer's subscriptions here that have not
// ended.
func (s *shop) liveSubscriptions(t *testing.T, customer string) int {
	t.Helper()
	rows, err := s.customerRow(t, customer).QuerySubscriptions().All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range rows {
		if !row.Status.Ended() {
			n++
		}
	}
	return n
}
