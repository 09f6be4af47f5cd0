package stripesync_test

import (
	"slices"
	"strings"
	"testing"

	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/reconciliation"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
	"tallystick/internal/testkit/stripespec"
)

// Commands with all that they can be given send Stripe what its specification allows,
// and so do looking and undoing. The fault matrix checks what is left.
func TestRequestsFollowStripesSpecification(t *testing.T) {
	t.Parallel()
	s := newShop(t, "sqlite")
	w := testkit.NewWire(t)
	stripespec.Check(t, w)
	c := s.Replica(t, w.Lay)
	ctx := testkit.Context(t)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for {
			ids, err := s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).IDs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(ids) == 0 {
				return
			}
			for _, id := range ids {
				if _, err := c.Engine.Run(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	word := func(s string) *string { return &s }
	number := func(n int) *int { return &n }
	yearly := &billing.Recurring{Interval: billing.IntervalYear, IntervalCount: 2}
	metadata := map[string]string{"team": "a", "gone": ""}

	product, err := c.Catalog.CreateProduct(ctx, catalog.CreateProduct{
		Name: "Team", Description: word("For a team."), Metadata: map[string]string{"team": "a"},
		Price: &billing.PriceTerms{UnitAmount: 1000, Currency: "USD", Recurring: yearly, LookupKey: word("team"), Nickname: word("Team")},
	})
	ok(err)
	id := product.Product.ID
	_, err = c.Catalog.UpdateProduct(ctx, catalog.UpdateProduct{ProductID: id, Name: word("Teams"), Description: word(""), Metadata: metadata})
	ok(err)
	added, err := c.Catalog.AddProductPrice(ctx, catalog.AddProductPrice{ProductID: id, PriceTerms: billing.PriceTerms{
		UnitAmount: 500, Currency: "JPY", LookupKey: word("once"),
	}})
	ok(err)
	_, err = c.Catalog.ArchivePrice(ctx, catalog.ArchivePrice{PriceID: added.Price.ID})
	ok(err)
	changed, err := c.Catalog.UpdateProductPrice(ctx, catalog.UpdateProductPrice{ProductID: id, PriceChange: billing.PriceChange{UnitAmount: 2000}})
	ok(err)
	price := changed.Price.ID

	customer, err := c.Customers.CreateCustomer(ctx, customers.CreateCustomer{
		Email: "ada@example.com", Name: word("Ada"), Metadata: map[string]string{"team": "a"},
	})
	ok(err)
	cus := customer.Customer.ID
	_, err = c.Customers.UpdateCustomer(ctx, customers.UpdateCustomer{
		CustomerID: cus, Email: word("ada@example.org"), Name: word(""), Metadata: metadata,
	})
	ok(err)
	charged, err := c.Subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: cus, PriceID: &price, PaymentMethod: word("pm_card_visa"), TrialDays: number(7),
		Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentErrorIfIncomplete,
	})
	ok(err)
	sent, err := c.Subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: cus, PriceID: &price, DaysUntilDue: number(14), Collection: billing.CollectionSendInvoice,
	})
	ok(err)
	waiting, err := c.Subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: cus, PriceID: &price, Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentDefaultIncomplete,
	})
	ok(err)
	testkit.Equal(t, "there is a client secret", waiting.ClientSecret != nil, true)
	reason := billing.CancellationReason("OTHER")
	_, err = c.Subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{
		SubscriptionID: charged.Subscription.ID, At: billing.CancelPeriodEnd, Reason: &reason, Comment: word("Bye."),
	})
	ok(err)
	_, err = c.Subscriptions.ResumeSubscription(ctx, subscriptions.ResumeSubscription{SubscriptionID: charged.Subscription.ID})
	ok(err)
	another, err := c.Catalog.AddProductPrice(ctx, catalog.AddProductPrice{ProductID: id, PriceTerms: billing.PriceTerms{
		UnitAmount: 700, Currency: "USD", Recurring: yearly,
	}})
	ok(err)
	_, err = c.Subscriptions.ChangeSubscriptionPrice(ctx, subscriptions.ChangeSubscriptionPrice{
		SubscriptionID: charged.Subscription.ID, PriceID: another.Price.ID, Proration: billing.ProrationCreateProrations,
	})
	ok(err)
	seats, err := c.Catalog.AddProductPrice(ctx, catalog.AddProductPrice{ProductID: id, PriceTerms: billing.PriceTerms{
		UnitAmount: 300, Currency: "USD", Recurring: yearly,
	}})
	ok(err)
	item := s.itemOf(t, charged.Subscription.ID)
	_, err = c.Subscriptions.UpdateSubscriptionItems(ctx, subscriptions.UpdateSubscriptionItems{
		SubscriptionID: charged.Subscription.ID, Proration: billing.ProrationCreateProrations,
		Items: []*billing.ItemChange{{ID: &item, Quantity: number(3)}, {PriceID: &seats.Price.ID, Quantity: number(5)}},
	})
	ok(err)
	remove := true
	_, err = c.Subscriptions.UpdateSubscriptionItems(ctx, subscriptions.UpdateSubscriptionItems{
		SubscriptionID: charged.Subscription.ID, Proration: billing.ProrationNone,
		Items: []*billing.ItemChange{{ID: &item, Delete: &remove}},
	})
	ok(err)
	_, err = c.Subscriptions.RevokeSubscription(ctx, subscriptions.RevokeSubscription{SubscriptionID: charged.Subscription.ID, Reason: word("Fraud.")})
	ok(err)
	_, err = c.Subscriptions.PayInvoice(ctx, subscriptions.PayInvoice{InvoiceID: s.invoiceOf(t, waiting.Subscription.ID), PaymentMethod: word("pm_card_visa")})
	ok(err)
	waiting, err = c.Subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: cus, PriceID: &price, Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentDefaultIncomplete,
	})
	ok(err)
	_, err = c.Subscriptions.VoidInvoice(ctx, subscriptions.VoidInvoice{InvoiceID: s.invoiceOf(t, waiting.Subscription.ID)})
	ok(err)
	_, err = c.Subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{
		SubscriptionID: sent.Subscription.ID, At: billing.CancelImmediately, Reason: &reason, Comment: word("Bye."),
	})
	ok(err)
	_, err = c.Subscriptions.CreateCheckoutSession(ctx, subscriptions.CreateCheckoutSession{
		CustomerID: cus, Mode: billing.CheckoutSubscription, PriceID: &price, TrialDays: number(7),
		SuccessURL: "https://example.com/done", CancelURL: word("https://example.com/back"),
	})
	ok(err)
	_, err = c.Subscriptions.CreateCheckoutSession(ctx, subscriptions.CreateCheckoutSession{
		CustomerID: cus, Mode: billing.CheckoutSetup, SuccessURL: "https://example.com/done",
	})
	ok(err)
	_, err = c.Subscriptions.CreateBillingPortalSession(ctx, subscriptions.CreateBillingPortalSession{
		CustomerID: s.unlinked(t), ReturnURL: "https://example.com/",
	})
	ok(err)
	_, err = c.Customers.DeleteCustomer(ctx, customers.DeleteCustomer{CustomerID: cus})
	ok(err)
	_, err = c.Customers.RestoreCustomer(ctx, customers.RestoreCustomer{CustomerID: cus})
	ok(err)
	_, err = c.Catalog.ArchiveProduct(ctx, catalog.ArchiveProduct{ProductID: id})
	ok(err)

	_, err = c.Reconciliation.StartReconciliation(ctx, reconciliation.StartReconciliation{})
	ok(err)

	// What is undone, and what is looked for.
	for i, call := range defaultPriceChange.calls {
		name := strings.Repeat("x", i+1)
		product := s.product(t, name)
		refusal := call(product, s.priceRow(t, *product.DefaultPriceID))
		refusal.Kind, refusal.Count = "refuse", 1
		s.Stripe.Fail(t, refusal)
		_, err := c.Catalog.UpdateProductPrice(ctx, catalog.UpdateProductPrice{ProductID: product.ID, PriceChange: billing.PriceChange{UnitAmount: 2000}})
		testkit.Equal(t, "refused", billing.IsCode(err, billing.CodeStripeRejected), true)
	}
	for _, path := range []string{"/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions"} {
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: path, Kind: "stored_error_after", Count: 1})
	}
	product, err = c.Catalog.CreateProduct(ctx, catalog.CreateProduct{Name: "Found", Price: &billing.PriceTerms{
		UnitAmount: 1000, Currency: "USD", Recurring: yearly,
	}})
	ok(err)
	customer, err = c.Customers.CreateCustomer(ctx, customers.CreateCustomer{Email: "found@example.com"})
	ok(err)
	_, err = c.Subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: customer.Customer.ID, PriceID: s.productRow(t, product.Product.ID).DefaultPriceID, Collection: billing.CollectionSendInvoice,
	})
	ok(err)
	for _, request := range []string{"GET /v1/products", "GET /v1/prices", "GET /v1/customers", "GET /v1/subscriptions"} {
		testkit.Equal(t, request, slices.Contains(w.Seen(), request), true)
	}
}

// unlinked is a customer that Stripe has refused.
func (s *shop) unlinked(t *testing.T) string {
	t.Helper()
	s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
	defer s.Stripe.Heal(t)
	return s.customer(t, "unlinked@example.com", true)
}
