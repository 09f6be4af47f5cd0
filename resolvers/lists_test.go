package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 4)
		c := w.customers
		if err := k.Store.Writer.Customer.DeleteOneID(c[3]).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"100%", "a_b", `back\slash`, "Ärger"} {
			k.Store.Writer.Product.Create().SetName(name).SetCreatedAt(epoch.Add(-1)).SaveX(t.Context())
		}
		for _, list := range []struct {
			field string
			cases map[string][]string // by filter
		}{
			{"products", map[string][]string{
				`active: true, search: "product"`:     {w.products[2], w.products[0]},
				`active: false`:                       {w.products[3], w.products[1]},
				`search: "PRODUCT 00"`:                newest(w.products, 4),
				`search: "T 002"`:                     {w.products[2]},
				`search: "nothing"`:                   {},
				`active: null, search: "Product 003"`: {w.products[3]},
			}},
			{"customers", map[string][]string{
				``:                          newest(c[:3], 3),
				`email: "C001@EXAMPLE.com"`: {c[1]},
				`email: "c001"`:             {},
				`email: "c003@example.com"`: {},
				`email: "c003@example.com", includeDeleted: true`: {c[3]},
				`search: "customer 00"`:                           newest(c[:3], 3),
				`search: "C002@exam"`:                             {c[2]},
				`includeDeleted: true`:                            newest(c, 4),
				`search: "003", includeDeleted: true`:             {c[3]},
			}},
			{"subscriptions", map[string][]string{
				``:                           newest(w.subscriptions, 8),
				`status: [PAST_DUE]`:         {w.subscriptions[7], w.subscriptions[5], w.subscriptions[3], w.subscriptions[1]},
				`status: [ACTIVE, PAST_DUE]`: newest(w.subscriptions, 8),
				`status: []`:                 {},
				`status: null`:               newest(w.subscriptions, 8),
				`customerId: "` + c[1] + `"`: {w.subscriptions[3], w.subscriptions[2]},
				`customerId: "` + c[3] + `"`: {w.subscriptions[7], w.subscriptions[6]},
				`customerId: "` + billing.NewID("cst") + `"`:       {},
				`customerId: "` + w.products[0] + `"`:              {},
				`priceId: "` + w.prices[0] + `", status: [ACTIVE]`: {w.subscriptions[0]},
			}},
			{"invoices", map[string][]string{
				`status: [OPEN]`:                               {w.invoices[7], w.invoices[5], w.invoices[3], w.invoices[1]},
				`customerId: "` + c[0] + `"`:                   {w.invoices[1], w.invoices[0]},
				`subscriptionId: "` + w.subscriptions[2] + `"`: {w.invoices[2]},
				`status: [VOID]`:                               {},
			}},
			{"operations", map[string][]string{
				`status: [PENDING]`:                         newest(w.operations, 8),
				`status: [SUCCEEDED]`:                       {},
				`kind: [UPDATE_PRODUCT], status: [PENDING]`: {w.operations[6], w.operations[4], w.operations[2], w.operations[0]},
				`subjectId: "` + c[0] + `"`:                 {w.operations[1]},
			}},
		} {
			for filter, want := range list.cases {
				t.Run(list.field+"("+filter+")", func(t *testing.T) {
					answer := k.Query(t, fmt.Sprintf(`{ %s(filter: {%s}) { totalCount edges { node { id } } } }`, list.field, filter))
					testkit.EqualSlices(t, "found", ids(answer.At(list.field)), want)
					testkit.Equal(t, "total", answer.Int(list.field+".totalCount"), len(want))
				})
			}
		}
		for search, want := range map[string]string{
			"%": "100%", "_": "a_b", `\`: `back\slash`, "Ärg": "Ärger",
		} {
			answer := k.Query(t, `query($s: String!) { products(filter: {search: $s}) { edges { node { name } } } }`, object{"s": search})
			if n := len(answer.List("products.edges")); n != 1 {
				t.Errorf("%d products have %q in their names", n, search)
				continue
			}
			testkit.Equal(t, "found by "+search, answer.String("products.edges.0.node.name"), want)
		}
		for _, filter := range []string{`customerId: "x"`, `priceId: "cus_1"`} {
			badInput(t, k, `{ subscriptions(filter: {`+filter+`}) { totalCount } }`)
		}
		badInput(t, k, `{ invoices(filter: {subscriptionId: "sub_1"}) { totalCount } }`)
		badInput(t, k, `{ operations(filter: {subjectId: ""}) { totalCount } }`)
		badInput(t, k, `query($s: String!) { products(filter: {search: $s}) { totalCount } }`, object{"s": "a\x00"})
		badInput(t, k, `query($s: String!) { customers(filter: {search: $s}) { totalCount } }`, object{"s": "a\x00"})
		badInput(t, k, `query($s: String!) { customers(filter: {email: $s}) { totalCount } }`, object{"s": "a\x00"})
		badInput(t, k, `query($s: String!) { customerByEmail(email: $s) { id } }`, object{"s": "a\x00"})
		prices := k.Query(t, `query($id: ID!) { product(id: $id) {
			all: prices { totalCount } some: prices(filter: {status: [ACTIVE, PENDING]}) { totalCount edges { node { status } } }
			none: prices(filter: {status: []}) { totalCount } any: prices(filter: {status: null}, last: 1) { edges { node { status } } } } }`,
			object{"id": w.products[0]}).At("product")
		testkit.Equal(t, "all prices", prices.Int("all.totalCount"), 3)
		testkit.Equal(t, "some prices", prices.Int("some.totalCount"), 2)
		testkit.Equal(t, "the newest price", prices.String("some.edges.0.node.status"), "PENDING")
		testkit.Equal(t, "no prices", prices.Int("none.totalCount"), 0)
		testkit.Equal(t, "the oldest price", prices.String("any.edges.0.node.status"), "ACTIVE")
	})
}

func TestOrders(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 3)
		for field, list := range map[string][]string{
			"products": w.products, "customers": w.customers, "subscriptions": w.subscriptions, "invoices": w.invoices, "operations": w.operations,
		} {
			answer := k.Query(t, fmt.Sprintf(`{ default: %[1]s { ...I } asc: %[1]s(orderBy: {field: CREATED_AT}) { ...I }
				desc: %[1]s(orderBy: {field: CREATED_AT, direction: DESC}) { ...I } } fragment I on %[2]sConnection { edges { node { id } } }`,
				field, strings.ToUpper(field[:1])+strings.TrimSuffix(field[1:], "s")))
			testkit.EqualSlices(t, field+" by default", ids(answer.At("default")), newest(list, len(list)))
			testkit.EqualSlices(t, field+", the oldest first", ids(answer.At("asc")), list)
			testkit.EqualSlices(t, field+", the newest first", ids(answer.At("desc")), newest(list, len(list)))
		}
		k.Store.Writer.Customer.UpdateOneID(w.customers[0]).SetName("Z").SetEmail("z@example.com").SetUpdatedAt(at(1000)).ExecX(t.Context())
		k.Store.Writer.Product.UpdateOneID(w.products[0]).SetName("Z").SetUpdatedAt(at(1000)).ExecX(t.Context())
		moved := func(list []string) []string { return []string{list[1], list[2], list[0]} }
		for query, want := range map[string][]string{
			`customers(orderBy: {field: EMAIL})`:      moved(w.customers),
			`customers(orderBy: {field: NAME})`:       moved(w.customers),
			`customers(orderBy: {field: UPDATED_AT})`: moved(w.customers),
			`products(orderBy: {field: NAME})`:        moved(w.products),
			`products(orderBy: {field: UPDATED_AT})`:  moved(w.products),
		} {
			field, _, _ := strings.Cut(query, "(")
			testkit.EqualSlices(t, query, ids(k.Query(t, `{ `+query+` { edges { node { id } } } }`).At(field)), want)
		}
		nested := k.Query(t, `query($id: ID!, $d: OrderDirection!) { customer(id: $id) {
			default: subscriptions { edges { node { id } } } asc: subscriptions(orderBy: {field: CREATED_AT}) { edges { node { id } } }
			desc: subscriptions(orderBy: {field: UPDATED_AT, direction: $d}) { edges { node { id } } }
			invoices(orderBy: {field: UPDATED_AT}) { edges { node { id } } } } }`, object{"id": w.customers[1], "d": "DESC"}).At("customer")
		testkit.EqualSlices(t, "nested by default", ids(nested.At("default")), []string{w.subscriptions[3], w.subscriptions[2]})
		testkit.EqualSlices(t, "nested, the oldest first", ids(nested.At("asc")), w.subscriptions[2:4])
		testkit.EqualSlices(t, "nested, the newest first", ids(nested.At("desc")), []string{w.subscriptions[3], w.subscriptions[2]})
		testkit.EqualSlices(t, "nested invoices", ids(nested.At("invoices")), w.invoices[2:4])
	})
}

// walk follows the cursors of a list from one end to the other.
func walk(t testing.TB, k *testkit.Kit, field, arguments string, size int, backwards bool) []string {
	t.Helper()
	var all []string
	variables := object{"n": size}
	count, cursor, next, end := "first", "after", "hasNextPage", "endCursor"
	if backwards {
		count, cursor, next, end = "last", "before", "hasPreviousPage", "startCursor"
	}
	document := fmt.Sprintf(`query($n: Int!, $c: String) { %s(%s: $n, %s: $c%s) { totalCount edges { node { id } cursor }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, field, count, cursor, arguments)
	for range 100 {
		page := k.Query(t, document, variables).At(field)
		found := ids(page)
		if len(found) > 0 {
			testkit.Equal(t, "start cursor", page.String("pageInfo.startCursor"), page.String("edges.0.cursor"))
			testkit.Equal(t, "end cursor", page.String("pageInfo.endCursor"), page.String(fmt.Sprintf("edges.%d.cursor", len(found)-1)))
		}
		if backwards {
			all = append(found, all...)
		} else {
			all = append(all, found...)
		}
		if !page.Bool("pageInfo." + next) {
			return all
		}
		testkit.Equal(t, "size of a page", len(found), size)
		variables["c"] = page.String("pageInfo." + end)
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestPages(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 7)
		// Equal times must not confuse the cursors.
		for _, id := range w.customers[2:5] {
			k.Store.Writer.Customer.UpdateOneID(id).SetUpdatedAt(at(3)).SetName("same").ExecX(t.Context())
		}
		// Nor may those without a value be lost.
		for _, id := range w.subscriptions[3:8] {
			k.Store.Writer.Subscription.UpdateOneID(id).ClearCurrentPeriodEnd().ExecX(t.Context())
		}
		k.Store.Writer.Customer.UpdateOneID(w.customers[0]).SetName("").SetEmail("").ExecX(t.Context())
		k.Store.Writer.Customer.UpdateOneID(w.customers[6]).SetName("").SetEmail("").ExecX(t.Context())
		for field, list := range map[string][]string{
			"products": w.products, "customers": w.customers, "subscriptions": w.subscriptions, "invoices": w.invoices, "operations": w.operations,
		} {
			for _, size := range []int{1, 3, 7, 100} {
				testkit.EqualSlices(t, fmt.Sprint(field, " by ", size), walk(t, k, field, "", size, false), newest(list, len(list)))
				testkit.EqualSlices(t, fmt.Sprint(field, " by ", size, ", backwards"), walk(t, k, field, "", size, true), newest(list, len(list)))
			}
		}
		for _, order := range []string{
			"customers: UPDATED_AT ASC", "customers: UPDATED_AT DESC", "customers: EMAIL ASC", "customers: EMAIL DESC",
			"customers: NAME ASC", "customers: NAME DESC", "products: NAME DESC",
			"subscriptions: CURRENT_PERIOD_END ASC", "subscriptions: CURRENT_PERIOD_END DESC",
		} {
			words := strings.Fields(strings.ReplaceAll(order, ":", ""))
			arguments := fmt.Sprintf(", orderBy: {field: %s, direction: %s}", words[1], words[2])
			whole := walk(t, k, words[0], arguments, 100, false)
			list := map[string][]string{"customers": w.customers, "subscriptions": w.subscriptions, "products": w.products}[words[0]]
			if !slices.Equal(slices.Sorted(slices.Values(whole)), slices.Sorted(slices.Values(list))) {
				t.Errorf("%s: the page of all has %d, want %d", order, len(whole), len(list))
			}
			for _, size := range []int{1, 2, 3} {
				testkit.EqualSlices(t, fmt.Sprint(order, " by ", size), walk(t, k, words[0], arguments, size, false), whole)
				testkit.EqualSlices(t, fmt.Sprint(order, " by ", size, ", backwards"), walk(t, k, words[0], arguments, size, true), whole)
			}
		}

		t.Run("what comes in between moves nothing", func(t *testing.T) {
			page := k.Query(t, `{ products(first: 3) { edges { cursor } pageInfo { endCursor } } }`)
			k.Store.Writer.Product.Create().SetName("Newer").SetCreatedAt(at(100)).ExecX(t.Context())
			next := k.Query(t, `query($c: String) { products(first: 2, after: $c) { totalCount edges { node { id } } } }`,
				object{"c": page.String("products.pageInfo.endCursor")})
			testkit.EqualSlices(t, "next page", ids(next.At("products")), []string{w.products[3], w.products[2]})
			testkit.Equal(t, "total", next.Int("products.totalCount"), 8)
		})
		t.Run("below another field", func(t *testing.T) {
			document := `query($id: ID!, $c: String) { customer(id: $id) { subscriptions(first: 1, after: $c) {
				totalCount edges { node { id } } pageInfo { hasNextPage endCursor } } } }`
			first := k.Query(t, document, object{"id": w.customers[2]}).At("customer.subscriptions")
			second := k.Query(t, document, object{"id": w.customers[2], "c": first.String("pageInfo.endCursor")}).At("customer.subscriptions")
			testkit.EqualSlices(t, "both pages", append(ids(first), ids(second)...), []string{w.subscriptions[5], w.subscriptions[4]})
			testkit.Equal(t, "there is more", second.Bool("pageInfo.hasNextPage"), false)
			testkit.Equal(t, "total", second.Int("totalCount"), 2)
		})
	})
}

func TestPageLimits(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 30)
		testkit.Equal(t, "page by default", len(k.Query(t, `{ products { edges { node { id } } } }`).List("products.edges")), 25)
		for _, page := range []string{"first: 0", "first: 101", "last: 0", "last: 101", "first: -1", "first: 1, last: 1"} {
			badInput(t, k, `{ products(`+page+`) { totalCount } }`)
			badInput(t, k, `{ customers { edges { node { subscriptions(`+page+`) { totalCount } } } } }`)
		}
		other := k.Query(t, `{ products(first: 1) { edges { cursor } pageInfo { endCursor } } }`).String("products.pageInfo.endCursor")
		for name, cursor := range map[string]any{
			"empty": "", "words": "not a cursor", "a number": 7, "cut": other[:5], "an id": w.products[0], "a list": []any{"x"},
		} {
			for _, document := range []string{
				`query($c: String) { products(after: $c) { edges { node { id } } } }`,
				`query($c: String) { products(last: 1, before: $c) { totalCount } }`,
				`query($c: String) { products { edges { node { prices(after: $c) { edges { node { id } } } } } } }`,
				`query($c: String) { products { edges { node { prices(filter: {status: [ACTIVE]}, after: $c) { totalCount } } } } }`,
				`query($c: String) { customers { edges { node { subscriptions(before: $c) { totalCount edges { node { id } } } } } } }`,
				`query($c: String) { ...F } fragment F on Query { node(id: "` + w.customers[0] + `") { ... on Customer { invoices(after: $c) { totalCount } } } }`,
			} {
				t.Run(name, func(t *testing.T) { badInput(t, k, document, object{"c": cursor}) })
			}
		}
		badInput(t, k, `{ products { edges { node { prices(after: "nonsense") { edges { node { id } } } } } } }`)
		badInput(t, k, `{ products { edges { node { prices(after: "7") { edges { node { id } } } } } } }`)
		nothing := `query($c: String) { products(first: 1, after: $c) { edges { node { prices(after: $c, before: null) { edges { node { id } } } } } } }`
		testkit.Equal(t, "null is no cursor", len(k.Query(t, nothing, object{"c": nil}).List("products.edges.0.node.prices.edges")), 3)
		testkit.Equal(t, "nothing is no cursor", len(k.Query(t, nothing).List("products.edges.0.node.prices.edges")), 3)
	})
}

// TestPagesBetweenCursors combines both cursors with both ends of a page, in every order
// of customers.
func TestPagesBetweenCursors(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		for i := range 6 {
			k.Query(t, `mutation($e: String!, $n: String!) { createCustomer(input: {email: $e, name: $n}) { customer { id } } }`,
				object{"e": fmt.Sprintf("c%d@example.com", i), "n": []string{"", "Ada", "Bea"}[i%3]})
		}
		const page = `query($o: CustomerOrder, $first: Int, $last: Int, $after: String, $before: String) {
			customers(orderBy: $o, first: $first, last: $last, after: $after, before: $before) { edges { cursor node { id } } } }`
		read := func(variables object) (ids, cursors []string) {
			for _, e := range k.Query(t, page, variables).List("customers.edges") {
				ids, cursors = append(ids, e.String("node.id")), append(cursors, e.String("cursor"))
			}
			return ids, cursors
		}
		for _, field := range []string{"CREATED_AT", "UPDATED_AT", "EMAIL", "NAME"} {
			for _, direction := range []string{"ASC", "DESC"} {
				order := object{"field": field, "direction": direction}
				all, cursors := read(object{"o": order, "first": 10})
				for _, c := range []struct {
					variables object
					want      []string
				}{
					{object{"first": 2, "before": cursors[4]}, all[:2]},
					{object{"last": 2, "before": cursors[4]}, all[2:4]},
					{object{"first": 2, "after": cursors[1]}, all[2:4]},
					{object{"last": 2, "after": cursors[1]}, all[4:]},
					{object{"first": 2, "after": cursors[0], "before": cursors[5]}, all[1:3]},
					{object{"last": 2, "after": cursors[0], "before": cursors[5]}, all[3:5]},
				} {
					c.variables["o"] = order
					if got, _ := read(c.variables); !slices.Equal(got, c.want) {
						t.Errorf("%v: got %v, want %v", c.variables, got, c.want)
					}
				}
			}
		}
	})
}
