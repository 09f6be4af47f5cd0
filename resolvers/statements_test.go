package resolvers_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"tallystick/internal/testkit"
	"tallystick/resolvers"
)

// watchReads shows every statement outside of transactions.
func watchReads(k *testkit.Kit) *recorder {
	r := record(k)
	k.Store.Reader.Intercept(resolvers.ExpectReferred)
	return r
}

// during returns the statements that a function makes.
func (r *recorder) during(f func()) []string {
	r.mu.Lock()
	r.seen = nil
	r.mu.Unlock()
	f()
	r.mu.Lock()
	defer r.mu.Unlock()
	made := make([]string, len(r.seen))
	for i, s := range r.seen {
		made[i] = s.query
	}
	return made
}

func TestStatementsOfLists(t *testing.T) {
	t.Parallel()
	lists := map[string]struct {
		document string
		want     int
	}{
		"customers, their subscriptions, prices and products": {`query($n: Int!) { customers(first: $n) { totalCount edges { node {
			email stripe { pendingOperation { kind } } subscriptions(first: 2) { totalCount edges { node {
				status customer { email } price { unitAmount { amount } } product { name } latestInvoice { status } history { cause } } } }
			invoices(first: 2) { edges { node { status subscription { status } } } } } } } }`, 7},
		"operations, their subjects and calls": {`query($n: Int!) { operations(first: $n) { edges { node {
			kind subject { id ... on Product { name prices(first: 2) { edges { node { status } } } } ... on Customer { email } } stripeCalls { path at }
			} } } }`, 5},
		"products, their prices and operations": {`query($n: Int!) { products(first: $n) { edges { node {
			name defaultPrice { unitAmount { amount } } stripe { status pendingOperation { kind stripeCalls { path } } }
			prices(first: 2) { totalCount edges { node { status stripe { pendingOperation { id } } } } } } } } }`, 5},
		"invoices with what they are for": {`query($n: Int!) { invoices(first: $n) { edges { node {
			customer { email } subscription { status product { name } price { product { name } } } total { amount } } } } }`, 2},
		"a page without its total": {`query($n: Int!) { customers(first: $n) { edges { node { email } } pageInfo { hasNextPage } } }`, 1},
		"where a page ends":        {`query($n: Int!) { customers(first: $n) { pageInfo { hasNextPage endCursor } } }`, 1},
		"a total alone":            {`query($n: Int!) { customers(first: $n) { totalCount } }`, 1},
		"pages within a page without totals": {`query($n: Int!) { customers(first: $n) { edges { node {
			subscriptions(first: 1) { edges { node { id } } pageInfo { hasNextPage } } invoices(first: 1) { pageInfo { endCursor } } } } } }`, 3},
		"products and some of their prices": {`query($n: Int!) { products(first: $n) { edges { node {
			active: prices(first: 2, filter: {status: [ACTIVE]}) { totalCount edges { node { status } } }
			others: prices(first: 2, filter: {status: [ARCHIVED, PENDING]}) { edges { node { status } } } } } } }`, 4},
		"a page alone": {`query($n: Int!) { customers(first: $n) { edges { node { email } } } }`, 1},
	}
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		seed(t, k, 100)
		watched := watchReads(k)
		for name, list := range lists {
			t.Run(name, func(t *testing.T) {
				for _, size := range []int{1, 10, 100} {
					var answer testkit.Answer
					seen := watched.during(func() { answer = k.Query(t, list.document, object{"n": size}) })
					if size == 1 && list.want == 5 {
						continue // the newest operation alone has a subject of one type
					}
					if len(seen) != list.want {
						t.Errorf("a page of %d takes %d statements, want %d:\n%s\n%.200s", size, len(seen), list.want, strings.Join(seen, "\n"), answer.Raw())
					}
				}
			})
		}
	})
}

// TestPagesReadWhatTheyShow: a row more is read where somebody asks whether there is one.
func TestPagesReadWhatTheyShow(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		seed(t, k, 9)
		watched := watchReads(k)
		for _, c := range []struct {
			outer, inner string
			limit, each  string
		}{
			{"", "", " LIMIT 5", " LIMIT 1)"},
			{"pageInfo { hasNextPage }", "p: pageInfo { hasNextPage }", " LIMIT 6", " LIMIT 2)"},
			{"p: pageInfo { hasPreviousPage }", "totalCount", " LIMIT 6", " LIMIT 1)"},
		} {
			answer := k.Query(t, `{ customers(first: 5) { `+c.outer+` edges { node { id subscriptions(last: 1) { `+c.inner+` edges { node { id } } } } } } }`)
			testkit.Equal(t, "customers", len(answer.List("customers.edges")), 5)
			testkit.Equal(t, "subscriptions of one", len(answer.List("customers.edges.0.node.subscriptions.edges")), 1)
			page, rows := watched.seen[len(watched.seen)-2], watched.seen[len(watched.seen)-1]
			if c.inner == "totalCount" {
				page, rows = watched.seen[len(watched.seen)-3], watched.seen[len(watched.seen)-2]
			}
			if !strings.HasSuffix(page.query, c.limit) {
				t.Errorf("want%s: %s", c.limit, page.query)
			}
			if !strings.Contains(rows.query, c.each) {
				t.Errorf("want%s for each customer: %s", c.each, rows.query)
			}
		}
	})
}

// TestStatementsOfDeletedCustomers holds what belongs to deleted customers to the
// statements that it costs with others.
func TestStatementsOfDeletedCustomers(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 20)
		for _, id := range w.customers {
			k.Store.Writer.Customer.DeleteOneID(id).ExecX(t.Context())
		}
		watched := watchReads(k)
		for document, want := range map[string]int{
			`subscriptions(first: 40) { edges { node { customer { name } } } }`:                                                                   1,
			`invoices(first: 40) { edges { node { customer { name } subscription { customer { email } } } } }`:                                    1,
			`customers(first: 20, filter: {includeDeleted: true}) { edges { node { subscriptions { edges { node { customer { email } } } } } } }`: 2,
		} {
			seen := watched.during(func() { k.Query(t, "{ "+document+" }") })
			testkit.Equal(t, document+": statements", len(seen), want)
		}
	})
}

// TestRoundTripsOfSigningUp holds the mutation that everybody waits for to the round
// trips to the database that it needs.
func TestRoundTripsOfSigningUp(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle)
	cable := testkit.NewCable(t, k.DatabaseURL())
	server := httptest.NewServer(k.ReplicaOn(t, cable.URL).Handler)
	defer server.Close()
	client := testkit.Client{URL: server.URL, Key: testkit.AdminKey}
	const plain = `mutation($e: String!) { createCustomer(input: {email: $e}) { customer { id email stripe { status } } operation { id status } userErrors { code } } }`
	const keyed = `mutation($e: String!) { createCustomer(input: {email: $e, idempotencyKey: $e}) { customer { id } userErrors { code } } }`
	for _, c := range []struct {
		what, document string
		want           int
	}{
		{"one", plain, 1},
		{"one with an idempotency key", keyed, 2}, // which is looked for first
	} {
		least := 1000
		for i := range 10 { // the first ones prepare statements, and the clock is read now and then
			before := cable.Trips()
			email := fmt.Sprintf("%s%d@example.com", strings.ReplaceAll(c.what, " ", "."), i)
			if answer := client.Query(t, c.document, object{"e": email}); !answer.Has("createCustomer.customer.id") {
				t.Fatal(answer.Raw())
			}
			least = min(least, cable.Trips()-before)
		}
		testkit.Equal(t, "round trips of "+c.what, least, c.want)
	}
}
