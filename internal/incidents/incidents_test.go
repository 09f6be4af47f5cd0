// Package incidents replays what went wrong in other projects that stand between
// an application and Stripe. docs/incidents.md tells of each.
package incidents

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

type object = map[string]any

// shop is a server with a product and a customer, and shorthands.
type shop struct {
	*testkit.Kit
	product, price, customer string
	// The same by their ids in Stripe.
	stripeProduct, stripePrice, stripeCustomer string
	events                                     int
}

// replay runs an incident on SQLite and on PostgreSQL.
func replay(t *testing.T, incident func(t *testing.T, s *shop)) {
	t.Helper()
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		s := &shop{Kit: k}
		made := s.done(t, "createProduct", `product { id stripe { id } defaultPrice { id stripe { id } } }`, object{
			"name": "Plan", "price": object{"unitAmount": 1500, "currency": "USD", "recurring": object{"interval": "MONTH"}},
		})
		s.product, s.stripeProduct = made.String("product.id"), made.String("product.stripe.id")
		s.price, s.stripePrice = made.String("product.defaultPrice.id"), made.String("product.defaultPrice.stripe.id")
		s.customer, s.stripeCustomer = s.signUp(t, "ann@example.com")
		card := s.Stripe.Post(t, "/v1/payment_methods/pm_card_visa/attach", url.Values{"customer": {s.stripeCustomer}})
		s.Stripe.Post(t, "/v1/customers/"+s.stripeCustomer, url.Values{
			"invoice_settings[default_payment_method]": {card["id"].(string)},
		})
		incident(t, s)
	})
}

func (s *shop) mutate(t *testing.T, name, fields string, input object) testkit.Answer {
	t.Helper()
	return s.Query(t, fmt.Sprintf(`mutation($input: %s%sInput!) { %s(input: $input) { %s
		operation { id status lastError steps { name status } } userErrors { code message path nodeId declineCode } } }`,
		strings.ToUpper(name[:1]), name[1:], name, fields), object{"input": input}).At(name)
}

// done is mutate for what must succeed.
func (s *shop) done(t *testing.T, name, fields string, input object) testkit.Answer {
	t.Helper()
	payload := s.mutate(t, name, fields, input)
	if payload.Has("userErrors.0") {
		t.Fatalf("%s: %s", name, payload.Raw())
	}
	return payload
}

func (s *shop) refused(t *testing.T, name string, input object, code string) testkit.Answer {
	t.Helper()
	payload := s.mutate(t, name, "", input)
	if !payload.Has("userErrors.0") || payload.String("userErrors.0.code") != code {
		t.Fatalf("%s is not %s: %s", name, code, payload.Raw())
	}
	return payload
}

func (s *shop) signUp(t *testing.T, email string) (id, stripeID string) {
	t.Helper()
	id = s.done(t, "createCustomer", `customer { id }`, object{"email": email, "name": "Ann"}).String("customer.id")
	s.Work(t)
	return id, s.read(t, `customer(id: $id) { stripe { id } }`, id).String("customer.stripe.id")
}

func (s *shop) subscribe(t *testing.T) (id, stripeID string) {
	t.Helper()
	made := s.done(t, "createSubscription", `subscription { id stripe { id } }`, object{"customerId": s.customer, "priceId": s.price})
	return made.String("subscription.id"), made.String("subscription.stripe.id")
}

func (s *shop) read(t *testing.T, field, id string) testkit.Answer {
	t.Helper()
	return s.Query(t, `query($id: ID!) { `+field+` }`, object{"id": id})
}

const subscriptionFields = `subscription(id: $id) { status cancelAt endedAt itemCount: quantity availableActions
	price { id } quantity items { id quantity price { id billingScheme unitAmount { amount } tiers { upTo } } }
	pausedCollection { behavior resumesAt } stripe { status unsupported } history { cause } }`

func (s *shop) subscription(t *testing.T, id string) testkit.Answer {
	t.Helper()
	return s.read(t, subscriptionFields, id).At("subscription")
}

// report delivers an event about an object, and applies it.
func (s *shop) report(t *testing.T, kind, objectType, objectID string) {
	t.Helper()
	s.events++
	if _, err := s.Inbox.Store(t.Context(), webhooks.Report{
		EventID: fmt.Sprintf("evt_%d", s.events), Type: kind, ObjectType: objectType, ObjectID: objectID, OccurredAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Inbox.Apply(t.Context(), webhooks.Object{Type: objectType, ID: objectID}); err != nil {
		t.Fatal(err)
	}
}

// status is what became of the last event.
func (s *shop) status(t *testing.T) string {
	t.Helper()
	return s.Query(t, `{ webhookEvents(first: 1) { edges { node { status } } } }`).String("webhookEvents.edges.0.node.status")
}

func words(a testkit.Answer, list, field string) []string {
	var all []string
	for _, item := range a.List(list) {
		all = append(all, item.String(field))
	}
	return all
}

func has(t *testing.T, a testkit.Answer, list, word string) bool {
	t.Helper()
	n := len(a.List(list))
	for i := range n {
		if a.String(fmt.Sprintf("%s.%d", list, i)) == word {
			return true
		}
	}
	return false
}

// pricesInStripe are the prices of a subscription's items in Stripe.
func (s *shop) pricesInStripe(t *testing.T, subscription string) []string {
	t.Helper()
	var ids []string
	items := s.Stripe.Get(t, "/v1/subscriptions/"+subscription)["items"].(object)["data"].([]any)
	for _, item := range items {
		ids = append(ids, item.(object)["price"].(object)["id"].(string))
	}
	slices.Sort(ids)
	return ids
}
