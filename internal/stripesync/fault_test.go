package stripesync_test

import (
	"testing"
	"time"

	"tallystick/ent/price"
	"tallystick/internal/billing"
)

// TestFaultHereComesIntoSight takes away what the end of an operation needs:
// each try is counted and shows why, and in the end somebody has to look.
func TestFaultHereComesIntoSight(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		s.Stripe.Down()
		answer := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
		id := answer.String("operation.id")
		want(t, "status", answer.String("operation.status"), "PENDING")
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
		want(t, "the product", s.productRow(t, product.ID).StripeStatus, billing.SyncFailed)
		want(t, "needing attention", s.Query(t, `{ billingHealth { needsAttention } }`).Int("billingHealth.needsAttention"), 1)
	})
}
