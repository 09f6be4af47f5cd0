package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/internal/httpapi"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	b := setup()
	nested := func(levels int) string {
		query := "id"
		for level := levels - 1; level > 1; level-- {
			query = []string{"defaultPrice", "product"}[level%2] + " { " + query + " }"
		}
		return "{ node(id: 1) { ... on Product { " + query + " } } }"
	}
	aliases := func(n int) string {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "a%d: id ", i)
		}
		return list.String()
	}
	for _, tc := range []struct {
		name, query, code string
	}{
		{"15 levels fit", nested(15), ""},
		{"16 levels do not", nested(16), "QUERY_TOO_COMPLEX"},
		{"levels are counted through fragments", `query { node(id: 1) { ...a } } fragment a on Product { ` + strings.Repeat("defaultPrice { product { ", 4) + `...b` + strings.Repeat(" } }", 4) +
			` } fragment b on Product { ` + strings.Repeat("defaultPrice { product { ", 3) + `id` + strings.Repeat(" } }", 3) + ` }`, "QUERY_TOO_COMPLEX"},
		{"50 aliases fit", `{ node(id: 1) { ` + aliases(50) + `} }`, ""},
		{"51 aliases do not", `{ node(id: 1) { ` + aliases(51) + `} }`, "QUERY_TOO_COMPLEX"},
		{"aliases of a fragment count where it is spread", `{ a: node(id: 1) { ...f } b: node(id: 2) { ...f } } fragment f on Node { ` + aliases(30) + `}`, "QUERY_TOO_COMPLEX"},
		{"20 root fields fit", `{ ` + strings.Repeat("__typename ", 20) + `}`, ""},
		{"21 root fields do not", `{ ` + strings.Repeat("__typename ", 21) + `}`, "QUERY_TOO_COMPLEX"},
		{"21 root fields of fragments do not", `{ ...f ... on Query { ...f } ...f } fragment f on Query { ` + strings.Repeat("__typename ", 7) + `}`, "QUERY_TOO_COMPLEX"},
		{"21 mutations do not", `mutation { ` + strings.Repeat("__typename ", 21) + `}`, "QUERY_TOO_COMPLEX"},
		{"one __schema fits", `{ __schema { description } }`, ""},
		{"two do not", `{ __schema { description } b: __schema { description } }`, "QUERY_TOO_COMPLEX"},
		{"three full introspections in one do not", `{ __schema { a: types { ...FullType } b: types { ...FullType } c: types { ...FullType } } } ` + introspectionFragments, "QUERY_TOO_COMPLEX"},
		{"1,501 tokens do not", `{ node(id: 1) { ` + strings.Repeat("id ", 1491) + `} }`, "QUERY_TOO_COMPLEX"},
		{"comments are tokens", `{ __typename ` + strings.Repeat("#\n", 1500) + `}`, "QUERY_TOO_COMPLEX"},
		{"names have a length", `{ ` + strings.Repeat("x", 101) + ` }`, "QUERY_TOO_COMPLEX"},
		{"a string may be long", `{ echo(text: "` + strings.Repeat("x", 100_000) + `") }`, ""},
		{"a second operation is held to the limits too", `query A { __typename } query B { ` + strings.Repeat("__typename ", 21) + `}`, "QUERY_TOO_COMPLEX"},
		{"a cycle of fragments is invalid", `{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }`, "GRAPHQL_VALIDATION_FAILED"},
		{"deep lists are refused by the parser", `{ echo(metadata: ` + strings.Repeat("[", 1200) + `) }`, "GRAPHQL_PARSE_FAILED"},
		{"a hundred bad fields are twenty errors", `{ node(id: 1) { ` + strings.Repeat("nosuch ", 100) + `} }`, "GRAPHQL_VALIDATION_FAILED"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(tc.query)+`}`, acceptGraphQL)
			if a.code() != tc.code || (a.Status == http.StatusOK) != (tc.code == "") {
				t.Errorf("got %d %q, want %q\n%.500s", a.Status, a.code(), tc.code, a.Body)
			}
			if len(a.Errors) > 20 {
				t.Errorf("%d errors", len(a.Errors))
			}
		})
	}
}

func TestComplexity(t *testing.T) {
	t.Parallel()
	b := setup()
	hundred := strings.Fields(strings.Repeat("id ", 100))
	const tenFields = `id name description active createdAt updatedAt defaultPrice { status nickname lookupKey }`
	const withPriceAndProduct = `edges { cursor node { id email name subscriptions(first: $inner) { pageInfo { hasNextPage endCursor }
		edges { cursor node { id status cancelAtPeriodEnd availableActions
			price { id unitAmount { amount currency } recurring { interval intervalCount } nickname lookupKey status }
			product { id name description active createdAt updatedAt } } } } } }`
	for _, tc := range []struct {
		name, query string
		variables   map[string]any
		code        string
	}{
		{name: "full introspection fits", query: fullIntrospection},
		{name: "a page of 100 with ten fields fits", query: `{ products(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { ` + tenFields + ` } } } }`},
		{name: "50 × 5 with price and product fits", query: `query($outer: Int, $inner: Int) { customers(first: $outer) { ` + withPriceAndProduct + `} }`, variables: map[string]any{"outer": 50, "inner": 5}},
		{name: "the same 50 × 25 by default does not", query: `query($outer: Int, $inner: Int) { customers(first: $outer) { ` + withPriceAndProduct + `} }`, variables: map[string]any{"outer": 50}, code: "QUERY_TOO_COMPLEX"},
		{name: "100 × 100 does not", query: `{ customers(first: 100) { edges { node { subscriptions(first: 100) { edges { node { id } } } } } } }`, code: "QUERY_TOO_COMPLEX"},
		{name: "100 × 100 of last does not", query: `{ customers(last: 100) { edges { node { subscriptions(last: 100) { edges { cursor } } } } } }`, code: "QUERY_TOO_COMPLEX"},
		{name: "100 × 100 through fragments and nodes does not", query: `{ products(first: 100) { ...p } } fragment p on ProductConnection { nodes { ...n } } fragment n on Product { prices(first: 100) { edges { node { id } } } }`, code: "QUERY_TOO_COMPLEX"},
		{name: "100 × 100 by a default value does not", query: `query($n: Int = 100) { customers(first: $n) { edges { node { subscriptions(first: $n) { edges { node { id } } } } } } }`, code: "QUERY_TOO_COMPLEX"},
		{name: "what is not included costs nothing", query: `query($yes: Boolean!) { customers(first: 100) { edges { node { id subscriptions(first: 100) @include(if: $yes) { edges { node { id } } } } } } }`, variables: map[string]any{"yes": false}},
		{name: "what is included costs", query: `query($yes: Boolean!) { customers(first: 100) { edges { node { id subscriptions(first: 100) @skip(if: $yes) { edges { node { id } } } } } } }`, variables: map[string]any{"yes": false}, code: "QUERY_TOO_COMPLEX"},
		{name: "counting a hundred lists is cheap", query: `{ customers(first: 100) { edges { node { subscriptions(first: 100) { totalCount } } } } }`},
		{name: "lists without pages multiply", query: `{ customers(first: 100) { edges { node { subscriptions(first: 10) { edges { node { history { to cause } } } } } } } }`, code: "QUERY_TOO_COMPLEX"},
		{name: "the items of a subscription are few", query: `{ customers(first: 100) { edges { node { subscriptions(first: 10) { edges { node { items { id quantity } } } } } } } }`},
		{name: "nodes multiply by their ids", query: `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Product { prices(first: 100) { edges { node { id } } } } } }`, variables: map[string]any{"ids": hundred}, code: "QUERY_TOO_COMPLEX"},
		{name: "nodes take a hundred ids", query: `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, variables: map[string]any{"ids": hundred}},
		{name: "nodes take no more", query: `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, variables: map[string]any{"ids": append(hundred, "one more")}, code: "BAD_USER_INPUT"},
		{name: "a connection that takes no page counts as one by default", query: `{ unpaged { edges { node { prices(first: 100) { edges { node { id status nickname lookupKey } } } } } } }`, code: "QUERY_TOO_COMPLEX"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if a := b.post(t, tc.query, tc.variables); a.code() != tc.code {
				t.Errorf("got %q, want %q: %.500s", a.code(), tc.code, a.Body)
			}
		})
	}
}

// TestHostileDocumentsAreAnsweredAtOnce has small documents that a naive walk does not
// come to the end of: fragments that spread each other twice, 60 times over. The bound
// is far above what they take on a busy machine.
func TestHostileDocumentsAreAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	b := setup()
	const doublings = 60
	doubling := func(typ, leaf, wrap string) string {
		var doc strings.Builder
		for i := range doublings {
			spread := fmt.Sprintf("...f%d ...f%d", i+1, i+1)
			fmt.Fprintf(&doc, "fragment f%d on %s { %s }\n", i, typ, fmt.Sprintf(wrap, spread))
		}
		fmt.Fprintf(&doc, "fragment f%d on %s { %s }\n", doublings, typ, leaf)
		return doc.String()
	}
	for name, query := range map[string]string{
		"fragments that double":            `{ ...f0 } ` + doubling("Query", "__typename", "%s"),
		"fragments that double below root": `{ node(id: 1) { ...f0 } } ` + doubling("Product", "id", "%s"),
		"fragments that double with lists": `{ products { ...f0 } } ` + doubling("ProductConnection", "totalCount", "edges { node { prices { totalCount } } } %s"),
		"fragments that double introspection": `{ __schema { types { ...f0 } } } ` +
			doubling("__Type", "name", "%s"),
		"the same field over and over": `{ node(id: 1) { ` + strings.Repeat("id ", 1400) + `} }`,
		"fields that nest and repeat":  `{ node(id: 1) { ` + strings.Repeat("... on Product { defaultPrice { product { id } } } ", 90) + `} }`,
		"many unknown fields":          `{ node(id: 1) { ` + strings.Repeat(strings.Repeat("x", 100)+" ", 1400) + `} }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			a := b.post(t, query, nil)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s to answer %q", took, a.code())
			}
		})
	}
}

func TestCostIsKnownAroundTheOperation(t *testing.T) {
	t.Parallel()
	var cost int
	b := setup(func(o *httpapi.Options) {
		o.Around = func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
			cost = httpapi.Cost(ctx)
			return next(ctx)
		}
	})
	b.post(t, `{ products(first: 10) { totalCount edges { node { id name } } } }`, nil)
	if want := 1 + (1 + 20) + 10*2; cost != want {
		t.Errorf("the cost is %d, want %d", cost, want)
	}
}

func TestAnOperationCanBeTurnedAwayAround(t *testing.T) {
	t.Parallel()
	b := setup(func(o *httpapi.Options) {
		o.Around = func(ctx context.Context, _ graphql.OperationHandler) graphql.ResponseHandler {
			response := graphql.ErrorResponse(ctx, "slow down")
			response.Errors[0].Extensions = map[string]any{"code": "RATE_LIMITED"}
			return graphql.OneShot(response)
		}
	})
	for accept, status := range map[string]int{acceptJSON: http.StatusOK, acceptGraphQL: http.StatusTooManyRequests} {
		a := b.send(t, http.MethodPost, "/graphql", `{"query":"{ __typename }"}`, accept)
		if a.Status != status || a.code() != "RATE_LIMITED" || a.Data != nil {
			t.Errorf("%s: got %d %s", accept, a.Status, a.Body)
		}
	}
}

const fullIntrospection = `query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
` + introspectionFragments

const introspectionFragments = `
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}`
