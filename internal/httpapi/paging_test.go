package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"tallystick/internal/httpapi"
)

// products is the path of the field whose arguments most tests look at.
const products = "products"

func TestPagesThatResolversSee(t *testing.T) {
	t.Parallel()
	const totals = `{ totalCount }`
	const prices = "products.edges.node.prices"
	nested := func(args string) string { return `products { edges { node { prices` + args + totals + ` } } }` }
	for _, tc := range []struct {
		name      string
		query     string
		variables map[string]any
		path      string
		want      map[string]any // of first and last: the ones that are not null
	}{
		{name: "neither is the default", query: `{ products ` + totals + `}`, want: map[string]any{"first": 25}},
		{name: "first is kept", query: `{ products(first: 3) ` + totals + `}`, want: map[string]any{"first": 3}},
		{name: "last is kept", query: `{ products(last: 3) ` + totals + `}`, want: map[string]any{"last": 3}},
		{name: "100 is a page", query: `{ products(first: 100) ` + totals + `}`, want: map[string]any{"first": 100}},
		{name: "null is the default", query: `{ products(first: null) ` + totals + `}`, want: map[string]any{"first": 25}},
		{name: "null twice is the default", query: `{ products(first: null, last: null) ` + totals + `}`, want: map[string]any{"first": 25}},
		{name: "last beside null is kept", query: `{ products(first: null, last: 4) ` + totals + `}`, want: map[string]any{"last": 4}},
		{name: "first beside null is kept", query: `{ products(first: 4, last: null) ` + totals + `}`, want: map[string]any{"first": 4}},

		{name: "a variable is followed", query: `query($n: Int) { products(first: $n) ` + totals + `}`, variables: map[string]any{"n": 7}, want: map[string]any{"first": 7}},
		{name: "a variable left out is the default", query: `query($n: Int) { products(first: $n) ` + totals + `}`, want: map[string]any{"first": 25}},
		{name: "a null variable is the default", query: `query($n: Int) { products(first: $n) ` + totals + `}`, variables: map[string]any{"n": nil}, want: map[string]any{"first": 25}},
		{name: "a variable has a default of its own", query: `query($n: Int = 9) { products(first: $n) ` + totals + `}`, want: map[string]any{"first": 9}},
		{name: "null overrides the variable's default", query: `query($n: Int = 9) { products(first: $n) ` + totals + `}`, variables: map[string]any{"n": nil}, want: map[string]any{"first": 25}},
		{name: "a variable for last is followed", query: `query($m: Int) { products(last: $m) ` + totals + `}`, variables: map[string]any{"m": 7}, want: map[string]any{"last": 7}},
		{name: "a variable for last left out is the default", query: `query($m: Int) { products(last: $m) ` + totals + `}`, want: map[string]any{"first": 25}},
		{name: "a null variable for last is the default", query: `query($m: Int) { products(first: null, last: $m) ` + totals + `}`, variables: map[string]any{"m": nil}, want: map[string]any{"first": 25}},
		{name: "two variables, first given", query: `query($n: Int, $m: Int) { products(first: $n, last: $m) ` + totals + `}`, variables: map[string]any{"n": 5, "m": nil}, want: map[string]any{"first": 5}},
		{name: "two variables, last given", query: `query($n: Int, $m: Int) { products(first: $n, last: $m) ` + totals + `}`, variables: map[string]any{"m": 5}, want: map[string]any{"last": 5}},
		{name: "a whole number may be written as a float", query: `query($n: Int) { products(first: $n) ` + totals + `}`, variables: map[string]any{"n": 5.0}, want: map[string]any{"first": 5}},

		{name: "a nested connection", query: `{ ` + nested("") + ` }`, path: prices, want: map[string]any{"first": 25}},
		{name: "a nested connection with a variable", query: `query($n: Int) { ` + nested("(first: $n)") + ` }`, path: prices, want: map[string]any{"first": 25}},
		{name: "in an inline fragment", query: `{ ... on Query { ... @include(if: true) { products ` + totals + ` } } }`, want: map[string]any{"first": 25}},
		{name: "in a fragment", query: `query($n: Int) { ...f } fragment f on Query { products(first: $n) ` + totals + ` }`, want: map[string]any{"first": 25}},
		{name: "below an interface", query: `{ node(id: 1) { ... on Product { prices ` + totals + ` } } }`, path: "node.prices", want: map[string]any{"first": 25}},
		{name: "below a mutation", query: `mutation { rename(input: {id: "p", name: "n"}) { prices ` + totals + ` } }`, path: "rename.prices", want: map[string]any{"first": 25}},
		{name: "under an alias", query: `{ all: products ` + totals + ` some: products(first: 2) ` + totals + ` }`, path: "all", want: map[string]any{"first": 25}},
		{name: "included by a variable", query: `query($n: Int, $yes: Boolean = true) { products(first: $n) @include(if: $yes) ` + totals + ` }`, want: map[string]any{"first": 25}},
		{name: "the same field twice", query: `query($n: Int) { products(first: $n) ` + totals + ` ...f } fragment f on Query { products(first: $n) { pageInfo { endCursor } } }`, want: map[string]any{"first": 25}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup()
			for _, visit := range []string{"new", "cached"} {
				if a := b.post(t, tc.query, tc.variables); a.Errors != nil {
					t.Fatalf("%s: %s", visit, a.Body)
				}
				path := products
				if tc.path != "" {
					path = tc.path
				}
				if got := b.page(path); !maps.Equal(got, asInt64(tc.want)) {
					t.Errorf("%s: got %v, want %v", visit, got, tc.want)
				}
			}
		})
	}
}

// page is which of first and last the field was given, null left out.
func (b bundle) page(path string) map[string]any {
	page := map[string]any{}
	for _, name := range []string{"first", "last"} {
		if v := b.schema.arguments(path)[name]; v != nil {
			page[name] = v
		}
	}
	return page
}

func asInt64(page map[string]any) map[string]any {
	as := map[string]any{}
	for name, v := range page {
		as[name] = int64(v.(int))
	}
	return as
}

func TestPagesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup()
	for _, tc := range []struct {
		name      string
		query     string
		variables map[string]any
		message   string
	}{
		{name: "more than a hundred", query: `{ products(first: 101) { totalCount } }`, message: "products: first must be between 1 and 100, not 101"},
		{name: "more than a hundred from the end", query: `{ products(last: 101) { totalCount } }`, message: "products: last must be between 1 and 100, not 101"},
		{name: "none", query: `{ products(first: 0) { totalCount } }`, message: "products: first must be between 1 and 100, not 0"},
		{name: "less than none", query: `{ products(last: -1) { totalCount } }`, message: "products: last must be between 1 and 100, not -1"},
		{name: "both", query: `{ products(first: 1, last: 1) { totalCount } }`, message: "products: first and last cannot be used together"},
		{name: "both by variables", query: `query($n: Int, $m: Int) { products(first: $n, last: $m) { totalCount } }`, variables: map[string]any{"n": 1, "m": 1}, message: "products: first and last cannot be used together"},
		{name: "both by one variable", query: `query($n: Int) { products(first: $n, last: $n) { totalCount } }`, variables: map[string]any{"n": 1}, message: "products: first and last cannot be used together"},
		{name: "too many by a variable", query: `query($n: Int) { products(first: $n) { totalCount } }`, variables: map[string]any{"n": 1000}, message: "products: first must be between 1 and 100, not 1000"},
		{name: "too many by a default value", query: `query($n: Int = 1000) { products(first: $n) { totalCount } }`, message: "products: first must be between 1 and 100, not 1000"},
		{name: "too many to count", query: `query($n: Int) { products(first: $n) { totalCount } }`, variables: map[string]any{"n": 1e30}, message: "products: first must be a whole number"},
		{name: "in a nested list of a fragment", query: `{ all: products { ...p } } fragment p on ProductConnection { edges { node { mine: prices(first: 200) { totalCount } } } }`, message: "all.edges.node.mine: first must be between 1 and 100, not 200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.post(t, tc.query, tc.variables)
			if a.code() != "BAD_USER_INPUT" || a.Errors[0].Message != tc.message || len(a.Errors[0].Locations) != 1 || len(a.Errors[0].Path) == 0 || a.Data != nil {
				t.Errorf("want %q, got %d %s", tc.message, a.Status, a.Body)
			}
		})
	}
}

func TestPagesThatAreNotServedAreNotJudged(t *testing.T) {
	t.Parallel()
	a := setup().post(t, `query($n: Int, $yes: Boolean!) { __typename products(first: $n) @include(if: $yes) { totalCount } }`,
		map[string]any{"n": 0, "yes": false})
	if a.Errors != nil {
		t.Errorf("got %s", a.Body)
	}
}

func TestASharedVariableKeepsItsOwnValue(t *testing.T) {
	t.Parallel()
	b := setup()
	a := b.post(t, `query($n: Int) {
		products(first: $n, limit: $n) { totalCount }
		customers(first: 10, last: $n) { totalCount }
		echo(number: $n)
	}`, map[string]any{"n": nil})
	if a.Errors != nil {
		t.Fatal(a.Body)
	}
	for path, want := range map[string]int64{products: 25, "customers": 10} {
		if got := b.page(path); !maps.Equal(got, map[string]any{"first": want}) {
			t.Errorf("%s was given %v", path, got)
		}
	}
	if limit := b.schema.arguments(products)["limit"]; limit != nil {
		t.Errorf("limit was given %v", limit)
	}
	if number, given := b.schema.arguments("echo")["number"]; number != nil || !given {
		t.Errorf("echo was given %v", number)
	}
}

func TestOneFragmentServesTwoOperations(t *testing.T) {
	t.Parallel()
	b := setup()
	const document = `query A($n: Int = 3) { ...f } query B($n: Int = 4) { ...f } fragment f on Query { products(first: $n) { totalCount } }`
	for name, want := range map[string]int64{"A": 3, "B": 4} {
		a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(document)+`,"operationName":"`+name+`"}`)
		if got := b.page(products); a.Errors != nil || !maps.Equal(got, map[string]any{"first": want}) {
			t.Errorf("%s was given %v %s", name, got, a.Body)
		}
	}
}

func TestPageSizesCanBeConfigured(t *testing.T) {
	t.Parallel()
	b := setup(func(o *httpapi.Options) { o.Limits = httpapi.Limits{PageSize: 10} })
	if a := b.post(t, `{ products { totalCount } }`, nil); a.Errors != nil || b.page(products)["first"] != int64(10) {
		t.Errorf("the default page is no larger than the largest: %v %s", b.page(products), a.Body)
	}
	if a := b.post(t, `{ products(first: 11) { totalCount } }`, nil); a.code() != "BAD_USER_INPUT" {
		t.Errorf("got %s", a.Body)
	}
}

// TestRequestsShareADocument sends one document with many variables at once; the race
// detector watches.
func TestRequestsShareADocument(t *testing.T) {
	t.Parallel()
	b := setup()
	query := quoted(`query($n: Int) { products(first: $n) { edges { node { prices(last: $n) { totalCount } } } } }`)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 50 {
				n, want := "null", map[string]any{"first": int64(25)}
				if round%5 != 0 {
					size := worker*7 + round%5
					n, want = strconv.Itoa(size), map[string]any{"first": int64(size)}
				}
				prefix := fmt.Sprintf("%d/%d/", worker, round)
				a := b.send(t, http.MethodPost, "/graphql", `{"query":`+query+`,"variables":{"n":`+n+`}}`, "Test-Prefix: "+prefix)
				if got := b.page(prefix + products); a.Errors != nil || !maps.Equal(got, want) {
					t.Errorf("%s: got %v %s", n, got, a.Body)
				}
			}
		})
	}
	group.Wait()
}
