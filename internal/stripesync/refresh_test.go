package stripesync_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/testkit"
)

// refresh mirrors an object, as an event about it would.
func (s *shop) refresh(t testing.TB, objectType, stripeID string) {
	t.Helper()
	if _, err := s.Mirror.Refresh(t.Context(), objectType, stripeID); err != nil {
		t.Fatalf("refresh the %s: %v", objectType, err)
	}
}

// TestReportsDoNotHideWhatNeedsAttention lets Stripe report the objects of an
// operation that needs attention: nothing is doubled, the trouble stays in
// sight, and retrying ends it.
func TestReportsDoNotHideWhatNeedsAttention(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		old := s.priceRow(t, *product.DefaultPriceID)
		fault := restoreDefaultCall(old)
		fault.Kind = "refuse"
		id := s.refusedChange(t, product, old, fault).String("operation.id")
		created := s.createdPrice(t, id)
		s.Stripe.Heal(t)

		if _, err := s.Mirror.Refresh(t.Context(), "price", created); err == nil {
			t.Error("the new price was mirrored while its operation is unfinished")
		}
		if _, err := s.Mirror.Refresh(t.Context(), "product", *product.StripeID); err != nil && !errors.Is(err, mirror.ErrBusy) {
			t.Error(err)
		}
		if n := s.Store.Reader.Price.Query().Where(price.ProductID(product.ID)).CountX(t.Context()); n != 2 {
			t.Errorf("%d prices, want 2", n)
		}
		row := s.productRow(t, product.ID)
		testkit.Equal(t, "the product's link", row.StripeStatus, billing.SyncFailed)
		testkit.Equal(t, "its operation", deref(row.StripeOperationID), id)

		s.run(t, retryOperation, map[string]any{"operationId": id})
		s.settle(t)
		op := s.op(t, id)
		testkit.Equal(t, "the operation", op.String("status"), "FAILED")
		if reason := op.String("lastError"); strings.Contains(reason, "Undoing") {
			t.Errorf("the operation failed because %s", reason)
		}
		s.equalCatalogues(t)
	})
}

// TestCustomerDeletedWhileASubscriptionWaits refuses the subscription and
// leaves nothing of it.
func TestCustomerDeletedWhileASubscriptionWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/subscriptions", Kind: "rate_limit"})
		answer := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
		})
		testkit.Equal(t, "the operation", answer.String("operation.status"), "PENDING")
		stripeID := *s.customerRow(t, customer).StripeID
		s.Stripe.Heal(t)
		s.Stripe.Delete(t, "/v1/customers/"+stripeID)
		s.refresh(t, "customer", stripeID)

		s.settle(t)
		testkit.Equal(t, "the operation", s.op(t, answer.String("operation.id")).String("status"), "FAILED")
		if n := s.Store.Reader.Subscription.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}

// TestRepeatedAnswerIsNotThePresent loses the answer to a payment, lets the
// subscription be canceled in Stripe, and then repeats the request: the answer
// that Stripe repeats tells of a subscription that was active.
func TestRepeatedAnswerIsNotThePresent(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		here := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
			"paymentBehavior": "DEFAULT_INCOMPLETE",
		}).String("subscription.id")
		row := s.subscriptionRow(t, here)
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/invoices/*/pay", Kind: "drop_after", Count: 3})
		paid := s.run(t, `mutation($input: PayInvoiceInput!) { payInvoice(input: $input) { invoice { status } `+operationFields+errorFields+` } }`,
			map[string]any{"invoiceId": *row.LatestInvoiceID, "paymentMethod": "pm_card_visa"})
		testkit.Equal(t, "the operation", paid.String("operation.status"), "PENDING")

		s.Stripe.Delete(t, "/v1/subscriptions/"+*row.StripeID)
		s.available(t)
		if _, err := s.Mirror.Refresh(t.Context(), "subscription", *row.StripeID); !errors.Is(err, mirror.ErrBusy) {
			t.Errorf("the subscription was mirrored while its invoice is being paid: %v", err)
		}
		s.settle(t)
		testkit.Equal(t, "the operation", s.op(t, paid.String("operation.id")).String("status"), "SUCCEEDED")
		testkit.Equal(t, "the subscription", s.subscriptionRow(t, here).Status, billing.SubscriptionCanceled)
		testkit.Equal(t, "the invoice", s.Store.Reader.Invoice.GetX(t.Context(), *row.LatestInvoiceID).Status, billing.InvoicePaid)
	})
}

// TestBusyObjectsAreNotAskedFor leaves Stripe alone while an operation is
// changing what an event is about.
func TestBusyObjectsAreNotAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products/*", Kind: "rate_limit", Count: 3})
		answer := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
		testkit.Equal(t, "the operation", answer.String("operation.status"), "PENDING")
		s.Stripe.Forget(t)
		if _, err := s.Mirror.Refresh(t.Context(), "product", *product.StripeID); err == nil {
			t.Error("the product was mirrored in the middle of its change")
		}
		if n := len(s.Stripe.Requests(t)); n != 0 {
			t.Errorf("%d requests, want none", n)
		}
	})
}

// TestProductDeletedInStripe refuses changes of it, and shows it as archived.
func TestProductDeletedInStripe(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		id := s.run(t, createProduct, map[string]any{"name": "X"}).String("product.id")
		stripeID := *s.productRow(t, id).StripeID
		s.Stripe.Delete(t, "/v1/products/"+stripeID)
		s.refresh(t, "product", stripeID)
		answer := s.Query(t, `mutation($input: UpdateProductInput!) { updateProduct(input: $input) { userErrors { code path } } }`,
			map[string]any{"input": map[string]any{"productId": id, "active": true}}).At("updateProduct")
		testkit.Equal(t, "the code", answer.String("userErrors.0.code"), "STRIPE_REJECTED")
		row := s.productRow(t, id)
		testkit.Equal(t, "on sale", row.Active, false)
		testkit.Equal(t, "the link", row.StripeStatus, billing.SyncUnlinked)
	})
}

// TestReportOfACustomerThatIsLinkedMeanwhile lets the operation that creates a
// customer end while Stripe is asked about it: the customer is found to be the
// one that is linked, and not another one with the same e-mail.
func TestReportOfACustomerThatIsLinkedMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "drop_after", Count: 3})
		id := s.run(t, createCustomer, map[string]any{"email": "ada@example.com"}).String("customer.id")
		s.Work(t)
		stripeID := text(s.all(t, "/v1/customers")[0]["id"])
		s.available(t)

		w := testkit.NewWire(t)
		w.After(func(n int, _ *http.Request) testkit.Verdict {
			if n == 1 {
				s.settle(t)
			}
			return testkit.Pass
		})
		if _, err := s.Replica(t, w.Lay).Mirror.Refresh(t.Context(), "customer", stripeID); err != nil {
			t.Error(err)
		}
		row := s.customerRow(t, id)
		testkit.Equal(t, "the customer in Stripe", deref(row.StripeID), stripeID)
		testkit.Equal(t, "its link", row.StripeStatus, billing.SyncSynced)
	})
}
