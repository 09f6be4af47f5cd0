package stripesync_test

import (
	"fmt"
	"net/http"
	"testing"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/stripesync"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
)

// doom starts a process that dies at a request to Stripe: from then on it
// writes nothing to the database.
func (s *shop) doom(t *testing.T, at int, moment string) *app.App {
	t.Helper()
	w := testkit.NewWire(t)
	doomed := s.Replica(t, w.Lay)
	die := func(n int, _ *http.Request) testkit.Verdict {
		if n < at {
			return testkit.Pass
		}
		doomed.Store.DB.Close()
		if moment == "the answer is written down" {
			return testkit.Pass
		}
		return testkit.Drop
	}
	if moment == "the request leaves" {
		w.Before(die)
	} else {
		w.After(die)
	}
	return doomed
}

// moments are when a process can die around one request.
var moments = []string{"the request leaves", "the answer arrives", "the answer is written down"}

// crash is a change during which a process dies.
type crash struct {
	name string
	// calls is how many requests the change makes when nothing goes wrong.
	calls int
	// prepare makes what the change is about.
	prepare func(t *testing.T, s *shop, name string) any
	// change carries the change out in a process that dies.
	change func(t *testing.T, s *shop, doomed *app.App, about any)
	// status is how the operation ends.
	status billing.OperationStatus
	// check compares the halves.
	check func(t *testing.T, s *shop, about any, op *ent.Operation)
}

func changePrice(t *testing.T, _ *shop, doomed *app.App, about any) {
	t.Helper()
	_, _ = doomed.Catalog.UpdateProductPrice(testkit.Context(t), catalog.UpdateProductPrice{
		ProductID: about.(*ent.Product).ID, PriceChange: billing.PriceChange{UnitAmount: 2000},
	})
}

var crashes = []crash{
	{
		name: "a price change", calls: 3, status: billing.OperationSucceeded,
		prepare: func(t *testing.T, s *shop, name string) any { return s.product(t, name) },
		change:  changePrice,
		check: func(t *testing.T, s *shop, about any, op *ent.Operation) {
			product := about.(*ent.Product)
			s.equalProduct(t, product.ID)
			now := s.productRow(t, product.ID)
			row := s.priceRow(t, *now.DefaultPriceID)
			testkit.Equal(t, "the default price's amount", row.UnitAmount, 2000)
			testkit.Equal(t, "its lookup key", deref(row.LookupKey), product.Name)
			s.oneCreation(t, product, row)
			testkit.Equal(t, "prices in Stripe", len(s.all(t, "/v1/prices", "product", *product.StripeID)), 2)
			testkit.Equal(t, "steps", len(op.Steps), 3)
		},
	},
	{
		name: "a refused price change", calls: 6, status: billing.OperationFailed,
		prepare: func(t *testing.T, s *shop, name string) any {
			product := s.product(t, name)
			refusal := archiveCall(product, s.priceRow(t, *product.DefaultPriceID))
			refusal.Kind = "refuse" // as often as it is tried
			s.Stripe.Fail(t, refusal)
			return product
		},
		change: changePrice,
		check: func(t *testing.T, s *shop, about any, _ *ent.Operation) {
			product := about.(*ent.Product)
			s.equalProduct(t, product.ID)
			testkit.Equal(t, "the default price", *s.productRow(t, product.ID).DefaultPriceID, *product.DefaultPriceID)
			testkit.Equal(t, "prices in Stripe", len(s.all(t, "/v1/prices", "product", *product.StripeID)), 2)
			testkit.Equal(t, "live prices in Stripe", len(s.all(t, "/v1/prices", "product", *product.StripeID, "active", "true")), 1)
		},
	},
	{
		name: "a new product", calls: 3, status: billing.OperationSucceeded,
		prepare: func(_ *testing.T, _ *shop, name string) any { return name },
		change: func(t *testing.T, _ *shop, doomed *app.App, about any) {
			name := about.(string)
			_, _ = doomed.Catalog.CreateProduct(testkit.Context(t), catalog.CreateProduct{
				Name: name, Price: &billing.PriceTerms{UnitAmount: 1000, Currency: "USD", LookupKey: &name},
			})
		},
		check: func(t *testing.T, s *shop, _ any, op *ent.Operation) {
			s.equalProduct(t, op.SubjectID)
			n := 0
			for _, p := range s.all(t, "/v1/products") {
				if p["metadata"].(map[string]any)["tallystick_id"] == op.SubjectID {
					n++
				}
			}
			testkit.Equal(t, "products in Stripe", n, 1)
		},
	},
	{
		name: "a new customer", calls: 1, status: billing.OperationSucceeded,
		prepare: func(_ *testing.T, _ *shop, name string) any { return name },
		change: func(t *testing.T, _ *shop, doomed *app.App, about any) {
			created, err := doomed.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: about.(string) + "@example.com"})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = doomed.Engine.Run(t.Context(), created.Operation.ID)
		},
		check: func(t *testing.T, s *shop, _ any, op *ent.Operation) { s.oneCustomer(t, op.SubjectID) },
	},
	{
		name: "a new subscription", calls: 4, status: billing.OperationSucceeded,
		prepare: func(t *testing.T, s *shop, name string) any {
			product := s.product(t, name)
			s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
			customer := s.customer(t, name+"@example.com", true) // not linked, for Stripe has refused it
			s.Stripe.Heal(t)
			return [2]string{customer, *product.DefaultPriceID}
		},
		change: func(t *testing.T, _ *shop, doomed *app.App, about any) {
			of, card := about.([2]string), "pm_card_visa"
			_, _ = doomed.Subscriptions.CreateSubscription(testkit.Context(t), subscriptions.CreateSubscription{
				CustomerID: of[0], PriceID: &of[1], PaymentMethod: &card,
				Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentErrorIfIncomplete,
			})
		},
		check: func(t *testing.T, s *shop, about any, op *ent.Operation) {
			customer := s.oneCustomer(t, about.([2]string)[0])
			row := s.subscriptionRow(t, op.SubjectID)
			there := s.all(t, "/v1/subscriptions", "customer", customer, "status", "all")
			testkit.Equal(t, "subscriptions in Stripe", len(there), 1)
			testkit.Equal(t, "its id", deref(row.StripeID), text(there[0]["id"]))
			testkit.Equal(t, "its status", row.Status, billing.SubscriptionActive)
			testkit.Equal(t, "payment methods", len(s.all(t, "/v1/customers/"+customer+"/payment_methods")), 1)
		},
	},
}

func TestCrash(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, c := range crashes {
			for call := 1; call <= c.calls; call++ {
				for j, moment := range moments {
					t.Run(fmt.Sprintf("%s, before %s, %d", c.name, moment, call), func(t *testing.T) {
						about := c.prepare(t, s, fmt.Sprintf("crash%d%d%d", i, call, j))
						doomed := s.doom(t, call, moment)
						c.change(t, s, doomed, about)
						left, err := s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).Only(t.Context())
						if err != nil {
							t.Fatalf("the process did not die in the middle: %v", err)
						}
						if left.LeaseToken == nil {
							t.Fatal("the dead process has let go of its operation")
						}
						// Nobody takes an operation away from a process that may live.
						if state, err := s.Engine.Run(t.Context(), left.ID); state != stripesync.Busy || err != nil {
							t.Fatalf("an operation under a lease: state %v, %v", state, err)
						}
						s.takeOver(t)
						s.Stripe.Heal(t)
						op := s.row(t, left.ID)
						testkit.Equal(t, "status", op.Status, c.status)
						c.check(t, s, about, op)
					})
				}
			}
		}
	})
}

// oneCustomer fails the test unless Stripe has exactly one customer for a row,
// and the row is linked to it. It returns its id there.
func (s *shop) oneCustomer(t *testing.T, id string) string {
	t.Helper()
	var ids []string
	for _, c := range s.all(t, "/v1/customers") {
		if c["metadata"].(map[string]any)["tallystick_id"] == id {
			ids = append(ids, text(c["id"]))
		}
	}
	testkit.Equal(t, "customers in Stripe", len(ids), 1)
	row := s.customerRow(t, id)
	testkit.Equal(t, "the link", deref(row.StripeID), ids[0])
	testkit.Equal(t, "the sync status", row.StripeStatus, billing.SyncSynced)
	if row.StripeSyncedAt == nil {
		t.Error("a linked customer does not tell when it was synced")
	}
	return ids[0]
}

// The process dies as soon as it has accepted the change.
func TestCrashAfterTheBeginning(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		changePrice(t, s, s.doom(t, 1, "the request leaves"), product)
		op := s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).OnlyX(t.Context())
		if woken, err := s.Engine.Sweep(t.Context()); woken != 0 || err != nil {
			t.Fatalf("the sweep took an operation under a lease: %d, %v", woken, err)
		}
		s.Clock.Advance(stripesync.Lease + 1)
		if woken, err := s.Engine.Sweep(t.Context()); woken != 1 || err != nil {
			t.Fatalf("the sweep woke up %d operations, %v", woken, err)
		}
		s.settle(t)
		testkit.Equal(t, "status", s.row(t, op.ID).Status, billing.OperationSucceeded)
		s.equalProduct(t, product.ID)
	})
}
