package stripesync_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/testkit"
)

// TestDatabaseIsLostAfterTheBeginning takes a server's database away while its
// request to Stripe is under way: the client gets the operation, which goes on
// elsewhere, and the same key finds it.
func TestDatabaseIsLostAfterTheBeginning(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		w := testkit.NewWire(t)
		replica := s.Replica(t, w.Lay)
		w.Before(func(int, *http.Request) testkit.Verdict {
			replica.Store.Close()
			return testkit.Pass
		})
		server := httptest.NewServer(replica.Handler)
		defer server.Close()
		input := map[string]any{"productId": product.ID, "unitAmount": 2000, "idempotencyKey": "once"}
		const change = `mutation($input: UpdateProductPriceInput!) { updateProductPrice(input: $input) {
			operation { id status } userErrors { code } } }`
		answer := testkit.Client{URL: server.URL, Key: testkit.AdminKey}.Query(t, change, map[string]any{"input": input}).At("updateProductPrice")
		testkit.Equal(t, "status", answer.String("operation.status"), "PENDING")
		testkit.Equal(t, "an error", answer.Has("userErrors.0"), false)

		s.takeOver(t)
		again := s.run(t, change, input)
		testkit.Equal(t, "the operation of the same key", again.String("operation.id"), answer.String("operation.id"))
		testkit.Equal(t, "its status", again.String("operation.status"), "SUCCEEDED")
		s.equalProduct(t, product.ID)
	})
}

// TestConnectionIsCutAtTheCommit loses the database's answer to the commit with
// which a mutation begins: it has begun, and the client hears no fault.
func TestConnectionIsCutAtTheCommit(t *testing.T) {
	t.Parallel()
	s := newShop(t, "postgres")
	product := s.product(t, "A")
	cable := testkit.NewCable(t, s.DatabaseURL())
	replica := s.ReplicaOn(t, cable.URL)

	cable.CutAfter("ada@example.com") // the rows of a sign-up are committed as they arrive
	signedUp, err := replica.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: "ada@example.com"})
	if err != nil {
		t.Fatalf("the sign-up: %v", err)
	}
	testkit.Equal(t, "connections that were cut", cable.Cuts(), 1)
	testkit.Equal(t, "status", signedUp.Operation.Status, billing.OperationPending)
	s.settle(t)
	s.oneCustomer(t, signedUp.Customer.ID)

	cable.CutAfter("commit")
	name := "B"
	renamed, err := replica.Catalog.UpdateProduct(testkit.Context(t), catalog.UpdateProduct{ProductID: product.ID, Name: &name})
	if err != nil {
		t.Fatalf("the change: %v", err)
	}
	testkit.Equal(t, "connections that were cut", cable.Cuts(), 2)
	testkit.Equal(t, "status", renamed.Operation.Status, billing.OperationSucceeded)
	s.equalProduct(t, product.ID)
}
