package stripesync_test

import (
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/testkit"
)

// A mutation whose beginning was committed while the database's answer was lost has
// begun: it is found, and goes on.
func TestLostCommitOfABeginning(t *testing.T) {
	t.Parallel()
	s := newShop(t, "postgres")
	product := s.product(t, "A")
	cable := testkit.NewCable(t, s.DatabaseURL())
	replica := s.ReplicaOn(t, cable.URL)

	cable.CutAfter("lost@example.com")
	signedUp, err := replica.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: "lost@example.com"})
	if err != nil || signedUp.Operation == nil {
		t.Fatalf("the sign-up: %v", err)
	}
	testkit.Equal(t, "cut", cable.Cuts(), 1)
	testkit.Equal(t, "customer", s.customerRow(t, signedUp.Customer.ID).Email, "lost@example.com")

	cable.CutAfter("commit")
	name := "B"
	renamed, err := replica.Catalog.UpdateProduct(testkit.Context(t), catalog.UpdateProduct{ProductID: product.ID, Name: &name})
	if err != nil {
		t.Fatalf("the change: %v", err)
	}
	testkit.Equal(t, "cut", cable.Cuts(), 2)
	testkit.Equal(t, "operation", renamed.Operation.Status, billing.OperationSucceeded)
	s.equalProduct(t, product.ID)
}
