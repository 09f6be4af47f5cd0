package stripesync_test

import (
	"net/http"
	"testing"

	"tallystick/internal/testkit"
)

// An object is created, the answer is lost, somebody deletes the object in Stripe,
// and the repeated request is answered from Stripe's memory.
func TestReplayedCreationIsNoPresent(t *testing.T) {
	creations := []struct {
		name, document, path string
		input                func(t *testing.T, s *shop) map[string]any
	}{
		{
			name: "a product", path: "/v1/products",
			document: `mutation($input: CreateProductInput!) { createProduct(input: $input) { object: product { id } } }`,
			input:    func(*testing.T, *shop) map[string]any { return map[string]any{"name": "Gone"} },
		},
		{
			name: "a price", path: "/v1/prices",
			document: `mutation($input: AddProductPriceInput!) { addProductPrice(input: $input) { object: price { id } } }`,
			input: func(t *testing.T, s *shop) map[string]any {
				return map[string]any{"productId": s.product(t, "Team").ID, "unitAmount": 700, "currency": "USD"}
			},
		},
		{
			name: "a customer", path: "/v1/customers",
			document: `mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { object: customer { id } } }`,
			input:    func(*testing.T, *shop) map[string]any { return map[string]any{"email": "gone@example.com"} },
		},
	}
	onBoth(t, func(t *testing.T, s *shop) {
		for _, creation := range creations {
			t.Run(creation.name, func(t *testing.T) {
				input := creation.input(t, s)
				s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: creation.path, Kind: "drop_after", Count: 1})
				s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: creation.path, Kind: "server_error"})
				id := s.run(t, creation.document, input).String("object.id")
				s.Work(t)
				made := s.all(t, creation.path)[0]
				testkit.Equal(t, "id of ours in Stripe", made["metadata"].(map[string]any)["tallystick_id"], any(id))

				s.Stripe.Edit(t, text(made["id"]), map[string]any{"deleted": true})
				s.Stripe.Heal(t)
				s.settle(t)
				shown := s.Query(t, `query($id: ID!) { node(id: $id) {
					... on Product { onSale: active stripe { id status } } ... on Price { status stripe { id status } } ... on Customer { stripe { id status } } } }`,
					map[string]any{"id": id}).At("node")
				testkit.Equal(t, "link", shown.String("stripe.status"), "UNLINKED")
				testkit.Equal(t, "has an id in Stripe", shown.Has("stripe.id"), false)
				testkit.Equal(t, "is on sale", shown.Has("onSale") && shown.Bool("onSale") || shown.Has("status") && shown.String("status") == "ACTIVE", false)
			})
		}
	})
}

// TestPresentIsNotTold lets Stripe refuse to tell whether what it says that it has created
// is still there. That is no refusal of the change: it is done in the end.
func TestPresentIsNotTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: "/v1/products", Kind: "drop_after", Count: 1})
		s.Stripe.Fail(t, testkit.Fault{Method: http.MethodGet, Path: "/v1/products/*", Kind: "refuse", Count: 1})
		made := s.run(t, createProduct, map[string]any{"name": "Told"})
		s.settle(t)
		testkit.Equal(t, "in the end", s.op(t, made.String("operation.id")).String("status"), "SUCCEEDED")
		testkit.Equal(t, "products in Stripe", len(s.all(t, "/v1/products")), 1)
		s.equalCatalogues(t)
	})
}
