package stripesync_test

import (
	"testing"
	"time"

	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// TestFaultHereComesIntoSight takes away what the end of an operation needs:
// each try is counted and shows why, and in the end somebody has to look.
func TestFaultHereComesIntoSight(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		s.Stripe.Down()
		answer := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
		id := answer.String("operation.id")
		testkit.Equal(t, "status", answer.String("operation.status"), "PENDING")
		s.Store.Writer.Price.Delete().Where(price.ProductID(product.ID), price.StatusEQ(billing.PricePending)).ExecX(t.Context())
		s.Stripe.Up(t)
		s.available(t)

		const most = 30
		for try := 0; s.row(t, id).Status != billing.OperationNeedsAttention; try++ {
			if try == most {
				t.Fatalf("the operation is %s after %d tries", s.row(t, id).Status, most)
			}
			if _, err := s.Engine.Run(t.Context(), id); err == nil {
				t.Fatal("the operation ended without its price")
			}
			if row := s.row(t, id); row.Status == billing.OperationRunning || row.LastError == nil {
				t.Fatalf("after try %d the operation is %s: %s", try, row.Status, deref(row.LastError))
			}
			s.Clock.Advance(2 * time.Minute)
		}
		row := s.row(t, id)
		if row.Attempts < 20 || row.LastError == nil || row.LeaseToken != nil {
			t.Errorf("%d attempts, last error %s, lease %s", row.Attempts, deref(row.LastError), deref(row.LeaseToken))
		}
		testkit.Equal(t, "the product", s.productRow(t, product.ID).StripeStatus, billing.SyncFailed)
		testkit.Equal(t, "needing attention", s.Query(t, `{ billingHealth { needsAttention } }`).Int("billingHealth.needsAttention"), 1)
	})
}

// breakTable makes the database refuse new rows of a table, as a full disk would, until
// heal is called.
func (s *shop) breakTable(t *testing.T, table string) (heal func()) {
	t.Helper()
	exec := func(query string) {
		t.Helper()
		if _, err := s.Store.DB.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	if s.Database == "sqlite" {
		exec(`CREATE TRIGGER broken BEFORE INSERT ON ` + table + ` BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
		return func() { exec(`DROP TRIGGER broken`) }
	}
	exec(`CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$ LANGUAGE plpgsql`)
	exec(`CREATE TRIGGER broken BEFORE INSERT ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION broken()`)
	return func() { exec(`DROP TRIGGER broken ON ` + table) }
}

// faultUntilAttention tries an operation that something here stops, until somebody has to
// look.
func (s *shop) faultUntilAttention(t *testing.T, id string) {
	t.Helper()
	for try := 0; s.row(t, id).Status != billing.OperationNeedsAttention && try < 30; try++ {
		s.Clock.Advance(2 * time.Minute)
		if _, err := s.Engine.Run(t.Context(), id); err == nil {
			t.Fatal("the operation has come to an end")
		}
	}
	testkit.Equal(t, "status after the faults", s.row(t, id).Status, billing.OperationNeedsAttention)
}

// TestRetryAfterFaultsRepeatsNothing lets the database refuse the end of a new
// subscription until somebody has to look, and then retries: Stripe has one
// subscription, and is asked for nothing again.
func TestRetryAfterFaultsRepeatsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		heal := s.breakTable(t, "invoices")
		id := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
		}).String("operation.id")
		s.faultUntilAttention(t, id)
		row := s.row(t, id)
		testkit.Equal(t, "the last step", row.Steps[len(row.Steps)-1].Status, billing.StepDone)

		heal()
		s.Stripe.Forget(t)
		s.run(t, retryOperation, map[string]any{"operationId": id})
		s.settle(t)
		testkit.Equal(t, "status of the retry", s.row(t, id).Status, billing.OperationSucceeded)
		testkit.Equal(t, "requests of the retry", len(s.Stripe.Requests(t)), 0)
		testkit.Equal(t, "subscriptions in Stripe", len(s.all(t, "/v1/subscriptions", "status", "all")), 1)
	})
}

// TestWaitsForStripeAreNoFaults lets an operation wait for Stripe many times,
// and then meet one fault here: it goes on by itself.
func TestWaitsForStripeAreNoFaults(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/subscriptions", Kind: "rate_limit"})
		id := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
		}).String("operation.id")
		for try := 0; s.row(t, id).Attempts < 25 && try < 60; try++ {
			s.Clock.Advance(2 * time.Minute)
			if _, err := s.Engine.Run(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		s.Stripe.Heal(t)
		heal := s.breakTable(t, "invoices")
		s.Clock.Advance(2 * time.Minute)
		if _, err := s.Engine.Run(t.Context(), id); err == nil {
			t.Fatal("the operation ended without its invoice")
		}
		testkit.Equal(t, "after the fault", s.row(t, id).Status, billing.OperationPending)
		heal()
		s.Clock.Advance(2 * time.Minute)
		if _, err := s.Engine.Run(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "in the end", s.row(t, id).Status, billing.OperationSucceeded)
	})
}
