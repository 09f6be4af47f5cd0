package stripesync_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// creation is a request that creates an object in Stripe.
type creation struct {
	name string
	// list is where the object is looked for, and path where it is created.
	list, path, step string
	// begin makes what is needed first, breaks the creation and asks for it. It
	// returns the operation's id and the id of the object here.
	begin func(t *testing.T, s *shop, name string, breakIt func()) (operation, object string)
}

var creations = []creation{
	{
		name: "product", list: "/v1/products", path: "/v1/products", step: "create_product",
		begin: func(t *testing.T, s *shop, name string, breakIt func()) (string, string) {
			breakIt()
			p := s.run(t, createProduct, map[string]any{"name": name})
			return p.String("operation.id"), p.String("product.id")
		},
	},
	{
		name: "price", list: "/v1/prices", path: "/v1/prices", step: "create_price",
		begin: func(t *testing.T, s *shop, name string, breakIt func()) (string, string) {
			product := s.product(t, name)
			breakIt()
			p := s.run(t, addProductPrice, map[string]any{"productId": product.ID, "unitAmount": 5, "currency": "USD"})
			return p.String("operation.id"), p.String("price.id")
		},
	},
	{
		name: "customer", list: "/v1/customers", path: "/v1/customers", step: "create_customer",
		begin: func(t *testing.T, s *shop, name string, breakIt func()) (string, string) {
			breakIt()
			c := s.run(t, createCustomer, map[string]any{"email": name + "@example.com"})
			s.Work(t)
			return c.String("operation.id"), c.String("customer.id")
		},
	},
	{
		name: "customer that is linked on the way", list: "/v1/customers", path: "/v1/customers", step: "link_customer",
		begin: func(t *testing.T, s *shop, name string, breakIt func()) (string, string) {
			s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
			customer := s.customer(t, name+"@example.com", true)
			s.Stripe.Heal(t)
			breakIt()
			c := s.run(t, updateCustomer, map[string]any{"customerId": customer, "name": "Grace"})
			return c.String("operation.id"), customer
		},
	},
	{
		name: "subscription", list: "/v1/subscriptions", path: "/v1/subscriptions", step: "create_subscription",
		begin: func(t *testing.T, s *shop, name string, breakIt func()) (string, string) {
			product := s.product(t, name)
			customer := s.customer(t, name+"@example.com", true)
			breakIt()
			sub := s.run(t, createSubscription, map[string]any{
				"customerId": customer, "priceId": *product.DefaultPriceID, "collection": "SEND_INVOICE",
			})
			return sub.String("operation.id"), sub.String("subscription.id")
		},
	},
}

// created counts the objects in Stripe that were made for one here.
func (s *shop) created(t *testing.T, list, object string) int {
	t.Helper()
	n := 0
	for _, o := range s.all(t, list) {
		if o["metadata"].(map[string]any)["tallystick_id"] == object {
			n++
		}
	}
	return n
}

// asked are the requests of a creation since the last Forget, with the ends of
// their keys.
func (s *shop) asked(t *testing.T, c creation, operation string) string {
	t.Helper()
	var asked []string
	for _, r := range s.Stripe.Requests(t) {
		switch {
		case r.Method == http.MethodPost && r.Path == c.path:
			asked = append(asked, strings.TrimPrefix(r.IdempotencyKey, operation+":"+c.step)+"+")
		case r.Method == http.MethodGet && r.Path == c.list && c.list != "/v1/products": // that is a probe as well
			asked = append(asked, "look")
		}
	}
	return strings.Join(asked, " ")
}

func TestCreationIsRepeatedSafely(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, c := range creations {
			for _, tt := range []struct {
				name, fault string
				count       int
				later       time.Duration
				// before and after are the requests before and after the resumption.
				before, after string
			}{
				{"a repeat has the same key", "lock_timeout", 2, 0, "+ + +", ""},
				{"a lost answer is asked for again with the same key", "drop_after", 1, 0, "+ +", ""},
				{"a fault that Stripe remembers costs the key", "stored_error", 1, 0, "+ + look :1+", ""},
				{"what a remembered fault hides is found", "stored_error_after", 1, 0, "+ + look", ""},
				{"a resumption has the same key", "drop_after", 0, 22 * time.Hour, "+ + +", "+"},
				{"after a day, what was created is found", "drop_after", 0, 24 * time.Hour, "+ + +", "look"},
				{"after a day, what was not created is created once", "drop_before", 0, 24 * time.Hour, "+ + +", "look :1+"},
			} {
				t.Run(c.name+", "+tt.name, func(t *testing.T) {
					s.available(t)
					s.Clock.ahead.Store(0) // the time is Stripe's, when it begins
					name := strings.Join([]string{"n", string(rune('a' + i)), tt.fault, tt.later.String()}, "")
					operation, object := c.begin(t, s, name, func() {
						s.Stripe.Forget(t)
						s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: c.path, Kind: tt.fault, Count: tt.count})
					})
					looks := func(s string) string {
						switch c.list {
						case "/v1/products":
							return strings.Join(strings.Fields(strings.ReplaceAll(s, "look", "")), " ")
						case "/v1/customers": // by the e-mail, and then by the time
							return strings.ReplaceAll(s, "look :1+", "look look :1+")
						}
						return s
					}
					testkit.Equal(t, "requests", s.asked(t, c, operation), looks(tt.before))
					s.Stripe.Heal(t)
					s.Stripe.Forget(t)
					s.Clock.Advance(tt.later)
					s.settle(t)
					testkit.Equal(t, "requests of the resumption", s.asked(t, c, operation), looks(tt.after))
					testkit.Equal(t, "objects in Stripe", s.created(t, c.list, object), 1)
					testkit.Equal(t, "status", s.row(t, operation).Status, billing.OperationSucceeded)
				})
			}
		}
	})
}
