package stripesync_test

import (
	"net/url"
	"testing"
	"time"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

const (
	updateProductName = `mutation($input: UpdateProductInput!) { updateProduct(input: $input) { ` + operationFields + errorFields + ` } }`
	voidInvoice       = `mutation($input: VoidInvoiceInput!) { voidInvoice(input: $input) { invoice { status stripe { status lastError } } ` + operationFields + errorFields + ` } }`
)

// TestAttentionBlocksItsSubjectAlone leaves an operation on one subscription
// waiting for a person: the customer's other subscription can be canceled, and
// what Stripe reports of it is shown.
func TestAttentionBlocksItsSubjectAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		other, _ := s.subscribe(t, customer, *product.DefaultPriceID)
		third, thirdThere := s.subscribe(t, customer, *product.DefaultPriceID)
		heal := s.breakTable(t, "invoices")
		stuck := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "paymentMethod": "pm_card_visa",
		}).String("operation.id")
		for try := 0; s.row(t, stuck).Status != billing.OperationNeedsAttention && try < 30; try++ {
			s.Clock.Advance(2 * time.Minute)
			if _, err := s.Engine.Run(t.Context(), stuck); err == nil {
				t.Fatal("the operation ended without its invoice")
			}
		}
		heal()

		canceled := s.run(t, cancelSubscription, map[string]any{"subscriptionId": other, "at": "IMMEDIATELY"})
		testkit.Equal(t, "cancellation of another subscription", canceled.String("operation.status"), "SUCCEEDED")
		s.Stripe.Delete(t, "/v1/subscriptions/"+thirdThere)
		s.refresh(t, "subscription", thirdThere)
		testkit.Equal(t, "what Stripe reports of the third", s.subscriptionRow(t, third).Status, billing.SubscriptionCanceled)
		testkit.Equal(t, "the stuck one", s.row(t, stuck).Status, billing.OperationNeedsAttention)

		s.run(t, retryOperation, map[string]any{"operationId": stuck})
		s.settle(t)
		testkit.Equal(t, "after a retry", s.row(t, stuck).Status, billing.OperationSucceeded)
	})
}

// TestNothingIsLeftToUndo lets the object that a change is about disappear in
// Stripe after a request whose answer was lost: a customer is linked anew, undoing
// has nothing to do otherwise, and everything can go on.
func TestNothingIsLeftToUndo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		t.Run("of a customer", func(t *testing.T) {
			customer := s.customer(t, "ada@example.com", true)
			there := *s.customerRow(t, customer).StripeID
			s.Stripe.Fail(t, testkit.Fault{Kind: "server_error", Method: "POST", Path: "/v1/customers/*", Count: 3})
			update := s.run(t, updateCustomer, map[string]any{"customerId": customer, "name": "Grace"})
			testkit.Equal(t, "at first", update.String("operation.status"), "PENDING")
			s.Stripe.Heal(t)
			s.available(t)
			s.Stripe.Delete(t, "/v1/customers/"+there)
			s.settle(t)
			testkit.Equal(t, "in the end", s.row(t, update.String("operation.id")).Status, billing.OperationSucceeded)
			row := s.customerRow(t, customer)
			testkit.Equal(t, "it is linked anew", row.StripeID != nil && *row.StripeID != there, true)
			testkit.Equal(t, "name in Stripe", text(s.Stripe.Get(t, "/v1/customers/"+*row.StripeID)["name"]), "Grace")

			s.refresh(t, "customer", there)
			deleted := s.run(t, deleteCustomer, map[string]any{"customerId": customer})
			testkit.Equal(t, "the deletion", deleted.String("operation.status"), "SUCCEEDED")
			again := s.run(t, createCustomer, map[string]any{"email": "ada@example.com"})
			testkit.Equal(t, "user errors of who comes next", len(again.List("userErrors")), 0)
		})
		t.Run("of a product", func(t *testing.T) {
			id := s.run(t, createProduct, map[string]any{"name": "A"}).String("product.id")
			there := *s.productRow(t, id).StripeID
			s.Stripe.Fail(t, testkit.Fault{Kind: "server_error", Method: "POST", Path: "/v1/products/*", Count: 3})
			update := s.run(t, updateProductName, map[string]any{"productId": id, "name": "B"})
			s.Stripe.Heal(t)
			s.available(t)
			s.Stripe.Delete(t, "/v1/products/"+there)
			s.settle(t)
			testkit.Equal(t, "in the end", s.row(t, update.String("operation.id")).Status, billing.OperationFailed)
		})
	})
}

// TestRefusedVoidShowsWhatHolds voids an invoice that was paid in Stripe
// without us knowing: the refusal says so, and readers see it paid.
func TestRefusedVoidShowsWhatHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		sent := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": *product.DefaultPriceID, "collection": "SEND_INVOICE", "daysUntilDue": 3,
		})
		there := text(s.all(t, "/v1/invoices")[0]["id"])
		s.Stripe.Post(t, "/v1/invoices/"+there+"/finalize", nil)
		s.refresh(t, "invoice", there)
		s.Stripe.Post(t, "/v1/invoices/"+there+"/pay", url.Values{"paid_out_of_band": {"true"}})

		answer := s.run(t, voidInvoice, map[string]any{"invoiceId": s.invoiceOf(t, sent.String("subscription.id"))})
		testkit.Equal(t, "the operation", answer.String("operation.status"), "FAILED")
		testkit.Equal(t, "the code", answer.String("userErrors.0.code"), "STRIPE_REJECTED")
		testkit.Equal(t, "the invoice", answer.String("invoice.status"), "PAID")
		testkit.Equal(t, "its link", answer.String("invoice.stripe.status"), "FAILED")
	})
}
