package stripesync_test

import (
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

const resolveOperation = `mutation($input: ResolveOperationInput!) { resolveOperation(input: $input) { ` + operationFields + errorFields + ` } }`

// TestResolveOperation gives up an operation that needs attention: what Stripe
// has is shown, and the product or customer can be changed again.
func TestResolveOperation(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		stuck := func(t *testing.T, name string) (*ent.Product, string) {
			t.Helper()
			product := s.product(t, name)
			old := s.priceRow(t, *product.DefaultPriceID)
			fault := restoreDefaultCall(old)
			fault.Kind = "refuse"
			id := s.refusedChange(t, product, old, fault).String("operation.id")
			testkit.Equal(t, "at first", s.row(t, id).Status, billing.OperationNeedsAttention)
			s.Stripe.Heal(t)
			return product, id
		}

		t.Run("a price change shows both prices as Stripe has them", func(t *testing.T) {
			product, id := stuck(t, "A")
			input := map[string]any{"operationId": id, "accept": "STRIPE", "idempotencyKey": "once"}
			answer := s.run(t, resolveOperation, input)
			testkit.Equal(t, "errors", len(answer.List("userErrors")), 0)
			testkit.Equal(t, "the operation", answer.String("operation.status"), "FAILED")
			s.equalProduct(t, product.ID)
			row := s.productRow(t, product.ID)
			testkit.Equal(t, "the product's link", row.StripeStatus, billing.SyncSynced)
			testkit.Equal(t, "the new default price", s.priceRow(t, *row.DefaultPriceID).UnitAmount, 2000)
			testkit.Equal(t, "again", s.run(t, resolveOperation, input).String("operation.id"), id)

			next := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 3000})
			testkit.Equal(t, "the next change", next.String("operation.status"), "SUCCEEDED")
			testkit.Equal(t, "needing attention", s.Query(t, `{ billingHealth { needsAttention } }`).Int("billingHealth.needsAttention"), 0)
		})

		t.Run("a new subscription that faults here have stopped", func(t *testing.T) {
			product := s.product(t, "B")
			customer := s.customer(t, "ada@example.com", true)
			heal := s.breakTable(t, "invoices")
			answer := s.run(t, createSubscription, map[string]any{
				"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
			})
			id := answer.String("operation.id")
			s.faultUntilAttention(t, id)
			heal()
			resolved := s.run(t, resolveOperation, map[string]any{"operationId": id})
			testkit.Equal(t, "the operation", resolved.String("operation.status"), "FAILED")
			row := s.subscriptionRow(t, answer.String("subscription.id"))
			testkit.Equal(t, "the subscription", row.Status, billing.SubscriptionActive)
			testkit.Equal(t, "its link", row.StripeStatus, billing.SyncSynced)
			testkit.Equal(t, "subscriptions in Stripe", len(s.all(t, "/v1/subscriptions")), 1)
		})

		t.Run("not while Stripe is down", func(t *testing.T) {
			_, id := stuck(t, "C")
			s.Stripe.Down()
			answer := s.run(t, resolveOperation, map[string]any{"operationId": id})
			testkit.Equal(t, "the code", answer.String("userErrors.0.code"), "STRIPE_UNAVAILABLE")
			testkit.Equal(t, "the operation", s.row(t, id).Status, billing.OperationNeedsAttention)
			s.Stripe.Up(t)
			s.available(t)
			testkit.Equal(t, "later", s.run(t, resolveOperation, map[string]any{"operationId": id}).String("operation.status"), "FAILED")
		})

		t.Run("only what needs attention", func(t *testing.T) {
			done := s.run(t, createProduct, map[string]any{"name": "D"}).String("operation.id")
			for id, code := range map[string]string{
				done: "INVALID_INPUT", "nonsense": "INVALID_INPUT", "opn_00000000000000000000000000": "NOT_FOUND",
			} {
				answer := s.run(t, resolveOperation, map[string]any{"operationId": id})
				testkit.Equal(t, "the code for "+id, answer.String("userErrors.0.code"), code)
				testkit.Equal(t, "the path", answer.String("userErrors.0.path.1"), "operationId")
			}
		})
	})
}

// TestUnresolvedForgetsNothing fails to resolve a new price that was never sent, because
// Stripe is down, and then retries it.
func TestUnresolvedForgetsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		heal := s.breakTable(t, "stripe_calls")
		id := s.run(t, addProductPrice, map[string]any{"productId": product.ID, "unitAmount": 700, "currency": "USD"}).String("operation.id")
		s.faultUntilAttention(t, id)
		heal()
		s.Stripe.Down()
		resolved := s.run(t, resolveOperation, map[string]any{"operationId": id})
		testkit.Equal(t, "while Stripe is down", resolved.String("userErrors.0.code"), "STRIPE_UNAVAILABLE")
		s.Stripe.Up(t)
		s.available(t)
		s.run(t, retryOperation, map[string]any{"operationId": id})
		s.settle(t)
		testkit.Equal(t, "the retry", s.row(t, id).Status, billing.OperationSucceeded)
		s.equalCatalogues(t)
	})
}
