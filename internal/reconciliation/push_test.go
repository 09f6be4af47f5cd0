package reconciliation_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/testkit"
)

// repairs are the operations that have repaired one object, the oldest first.
func (s *shop) repairs(t *testing.T, id string) []*ent.Operation {
	t.Helper()
	return s.Store.Reader.Operation.Query().
		Where(operation.KindEQ(billing.KindReconcile), operation.SubjectID(id)).
		Order(operation.ByPosition()).WithStripeCalls().AllX(t.Context())
}

// A repair is one operation on the object, whatever differs about it.
func TestRepairIsAnOperation(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Edit(t, s.customer, object{"name": "Other", "email": "other@example.com", "metadata.team": "b"})
		s.reconcile(t, true)
		repairs := s.repairs(t, s.customerID)
		if len(repairs) != 1 {
			t.Fatalf("%d repairs", len(repairs))
		}
		testkit.Equal(t, "status", repairs[0].Status, billing.OperationSucceeded)
		testkit.Equal(t, "requests on record", len(repairs[0].Edges.StripeCalls), 2)
		testkit.Equal(t, "left", strings.Join(s.differences(t), ", "), "")
	})
}

// A repair that Stripe refuses leaves the difference in sight, and says why.
func TestRefusedRepair(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Edit(t, s.customer, object{"name": "Other"})
		s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: "/v1/customers/*", Kind: "refuse", Count: 1})
		sum := s.reconcile(t, true)
		testkit.Equal(t, "found", sum.Found, 1)
		repair := s.repairs(t, s.customerID)[0]
		testkit.Equal(t, "status", repair.Status, billing.OperationFailed)
		if repair.LastError == nil {
			t.Error("it does not say why")
		}
	})
}

// A change that is accepted during a repair comes after it, so that the repair does not
// overwrite it.
func TestChangeDuringRepair(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		wire := testkit.NewWire(t)
		replica := s.Replica(t, wire.Lay)
		server := httptest.NewServer(replica.Handler)
		defer server.Close()
		s.Stripe.Edit(t, s.customer, object{"name": "Other"})
		renamed := make(chan testkit.Answer, 1)
		wire.Before(func(_ int, r *http.Request) testkit.Verdict {
			if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/v1/customers/") {
				return testkit.Pass
			}
			wire.Before(nil)
			go func() {
				renamed <- s.Send(t, `mutation($id: ID!) { updateCustomer(input: {customerId: $id, name: "Renamed"}) { customer { name } userErrors { code } } }`,
					object{"id": s.customerID})
			}()
			s.Eventually(t, "the change to begin", func() bool {
				return s.Store.Reader.Operation.Query().Where(operation.KindEQ(billing.KindUpdateCustomer)).ExistX(t.Context())
			})
			return testkit.Pass
		})
		if err := replica.Reconciliation.Push(t.Context(), "customer", s.customerID); err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "the change", (<-renamed).String("data.updateCustomer.customer.name"), "Renamed")
		testkit.Equal(t, "in Stripe", s.there(t, s.customer)["name"], any("Renamed"))
		testkit.Equal(t, "differences", strings.Join(s.differences(t), ", "), "")
	})
}

// What is deleted in Stripe just before its repair is shown as deleted.
func TestDeletedBeforeItsRepair(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		wire := testkit.NewWire(t)
		replica := s.Replica(t, wire.Lay)
		s.Stripe.Edit(t, s.product, object{"name": "Other"})
		reads := 0
		wire.Before(func(_ int, r *http.Request) testkit.Verdict {
			if r.URL.Path == "/v1/products/"+s.product {
				if reads++; reads == 2 { // it has been compared, and found to differ
					s.Stripe.Edit(t, s.product, object{"deleted": true})
				}
			}
			return testkit.Pass
		})
		if _, err := replica.Mirror.Reconcile(t.Context(), mirror.Reconciliation{Repair: true}); err != nil {
			t.Fatal(err)
		}
		product := s.Store.Reader.Product.Query().OnlyX(t.Context())
		testkit.Equal(t, "link", product.StripeStatus, billing.SyncUnlinked)
	})
}

// While an operation on the object is unfinished, there is nothing to repair yet.
func TestRepairWaitsForNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: "/v1/customers/*", Kind: "rate_limit"})
		s.Query(t, `mutation($id: ID!) { updateCustomer(input: {customerId: $id, name: "Renamed"}) { userErrors { code } } }`, object{"id": s.customerID})
		if err := s.Reconciliation.Push(t.Context(), "customer", s.customerID); err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "repairs", len(s.repairs(t, s.customerID)), 0)
	})
}

// The first request of a refused repair is late: Stripe refuses it.
func TestLateRepair(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for name, of := range map[string]struct{ id, stripeID, field string }{
			"product":  {s.rowOf(t, s.product), s.product, "name"},
			"price":    {s.rowOf(t, s.price), s.price, "nickname"},
			"customer": {s.customerID, s.customer, "name"},
		} {
			t.Run(name, func(t *testing.T) {
				wire := testkit.NewWire(t)
				replica := s.Replica(t, wire.Lay)
				var late *testkit.Held
				posts := 0
				wire.Before(func(_ int, r *http.Request) testkit.Verdict {
					if r.Method != http.MethodPost {
						return testkit.Pass
					}
					switch posts++; posts {
					case 1:
						late = wire.Hold(t, r)
						return testkit.Drop
					case 2:
						s.Stripe.Fail(t, testkit.Fault{Method: r.Method, Path: r.URL.Path, Kind: "refuse", Count: 1})
					}
					return testkit.Pass
				})
				if err := replica.Reconciliation.Push(t.Context(), name, of.id); err != nil {
					t.Fatal(err)
				}
				repairs := s.repairs(t, of.id)
				testkit.Equal(t, "status", repairs[len(repairs)-1].Status, billing.OperationFailed)
				s.Stripe.Edit(t, of.stripeID, object{of.field: "Later"})
				if status, _ := late.Arrive(t); status != http.StatusBadRequest {
					t.Errorf("the late request: %d", status)
				}
				testkit.Equal(t, "in Stripe", s.there(t, of.stripeID)[of.field], any("Later"))
			})
		}
	})
}

// rowOf is the id of the row of a product or a price.
func (s *shop) rowOf(t *testing.T, stripeID string) string {
	t.Helper()
	metadata, ok := s.there(t, stripeID)["metadata"].(map[string]any)
	if !ok {
		t.Fatalf("%s has no metadata", stripeID)
	}
	id, _ := metadata["tallystick_id"].(string)
	return id
}
