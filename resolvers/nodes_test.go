package resolvers_test

import (
	"testing"

	"tallystick/ent/customer"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

func TestLookups(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 2)
		known := map[string]string{
			"product": w.products[0], "customer": w.customers[0], "subscription": w.subscriptions[0], "invoice": w.invoices[0],
			"operation": w.operations[0],
		}
		for field, id := range known {
			document := `query($id: ID!) { ` + field + `(id: $id) { id } node(id: $id) { id __typename } }`
			found := k.Query(t, document, object{"id": id})
			testkit.Equal(t, field, found.String(field+".id"), id)
			testkit.Equal(t, "node", found.String("node.id"), id)
			unknown := k.Query(t, document, object{"id": billing.NewID(id[:3])})
			testkit.Equal(t, field+" that is not there", unknown.Has(field), false)
			testkit.Equal(t, "node that is not there", unknown.Has("node"), false)
			other := k.Query(t, `query($id: ID!) { `+field+`(id: $id) { id } }`, object{"id": w.prices[0]})
			testkit.Equal(t, field+" by the id of a price", other.Has(field), false)
			for _, malformed := range []string{"", "x", "cus_NffrFeUfNV2Hib", id + "0", id[:3] + "_1", "\x00"} {
				badInput(t, k, `query($id: ID!) { `+field+`(id: $id) { id } }`, object{"id": malformed})
				badInput(t, k, `query($id: ID!) { node(id: $id) { id } }`, object{"id": malformed})
			}
		}
		testkit.Equal(t, "price", k.Query(t, `query($id: ID!) { node(id: $id) { ... on Price { unitAmount { amount } product { name } } } }`,
			object{"id": w.prices[0]}).String("node.product.name"), "Product 000")
		testkit.Equal(t, "customer by e-mail", k.Query(t, `{ customerByEmail(email: "C001@example.COM") { id } }`).String("customerByEmail.id"), w.customers[1])
		testkit.Equal(t, "no customer by e-mail", k.Query(t, `{ customerByEmail(email: "nobody") { id } }`).Has("customerByEmail"), false)
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 2)
		document := `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Customer { email } ... on Product { name prices(first: 1) { edges { node { status } } } } } }`
		asked := []string{
			w.invoices[0], w.products[1], billing.NewID("pdt"), w.customers[0], w.operations[0], w.prices[0], w.products[0], w.products[1],
			billing.NewID("cst"), w.subscriptions[0], billing.NewID("stn"),
		}
		nodes := k.Query(t, document, object{"ids": asked}).At("nodes")
		missing := map[int]bool{2: true, 8: true, 10: true}
		for i, id := range asked {
			path := string(rune('0' + i%10)) // one digit, or ten and more
			if i >= 10 {
				path = "1" + path
			}
			switch {
			case missing[i] && nodes.Has(path):
				t.Errorf("node %d is there", i)
			case !missing[i]:
				testkit.Equal(t, "node "+path, nodes.String(path+".id"), id)
			}
		}
		testkit.Equal(t, "name", nodes.String("1.name"), "Product 001")
		testkit.Equal(t, "e-mail", nodes.String("3.email"), "c000@example.com")
		testkit.Equal(t, "price", nodes.String("6.prices.edges.0.node.status"), "PENDING")
		testkit.Equal(t, "only missing ones", k.Query(t, document, object{"ids": []string{billing.NewID("pdt")}}).Has("nodes.0"), false)
		testkit.Equal(t, "none", len(k.Query(t, document, object{"ids": []string{}}).List("nodes")), 0)
		badInput(t, k, document, object{"ids": []string{w.products[0], "x"}})
		many := make([]string, 101)
		for i := range many {
			many[i] = w.products[0]
		}
		badInput(t, k, document, object{"ids": many})
		testkit.Equal(t, "a hundred times the same", len(k.Query(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, object{"ids": many[:100]}).List("nodes")), 100)
	})
}

// TestDeletedCustomers asserts who sees a deleted customer.
func TestDeletedCustomers(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 2)
		gone := w.customers[0]
		if err := k.Store.Writer.Customer.DeleteOneID(gone).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		hidden := k.Query(t, `query($id: ID!) {
			customer(id: $id) { id } node(id: $id) { id ... on Customer { email } } nodes(ids: [$id]) { id }
			customerByEmail(email: "c000@example.com") { id } customers { totalCount edges { node { id } } } }`, object{"id": gone})
		for _, path := range []string{"customer", "node", "nodes.0", "customerByEmail"} {
			testkit.Equal(t, path+" shows it", hidden.Has(path), false)
		}
		testkit.EqualSlices(t, "customers", ids(hidden.At("customers")), w.customers[1:])
		testkit.Equal(t, "total", hidden.Int("customers.totalCount"), 1)
		shown := k.Query(t, `query($id: ID!) { customer(id: $id, includeDeleted: true) { deletedAt subscriptions { edges { node { customer { id } } } } }
			customers(filter: {includeDeleted: true}) { totalCount edges { node { id deletedAt } } } }`, object{"id": gone})
		testkit.Equal(t, "it says when it was deleted", shown.Has("customer.deletedAt"), true)
		testkit.Equal(t, "its subscription's customer", shown.String("customer.subscriptions.edges.1.node.customer.id"), gone)
		testkit.Equal(t, "total", shown.Int("customers.totalCount"), 2)

		named := k.Query(t, `query($s: ID!, $i: ID!, $o: ID!) {
			subscription(id: $s) { customer { ...C } latestInvoice { customer { ...C } subscription { customer { ...C } } } }
			invoice(id: $i) { customer { ...C } subscription { customer { ...C } } }
			s: node(id: $s) { ... on Subscription { customer { ...C } invoices { edges { node { customer { ...C } } } } } }
			i: node(id: $i) { ... on Invoice { customer { ...C } } }
			many: nodes(ids: [$s, $i]) { ... on Subscription { customer { ...C } } ... on Invoice { customer { ...C } } }
			subscriptions(filter: {status: [ACTIVE]}) { edges { node { customer { ...C } } } }
			invoices(filter: {status: [PAID]}) { edges { node { customer { ...C } subscription { customer { ...C } } } } }
			operation(id: $o) { subject { ... on Customer { ...C } } } }
			fragment C on Customer { id email deletedAt }`,
			object{"s": w.subscriptions[0], "i": w.invoices[0], "o": w.operations[1]})
		for _, path := range []string{
			"subscription.customer", "subscription.latestInvoice.customer", "subscription.latestInvoice.subscription.customer", "invoice.customer",
			"invoice.subscription.customer", "s.customer", "s.invoices.edges.0.node.customer", "i.customer", "many.0.customer", "many.1.customer",
			"subscriptions.edges.1.node.customer", "invoices.edges.1.node.customer", "invoices.edges.1.node.subscription.customer", "operation.subject",
		} {
			testkit.Equal(t, path, named.String(path+".id"), gone)
			testkit.Equal(t, path, named.String(path+".email"), "c000@example.com")
			testkit.Equal(t, path+" says when", named.Has(path+".deletedAt"), true)
		}
	})
}

// TestSoftDelete asserts that ent itself keeps deleted rows out of sight.
func TestSoftDelete(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 2)
		ctx, client, gone := t.Context(), k.Store.Writer, w.customers[0]
		client.Customer.DeleteOneID(gone).ExecX(ctx)
		of := func() []string {
			return client.Subscription.Query().Where(subscription.HasCustomer()).Order(subscription.ByID()).IDsX(ctx)
		}
		testkit.EqualSlices(t, "HasCustomer", of(), w.subscriptions[2:])
		with := client.Subscription.Query().Where(subscription.HasCustomerWith(customer.EmailHasPrefix("c00"))).Order(subscription.ByID()).IDsX(ctx)
		testkit.EqualSlices(t, "HasCustomerWith", with, w.subscriptions[2:])
		testkit.Equal(t, "a count", client.Customer.Query().CountX(ctx), 1)
		testkit.Equal(t, "Exist", client.Customer.Query().Where(customer.ID(gone)).ExistX(ctx), false)
		if err := client.Customer.UpdateOneID(gone).SetName("x").Exec(ctx); err == nil {
			t.Error("an update of a deleted row succeeds")
		}
		testkit.Equal(t, "rows that an update reaches", client.Customer.Update().Where(customer.ID(gone)).SetName("x").SaveX(ctx), 0)
		testkit.Equal(t, "rows that a deletion reaches", client.Customer.Delete().Where(customer.ID(gone)).ExecX(ctx), 0)
		if err := client.Customer.DeleteOneID(gone).Exec(ctx); err == nil {
			t.Error("a second deletion succeeds")
		}
		all := store.WithDeleted(ctx)
		row := client.Customer.GetX(all, gone)
		testkit.Equal(t, "name", row.Name, "Customer 000")
		testkit.Equal(t, "deleted", row.DeletedAt != nil, true)
		client.Customer.UpdateOneID(gone).ClearDeletedAt().ExecX(all)
		testkit.EqualSlices(t, "HasCustomer after the restoration", of(), w.subscriptions)
	})
}
