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
		status               string // the link in the end
	}{
		{
			name: "a product", path: "/v1/products", status: "UNLINKED",
			document: `mutation($input: CreateProductInput!) { createProduct(input: $input) { object: product { id } operation { id } } }`,
			input:    func(*testing.T, *shop) map[string]any { return map[string]any{"name": "Gone"} },
		},
		{
			name: "a price", path: "/v1/prices", status: "UNLINKED",
			document: `mutation($input: AddProductPriceInput!) { addProductPrice(input: $input) { object: price { id } operation { id } } }`,
			input: func(t *testing.T, s *shop) map[string]any {
				return map[string]any{"productId": s.product(t, "Team").ID, "unitAmount": 700, "currency": "USD"}
			},
		},
		{
			name: "a customer", path: "/v1/customers", status: "UNLINKED",
			document: `mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { object: customer { id } operation { id } } }`,
			input:    func(*testing.T, *shop) map[string]any { return map[string]any{"email": "gone@example.com"} },
		},
	}
	onBoth(t, func(t *testing.T, s *shop) {
		for _, creation := range creations {
			t.Run(creation.name, func(t *testing.T) {
				input := creation.input(t, s)
				s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: creation.path, Kind: "drop_after", Count: 1})
				s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: creation.path, Kind: "server_error"})
				var id string
				data := s.Query(t, creation.document, map[string]any{"input": input})
				for _, name := range []string{"createProduct", "addProductPrice", "createCustomer"} {
					if data.Has(name) {
						id = data.String(name + ".object.id")
					}
				}
				s.Work(t)
				made := s.all(t, creation.path)
				testkit.Equal(t, "is the newest in Stripe ours", made[0]["metadata"].(map[string]any)["tallystick_id"], any(id))
				s.Stripe.Edit(t, made[0]["id"].(string), map[string]any{"deleted": true})
				s.Stripe.Heal(t)
				s.available(t)
				s.settle(t)
				link := s.Query(t, `query($id: ID!) { node(id: $id) { ... on Product { active stripe { id status } } ... on Price { status stripe { id status } } ... on Customer { stripe { id status } } } }`,
					map[string]any{"id": id})
				testkit.Equal(t, "link", link.String("node.stripe.status"), creation.status)
				testkit.Equal(t, "has an id in Stripe", link.Has("node.stripe.id"), false)
			})
		}
	})
}
