package simulation_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/testkit"
)

// What no single fault brings about: two of them in one operation, or a fault and what
// people do meanwhile. Each of these has once left the two halves unequal.

// onStages runs a test on a stage of each database.
func onStages(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			test(t, newStage(t, database))
		})
	}
}

// TestResolveWithOneQueuedBehind resolves an operation that another one waits for.
func TestResolveWithOneQueuedBehind(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		customer, taken := s.customer(), s.name("taken")+"@example.com"
		s.calm(t)
		s.wire.Forget()
		s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
			switch i {
			case 1: // the e-mail is taken when the change comes to its end, and another change queues up
				s.command("createCustomer", object{"email": taken})
				ctx, cancel := context.WithTimeout(testkit.Context(t), 300*time.Millisecond)
				defer cancel()
				name := "Queued"
				if _, err := s.App.Customers.UpdateCustomer(ctx, customers.UpdateCustomer{CustomerID: customer.ID, Name: &name}); err != nil {
					t.Logf("queued: %v", err)
				}
			case 2:
				s.failThis(r, "refuse")
			}
			return testkit.Pass
		})
		s.command("updateCustomer", object{"customerId": customer.ID, "email": taken, "name": "New"})
		s.wire.Before(nil)
		stuck := s.Store.Reader.Operation.Query().
			Where(operation.KindEQ(billing.KindUpdateCustomer), operation.StatusEQ(billing.OperationNeedsAttention)).OnlyX(t.Context())
		answer := s.Send(t, commandDocument("resolveOperation"), object{"input": object{"operationId": stuck.ID}})
		if answer.Has("errors") || answer.Has("data.resolveOperation.userErrors.0") {
			t.Errorf("it cannot be resolved: %s", answer.Raw())
		}
		s.calm(t)
		s.compare(t)
	})
}

// TestRetryAfterAdoption retries a sign-up that Stripe has refused, after somebody has made
// the customer in the dashboard.
func TestRetryAfterAdoption(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		email := s.name("dup") + "@example.com"
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
		s.command("createCustomer", object{"email": email})
		s.work()
		s.dashboard("POST", "/v1/customers", object{"email": email})
		s.events()
		answer := s.Send(t, commandDocument("retryOperation"), object{"input": object{"operationId": s.newest(billing.KindCreateCustomer).ID}})
		testkit.Equal(t, "code", answer.String("data.retryOperation.userErrors.0.code"), "INVALID_INPUT")
		s.calm(t)
		testkit.Equal(t, "customers in Stripe", len(s.Stripe.All(t, "/v1/customers", nil)), 1)
		s.compare(t)
	})
}

// TestRefusedPriceThatIsGone deletes a new price in the dashboard before the next step is
// refused because of that.
func TestRefusedPriceThatIsGone(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		product, _ := s.product()
		s.calm(t)
		s.wire.Forget()
		s.wire.Before(func(i int, _ *http.Request) testkit.Verdict {
			if i == 2 { // set_default_price
				there := s.Store.Reader.Product.GetX(t.Context(), product)
				for _, p := range s.Stripe.All(t, "/v1/prices", map[string][]string{"product": {*there.StripeID}}) {
					if p["unit_amount"] == 2000.0 {
						s.Stripe.Change(t, p["id"].(string), object{"deleted": true}, "price.deleted")
					}
				}
				s.events()
			}
			return testkit.Pass
		})
		s.command("updateProductPrice", object{"productId": product, "unitAmount": 2000})
		s.wire.Before(nil)
		s.calm(t)
		testkit.Equal(t, "status", s.newest(billing.KindUpdateProductPrice).Status, billing.OperationFailed)
		testkit.Equal(t, "link", s.newestPrice().StripeStatus, billing.SyncUnlinked)
		s.compare(t)
	})
}

// TestFindAfterAnEmailChange loses the answers to a sign-up, and has somebody correct the
// e-mail in the dashboard before the customer is looked for.
func TestFindAfterAnEmailChange(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		s.wire.Forget()
		s.wire.After(func(int, *http.Request) testkit.Verdict { return testkit.Drop })
		s.command("createCustomer", object{"email": s.name("find") + "@example.com"})
		s.work()
		s.wire.After(nil)
		made := s.Stripe.All(t, "/v1/customers", nil)[0]["id"].(string)
		s.dashboard("POST", "/v1/customers/"+made, object{"email": "corrected@example.com"})
		s.passes("25h", 25*time.Hour)
		s.calm(t)
		testkit.Equal(t, "customers in Stripe", len(s.Stripe.All(t, "/v1/customers", nil)), 1)
		s.sound(t)
		s.compare(t)
	})
}

// TestRetryUndoesWhatWas retries an operation whose undoing was refused, after Stripe's
// event has shown the change here: it must be taken back all the same.
func TestRetryUndoesWhatWas(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		customer, taken := s.customer(), s.name("taken")+"@example.com"
		s.calm(t)
		s.wire.Forget()
		s.wire.Before(func(i int, r *http.Request) testkit.Verdict {
			switch i {
			case 1: // so that the change is refused at its end
				s.command("createCustomer", object{"email": taken})
			case 2:
				s.failThis(r, "refuse")
			}
			return testkit.Pass
		})
		s.command("updateCustomer", object{"customerId": customer.ID, "email": taken, "name": "New"})
		s.wire.Before(nil)
		stuck := s.newest(billing.KindUpdateCustomer)
		testkit.Equal(t, "status", stuck.Status, billing.OperationNeedsAttention)
		s.events()
		s.command("retryOperation", object{"operationId": stuck.ID})
		s.calm(t)
		testkit.Equal(t, "status after the retry", s.newest(billing.KindUpdateCustomer).Status, billing.OperationFailed)
		row := s.Store.Reader.Customer.GetX(t.Context(), customer.ID)
		testkit.Equal(t, "name", row.Name, customer.Name)
		testkit.Equal(t, "e-mail", row.Email, customer.Email)
		s.compare(t)
	})
}

// TestRefusedLook has Stripe refuse to tell whether it has made a price whose answer was
// lost: that is no refusal of the change.
func TestRefusedLook(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		product, _ := s.product()
		s.calm(t)
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/prices", Kind: "stored_error_after", Count: 1})
		s.Stripe.Fail(t, testkit.Fault{Method: "GET", Path: "/v1/prices", Kind: "refuse", Count: 1})
		s.command("updateProductPrice", object{"productId": product, "unitAmount": 2000})
		s.calm(t)
		op := s.newest(billing.KindUpdateProductPrice)
		testkit.Equal(t, "status", op.Status, billing.OperationSucceeded)
		s.sound(t)
		s.compare(t)
	})
}
