package stripesync_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/testkit"
)

// TestClockSetBack lets a clock be an hour ahead when one report is shown, and
// right when the next one comes: the next one is shown.
func TestClockSetBack(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		here, there := s.subscribe(t, s.customer(t, "ada@example.com", true), *product.DefaultPriceID)
		s.Clock.Advance(time.Hour)
		s.refresh(t, "subscription", there)
		s.Clock.Advance(-time.Hour)
		s.Stripe.Force(t, there, "canceled", "payment_failed")
		s.refresh(t, "subscription", there)
		testkit.Equal(t, "the subscription", s.subscriptionRow(t, here).Status, billing.SubscriptionRevoked)
	})
}

// TestClocksOfReplicasDiffer lets a replica whose clock is ahead show a report:
// what another one hears later is shown, from an event and from an operation.
func TestClocksOfReplicasDiffer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		ahead := s.Replica(t, func(x *app.Settings) {
			x.Engine.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		})
		product := s.product(t, "A")
		customer := s.customer(t, "ada@example.com", true)
		here, there := s.subscribe(t, customer, *product.DefaultPriceID)
		hear := func() {
			t.Helper()
			for objectType, id := range map[string]string{"subscription": there, "invoice": text(s.all(t, "/v1/invoices")[0]["id"])} {
				if _, err := ahead.Mirror.Refresh(t.Context(), objectType, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		hear()
		s.Stripe.Force(t, there, "past_due", "")
		s.refresh(t, "subscription", there)
		testkit.Equal(t, "the subscription", s.subscriptionRow(t, here).Status, billing.SubscriptionPastDue)
		hear()
		deleted := s.run(t, deleteCustomer, map[string]any{"customerId": customer})
		testkit.Equal(t, "the deletion", deleted.String("operation.status"), "SUCCEEDED")
		testkit.Equal(t, "the subscription then", s.subscriptionRow(t, here).Status, billing.SubscriptionCanceled)
	})
}

// TestOlderReportOfAnInvoice asks Stripe about an invoice, and lets it be paid
// and a newer report be shown before the answer comes.
func TestOlderReportOfAnInvoice(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "A")
		for _, asked := range []string{"invoice", "subscription"} {
			t.Run("with the "+asked, func(t *testing.T) {
				customer := s.customer(t, asked+"@example.com", true)
				sent := s.run(t, createSubscription, map[string]any{
					"customerId": customer, "priceId": *product.DefaultPriceID, "collection": "SEND_INVOICE", "daysUntilDue": 3,
				})
				invoice := text(s.all(t, "/v1/invoices", "customer", *s.customerRow(t, customer).StripeID)[0]["id"])
				s.Stripe.Post(t, "/v1/invoices/"+invoice+"/finalize", nil)
				s.refresh(t, "invoice", invoice)
				w := testkit.NewWire(t)
				w.After(func(n int, _ *http.Request) testkit.Verdict {
					if n == 1 {
						s.Stripe.Post(t, "/v1/invoices/"+invoice+"/pay", url.Values{"paid_out_of_band": {"true"}})
						s.refresh(t, "invoice", invoice)
					}
					return testkit.Pass
				})
				id := map[string]string{"invoice": invoice, "subscription": sent.String("subscription.stripe.id")}[asked]
				if _, err := s.Replica(t, w.Lay).Mirror.Refresh(t.Context(), asked, id); err != nil {
					t.Fatal(err)
				}
				row := s.Store.Reader.Invoice.GetX(t.Context(), s.invoiceOf(t, sent.String("subscription.id")))
				testkit.Equal(t, "the invoice", row.Status, billing.InvoicePaid)
			})
		}
	})
}

// TestLookupKeyMovedMeanwhile moves the lookup key of a price that has just been
// created to another one, before the operation has ended: Stripe's word wins.
func TestLookupKeyMovedMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		a, b := s.product(t, "A"), s.product(t, "B")
		other := *s.priceRow(t, *b.DefaultPriceID).StripeID
		w := testkit.NewWire(t)
		w.After(func(_ int, r *http.Request) testkit.Verdict {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/prices" {
				s.Stripe.Post(t, "/v1/prices/"+other, url.Values{"lookup_key": {"gold"}, "transfer_lookup_key": {"true"}})
				s.refresh(t, "price", other)
			}
			return testkit.Pass
		})
		gold := "gold"
		_, err := s.Replica(t, w.Lay).Catalog.AddProductPrice(testkit.Context(t), catalog.AddProductPrice{
			ProductID: a.ID, PriceTerms: billing.PriceTerms{UnitAmount: 7, Currency: "USD", LookupKey: &gold},
		})
		if err != nil {
			t.Error(err)
		}
		op := s.Store.Reader.Operation.Query().Where(operation.KindEQ(billing.KindAddProductPrice)).OnlyX(t.Context())
		testkit.Equal(t, "the operation", op.Status, billing.OperationSucceeded)
		s.equalCatalogues(t)
	})
}

// TestClockAheadOfStripe creates a product by a clock that is ahead of Stripe's
// when the key is of no use: it is found, and not created twice.
func TestClockAheadOfStripe(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Clock.Advance(15 * time.Minute)
		s.Stripe.Fail(t, testkit.Fault{Kind: "stored_error_after", Method: "POST", Path: "/v1/products", Count: 1})
		created := s.run(t, createProduct, map[string]any{"name": "A"})
		s.settle(t)
		testkit.Equal(t, "the operation", s.row(t, created.String("operation.id")).Status, billing.OperationSucceeded)
		testkit.Equal(t, "products in Stripe", len(s.all(t, "/v1/products")), 1)
	})
}
