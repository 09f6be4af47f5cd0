package resolvers_test

import (
	"testing"

	"tallystick/internal/testkit"
)

// TestAliases asks by names of the document's own, and in more than one place, what
// another document asks by the schema's: the answers are the same.
func TestAliases(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		for _, name := range []string{"Team", "Business"} {
			made := k.Query(t, `mutation($name: String!) { createProduct(input: {name: $name, description: "Described",
				price: {unitAmount: 1500, currency: "EUR", nickname: "Nick", recurring: {interval: MONTH}}}) { product { id } } }`, object{"name": name})
			k.Query(t, `mutation($id: ID!) { addProductPrice(input: {productId: $id, unitAmount: 900, currency: "EUR", nickname: "Second"}) { price { id } } }`,
				object{"id": made.String("createProduct.product.id")})
		}
		k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com", name: "Ada"}) { customer { id } } }`)
		const list = "products.edges.0.node"
		for _, c := range []struct{ aliased, at, plain, as string }{
			{`{ products(first: 1) { t: totalCount } }`, "products.t", `{ products(first: 1) { totalCount } }`, "products.totalCount"},
			{`{ products(first: 1) { e: edges { n: node { name } } } }`, "products.e.0.n.name", `{ products(first: 1) { edges { node { name } } } }`, list + ".name"},
			{`{ products(first: 1) { p: pageInfo { more: hasNextPage } } }`, "products.p.more", `{ products(first: 1) { pageInfo { hasNextPage } } }`, "products.pageInfo.hasNextPage"},
			{`{ products(first: 1) { edges { node { id } } o: edges { node { name } } } }`, "products.o.0.node.name", `{ products(first: 1) { edges { node { name } } } }`, list + ".name"},
			{`{ products(first: 1) { edges { node { id } m: node { description } } } }`, "products.edges.0.m.description", `{ products(first: 1) { edges { node { description } } } }`, list + ".description"},
			{`{ products(first: 1) { edges { node { a: defaultPrice { nickname } b: defaultPrice { id } } } } }`, list + ".a.nickname", `{ products(first: 1) { edges { node { defaultPrice { nickname } } } } }`, list + ".defaultPrice.nickname"},
			{`{ products(first: 1) { edges { node { a: defaultPrice { id } b: defaultPrice { unitAmount { amount } } } } } }`, list + ".b.unitAmount.amount", `{ products(first: 1) { edges { node { defaultPrice { unitAmount { amount } } } } } }`, list + ".defaultPrice.unitAmount.amount"},
			{`{ products(first: 1) { edges { node { prices(first: 1) { t: totalCount e: edges { node { nickname } } } } } } }`, list + ".prices.e.0.node.nickname", `{ products(first: 1) { edges { node { prices(first: 1) { edges { node { nickname } } } } } } }`, list + ".prices.edges.0.node.nickname"},
			{`{ products(first: 1) { edges { node { p: prices(first: 1) { n: totalCount } } } } }`, list + ".p.n", `{ products(first: 1) { edges { node { prices(first: 1) { totalCount } } } } }`, list + ".prices.totalCount"},
			{`{ products(first: 1) { edges { node { prices(first: 1) { edges { node { id } } o: edges { node { a: product { description } b: product { id } } } } } } } }`, list + ".prices.o.0.node.a.description", `{ products(first: 1) { edges { node { description } } } }`, list + ".description"},
			{`{ a: customerByEmail(email: "ada@example.com") { id } b: customerByEmail(email: "ada@example.com") { name } }`, "b.name", `{ customerByEmail(email: "ada@example.com") { name } }`, "customerByEmail.name"},
			{`query { products(first: 1) { ...page } } fragment page on ProductConnection { e: edges { ...node } } fragment node on ProductEdge { n: node { d: description } }`, "products.e.0.n.d", `{ products(first: 1) { edges { node { description } } } }`, list + ".description"},
		} {
			got, want := k.Query(t, c.aliased).Value(c.at), k.Query(t, c.plain).Value(c.as)
			if want == nil || got != want {
				t.Errorf("%s\ngot %v at %s, want %v", c.aliased, got, c.at, want)
			}
		}
	})
}
