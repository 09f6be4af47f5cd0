package stripesync_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

// insert writes the row of an operation as an earlier version has left it:
// begun, and then stopped.
func (s *shop) insert(t *testing.T, kind billing.OperationKind, subject, scope, params string, steps ...billing.OperationStep) string {
	t.Helper()
	id := stripesync.NewID()
	s.Store.Writer.Operation.Create().
		SetID(id).SetKind(kind).SetSubjectID(subject).SetScopeID(scope).SetPosition(1000).
		SetParams(json.RawMessage(params)).SetSteps(steps).
		ExecX(t.Context())
	return id
}

func todo(names ...string) []billing.OperationStep {
	steps := make([]billing.OperationStep, len(names))
	for i, name := range names {
		steps[i] = billing.OperationStep{Name: name, Status: billing.StepTodo}
	}
	return steps
}

// TestOperationsOfAnEarlierVersion carries out what was begun before the terms
// of a price and the results of steps had types of their own.
func TestOperationsOfAnEarlierVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		old := s.priceRow(t, *product.DefaultPriceID)

		t.Run("a price change", func(t *testing.T) {
			row := s.Store.Writer.Price.Create().SetProductID(product.ID).SetUnitAmount(2000).SetCurrency("USD").
				SetInterval(billing.IntervalYear).SetIntervalCount(1).SetStatus(billing.PricePending).SaveX(t.Context())
			id := s.insert(t, billing.KindUpdateProductPrice, product.ID, product.ID, fmt.Sprintf(
				`{"product_id": %q, "product_stripe_id": %q, "default_price": %[5]q,
				"price": {"id": %[3]q, "unit_amount": 2000, "currency": "USD", "recurring": {"interval": "YEAR", "interval_count": 1},
				"nickname": "Yearly", "lookup_key": %[6]q}, "old": {"id": %[4]q, "stripe_id": %[5]q, "lookup_key": %[6]q}}`,
				product.ID, *product.StripeID, row.ID, old.ID, *old.StripeID, *old.LookupKey,
			), todo("create_price", "set_default_price", "archive_old_price")...)
			s.settle(t)
			testkit.Equal(t, "status", s.row(t, id).Status, billing.OperationSucceeded)
			s.equalProduct(t, product.ID)
			there := s.Stripe.Get(t, "/v1/prices/"+*s.priceRow(t, row.ID).StripeID)
			testkit.Equal(t, "amount in Stripe", there["unit_amount"], any(2000.0))
			testkit.Equal(t, "nickname in Stripe", text(there["nickname"]), "Yearly")
			testkit.Equal(t, "lookup key in Stripe", text(there["lookup_key"]), *old.LookupKey)
		})

		t.Run("a new product", func(t *testing.T) {
			row := s.Store.Writer.Product.Create().SetName("Solo").SetActive(false).SaveX(t.Context())
			first := s.Store.Writer.Price.Create().SetProductID(row.ID).SetUnitAmount(900).SetCurrency("USD").
				SetStatus(billing.PricePending).SaveX(t.Context())
			id := s.insert(t, billing.KindCreateProduct, row.ID, row.ID, fmt.Sprintf(
				`{"product_id": %q, "product": {"name": "Solo", "metadata": {"a": "1"}},
				"price": {"id": %q, "unit_amount": 900, "currency": "USD", "lookup_key": "solo"}}`, row.ID, first.ID,
			), todo("create_product", "create_price", "set_default_price")...)
			s.settle(t)
			testkit.Equal(t, "status", s.row(t, id).Status, billing.OperationSucceeded)
			s.equalProduct(t, row.ID)
			testkit.Equal(t, "the lookup key here", s.Store.Reader.Price.Query().Where(price.LookupKey("solo")).OnlyIDX(t.Context()), first.ID)
		})

		t.Run("a cancellation that Stripe has carried out", func(t *testing.T) {
			customer := s.customer(t, "ada@example.com", true)
			here, there := s.subscribe(t, customer, *s.productRow(t, product.ID).DefaultPriceID)
			s.Stripe.Delete(t, "/v1/subscriptions/"+there)
			now := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
			seen := fmt.Sprintf(`{"stripe_id": %q, "status": "CANCELED", "canceled_at": %[2]q, "ended_at": %[2]q, "as_of": %[2]q}`, there, now)
			id := s.insert(t, billing.KindCancelSubscription, here, customer, fmt.Sprintf(
				`{"subscription_id": %q, "stripe_id": %q, "customer_id": %q, "cancel": {"at": "IMMEDIATELY"}}`, here, there, customer,
			), billing.OperationStep{
				Name: "cancel_subscription", Status: billing.StepDone, Result: map[string]string{"subscription": seen},
			})
			s.Store.Writer.Subscription.UpdateOneID(here).SetStripeOperationID(id).ExecX(t.Context())
			s.Stripe.Forget(t)
			s.settle(t)
			testkit.Equal(t, "status", s.row(t, id).Status, billing.OperationSucceeded)
			testkit.Equal(t, "requests", len(s.Stripe.Requests(t)), 0)
			testkit.Equal(t, "the subscription", s.subscriptionRow(t, here).Status, billing.SubscriptionCanceled)
		})
	})
}
