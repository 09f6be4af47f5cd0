package mirror_test

import (
	"net/url"
	"testing"
	"time"

	"tallystick/ent/customer"
	"tallystick/ent/price"
	"tallystick/ent/subscription"
	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

// later lets the server's clock be ahead of Stripe's objects.
func later(s *app.Settings) {
	s.Engine.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
}

// TestChildrenOfAnOldParentAreTakenIn hears for the first time of a product and of a
// customer that have been in Stripe for long: what belongs to them is shown as well,
// though no event reports on it.
func TestChildrenOfAnOldParentAreTakenIn(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{"name": {"Old"}})["id"].(string)
		priced := k.Stripe.Post(t, "/v1/prices", url.Values{
			"product": {product}, "currency": {"eur"}, "unit_amount": {"500"}, "recurring[interval]": {"month"},
		})["id"].(string)
		owner := k.Stripe.Post(t, "/v1/customers", url.Values{"email": {"ada@example.com"}})["id"].(string)
		subscribed := k.Stripe.Post(t, "/v1/subscriptions", url.Values{
			"customer": {owner}, "items[0][price]": {priced}, "collection_method": {"send_invoice"}, "days_until_due": {"30"},
		})["id"].(string)

		for object, id := range map[string]string{"product": product, "customer": owner} {
			if _, err := k.Mirror.Refresh(t.Context(), object, id); err != nil {
				t.Fatal(err)
			}
		}
		if n := k.Store.Reader.Price.Query().Where(price.StripeID(priced)).CountX(t.Context()); n != 1 {
			t.Errorf("%d rows of the price", n)
		}
		row := k.Store.Reader.Subscription.Query().Where(subscription.StripeID(subscribed)).WithInvoices().OnlyX(t.Context())
		if len(row.Edges.Invoices) != 1 {
			t.Errorf("%d invoices of the subscription", len(row.Edges.Invoices))
		}
		if n := k.Store.Reader.Customer.Query().Where(customer.StripeID(owner)).CountX(t.Context()); n != 1 {
			t.Errorf("%d rows of the customer", n)
		}
	}, later)
}

// TestNewParentCostsNoLists hears of a customer that was made a moment ago.
func TestNewParentCostsNoLists(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		owner := k.Stripe.Post(t, "/v1/customers", url.Values{"email": {"ada@example.com"}})["id"].(string)
		k.Stripe.Forget(t)
		if _, err := k.Mirror.Refresh(t.Context(), "customer", owner); err != nil {
			t.Fatal(err)
		}
		if requests := k.Stripe.Requests(t); len(requests) != 1 {
			t.Errorf("it takes %d requests: %v", len(requests), requests)
		}
	})
}
