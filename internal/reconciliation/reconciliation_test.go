package reconciliation_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/reconciliation"
	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

type object = map[string]any

func onBoth(t *testing.T, test func(t *testing.T, s *shop), change ...func(*app.Settings)) {
	t.Helper()
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) { test(t, newShop(t, k)) }, change...)
}

// shop is a server with a product, a customer and its subscription, by their ids
// in Stripe.
type shop struct {
	*testkit.Kit
	product, price, customer, subscription, invoice, item string
	customerID                                            string
}

func newShop(t *testing.T, k *testkit.Kit) *shop {
	t.Helper()
	s := &shop{Kit: k}
	made := k.Query(t, `mutation { createProduct(input: {name: "Plan", metadata: {team: "a"}, price: {
		unitAmount: 1500, currency: "USD", lookupKey: "plan", recurring: {interval: MONTH}}}) {
		product { id stripe { id } defaultPrice { id stripe { id } } } } }`).At("createProduct.product")
	s.product, s.price = made.String("stripe.id"), made.String("defaultPrice.stripe.id")
	s.customerID = k.Query(t, `mutation { createCustomer(input: {email: "ann@example.com", name: "Ann"}) { customer { id } } }`).
		String("createCustomer.customer.id")
	k.Work(t)
	s.customer = k.Query(t, `query($id: ID!) { customer(id: $id) { stripe { id } } }`, object{"id": s.customerID}).String("customer.stripe.id")
	sub := k.Query(t, `mutation($c: ID!, $p: ID!) { createSubscription(input: {customerId: $c, priceId: $p, quantity: 2,
		paymentMethod: "pm_card_visa"}) { subscription { stripe { id } latestInvoice { stripe { id } } items { stripe { id } } } } }`,
		object{"c": s.customerID, "p": made.String("defaultPrice.id")}).At("createSubscription.subscription")
	s.subscription, s.invoice, s.item = sub.String("stripe.id"), sub.String("latestInvoice.stripe.id"), sub.String("items.0.stripe.id")
	return s
}

// differences are what differs, "CHANGED product name" say.
func (s *shop) differences(t *testing.T) []string {
	t.Helper()
	var found []string
	if err := s.Mirror.Compare(t.Context(), mirror.Comparison{
		Compared: func(context.Context, string) error { return nil },
		Found: func(_ context.Context, d mirror.Difference) error {
			found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Kind, d.Object, d.Field)))
			return nil
		},
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *shop) reconcile(t *testing.T, repair bool) mirror.Summary {
	t.Helper()
	sum, err := s.Mirror.Reconcile(t.Context(), mirror.Reconciliation{Repair: repair})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (s *shop) health(t *testing.T) testkit.Answer {
	t.Helper()
	return s.Query(t, `{ billingHealth { status drift missedEvents lastReconciledAt lastSweptAt } }`).At("billingHealth")
}

// Each field that somebody changes in Stripe, without an event, is found; and
// repaired, by what was made here or by what Stripe has.
func TestChangesAreFoundAndRepaired(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		testkit.Equal(t, "differences at first", strings.Join(s.differences(t), ", "), "")
		for _, c := range []struct {
			id, field string
			set       object
			want      string
			ours      bool // whether this side is followed
		}{
			{s.product, "name", object{"name": "Other"}, "CHANGED product name", true},
			{s.product, "description", object{"description": "Other"}, "CHANGED product description", true},
			{s.product, "active", object{"active": false}, "CHANGED product active", true},
			{s.product, "metadata", object{"metadata.team": "b"}, "CHANGED product metadata", true},
			{s.product, "default_price", object{"default_price": nil}, "CHANGED product defaultPrice", true},
			{s.price, "nickname", object{"nickname": "Other"}, "CHANGED price nickname", true},
			{s.price, "active", object{"active": false}, "CHANGED price status", true},
			{s.price, "lookup_key", object{"lookup_key": nil}, "CHANGED price lookupKey", true},
			{s.customer, "name", object{"name": "Other"}, "CHANGED customer name", true},
			{s.customer, "email", object{"email": "other@example.com"}, "CHANGED customer email", true},
			{s.customer, "balance", object{"balance": -100}, "CHANGED customer stripe.unsupported", false},
			{s.subscription, "cancel_at", object{"cancel_at": 4102444800}, "CHANGED subscription cancelAt", false},
			{s.subscription, "status", object{"status": "past_due"}, "CHANGED subscription status", false},
			{s.subscription, "quantity", object{"items.data.0.quantity": 7}, "CHANGED subscription items." + s.item, false},
			{s.subscription, "metadata", object{"metadata": object{"a": "b"}}, "CHANGED subscription metadata", false},
			{s.subscription, "pause_collection", object{"pause_collection": object{"behavior": "void", "resumes_at": nil}}, "CHANGED subscription pausedCollection.behavior", false},
			{s.subscription, "schedule", object{"schedule": "sub_sched_1"}, "CHANGED subscription stripe.unsupported", false},
			{s.invoice, "number", object{"number": "OTHER-1"}, "CHANGED invoice number", false},
			{s.invoice, "amount_paid", object{"amount_paid": 1}, "CHANGED invoice amountPaid", false},
		} {
			t.Run(c.want, func(t *testing.T) {
				before := s.there(t, c.id)[c.field]
				s.Stripe.Edit(t, c.id, c.set)
				edited := s.there(t, c.id)[c.field]
				testkit.Equal(t, "found", strings.Join(s.differences(t), ", "), c.want)
				s.reconcile(t, false)
				testkit.Equal(t, "drift", s.health(t).Int("drift"), 1)
				testkit.Equal(t, "health", s.health(t).String("status"), "DEGRADED")
				sum := s.reconcile(t, true)
				testkit.Equal(t, "repaired", sum.Repaired, 1)
				testkit.Equal(t, "left", strings.Join(s.differences(t), ", "), "")
				testkit.Equal(t, "drift after the repair", s.health(t).Int("drift"), 0)
				after := fmt.Sprint(s.there(t, c.id)[c.field])
				if c.ours {
					testkit.Equal(t, "in Stripe", after, fmt.Sprint(before))
				} else {
					testkit.Equal(t, "in Stripe", after, fmt.Sprint(edited))
				}
			})
		}
	})
}

// there is an object in Stripe.
func (s *shop) there(t *testing.T, id string) object {
	t.Helper()
	for prefix, path := range map[string]string{
		"prod_": "products", "price_": "prices", "cus_": "customers", "sub_": "subscriptions", "in_": "invoices",
	} {
		if strings.HasPrefix(id, prefix) {
			return s.Stripe.Get(t, "/v1/"+path+"/"+id)
		}
	}
	t.Fatalf("what is %s?", id)
	return nil
}

func TestWhatIsMissingExtraOrDouble(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		t.Run("extra", func(t *testing.T) {
			s.Stripe.Post(t, "/v1/customers", url.Values{"name": {"Only there"}})
			testkit.Equal(t, "found", strings.Join(s.differences(t), ", "), "EXTRA customer")
			testkit.Equal(t, "repaired", s.reconcile(t, true).Repaired, 1)
			testkit.Equal(t, "it is here", s.Query(t, `{ customers(filter: {search: "Only there"}) { totalCount } }`).Int("customers.totalCount"), 1)
		})
		t.Run("double", func(t *testing.T) {
			s.Stripe.Post(t, "/v1/customers", url.Values{"metadata[tallystick_id]": {s.customerID}})
			testkit.Equal(t, "found", strings.Join(s.differences(t), ", "), "DUPLICATE customer")
			testkit.Equal(t, "repaired", s.reconcile(t, true).Repaired, 0)
			testkit.Equal(t, "drift", s.health(t).Int("drift"), 1)
		})
		t.Run("missing", func(t *testing.T) {
			s.Stripe.Delete(t, "/v1/customers/"+s.customer)
			found := strings.Join(s.differences(t), ", ")
			if !strings.Contains(found, "MISSING customer") {
				t.Errorf("found: %s", found)
			}
			s.reconcile(t, true)
			s.Eventually(t, "the customer to be linked anew", func() bool {
				link := s.Query(t, `query($id: ID!) { customer(id: $id) { stripe { id status } } }`, object{"id": s.customerID}).At("customer.stripe")
				return link.Has("id") && link.String("id") != s.customer && link.String("status") == "SYNCED"
			})
		})
	})
}

// An event that no webhook brings is applied all the same.
func TestMissedEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Post(t, "/v1/customers/"+s.customer, url.Values{"name": {"Renamed"}})
		if err := s.Sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Inbox.Apply(t.Context(), webhooks.Object{Type: "customer", ID: s.customer}); err != nil {
			t.Fatal(err)
		}
		name := s.Query(t, `query($id: ID!) { customer(id: $id) { name } }`, object{"id": s.customerID}).String("customer.name")
		testkit.Equal(t, "name", name, "Renamed")
		health := s.health(t)
		if health.Int("missedEvents") == 0 || !health.Has("lastSweptAt") {
			t.Errorf("health: %s", health.Raw())
		}
		testkit.Equal(t, "differences", strings.Join(s.differences(t), ", "), "")

		missed := health.Int("missedEvents")
		if err := s.Sweeper.Sweep(t.Context()); err != nil { // within a minute: somebody else has done it
			t.Fatal(err)
		}
		testkit.Equal(t, "missed events", s.health(t).Int("missedEvents"), missed)
	})
}

// A comparison that Stripe interrupts tells nothing, and records nothing.
func TestStripeIsDown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Edit(t, s.subscription, object{"status": "past_due"})
		s.Stripe.Down()
		if _, err := s.Mirror.Reconcile(t.Context(), mirror.Reconciliation{}); err == nil {
			t.Error("it has compared nothing with something")
		}
		health := s.health(t)
		testkit.Equal(t, "drift", health.Int("drift"), 0)
		testkit.Equal(t, "reconciled", health.Has("lastReconciledAt"), false)
	})
}

// Somebody asks for a comparison, and a repair, over the API.
func TestStartReconciliation(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.Stripe.Edit(t, s.subscription, object{"status": "past_due"})
		const start = `mutation($r: Boolean!) { startReconciliation(input: {repair: $r}) {
			operation { kind status subject { id } steps { name status } stripeCalls { path } } userErrors { code } } }`
		started := s.Query(t, start, object{"r": false}).At("startReconciliation.operation")
		testkit.Equal(t, "kind", started.String("kind"), "RECONCILE")
		testkit.Equal(t, "status", started.String("status"), "SUCCEEDED")
		testkit.Equal(t, "calls on record", len(started.List("stripeCalls")), 0)
		list := s.Query(t, `{ differences(filter: {open: true, kind: [CHANGED], objectType: "subscription"}) { totalCount edges { node {
			field ours stripes foundAt repairedAt object { ... on Subscription { status } } } } } }`).At("differences")
		testkit.Equal(t, "differences", list.Int("totalCount"), 1)
		testkit.Equal(t, "field", list.String("edges.0.node.field"), "status")
		testkit.Equal(t, "ours", list.String("edges.0.node.ours"), "ACTIVE")
		testkit.Equal(t, "Stripe's", list.String("edges.0.node.stripes"), "PAST_DUE")
		testkit.Equal(t, "object", list.String("edges.0.node.object.status"), "ACTIVE")
		s.Query(t, start, object{"r": true})
		testkit.Equal(t, "open", s.Query(t, `{ differences(filter: {open: true}) { totalCount } }`).Int("differences.totalCount"), 0)
		testkit.Equal(t, "repaired", s.Query(t, `{ differences(filter: {open: false}) { totalCount } }`).Int("differences.totalCount"), 1)
	})
}

// After a longer stop, or a restore, the start compares by itself; and every night.
func TestComparisonsByThemselves(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		began := func() int {
			n, err := s.Store.Reader.Operation.Query().Where(operation.KindEQ(billing.KindReconcile)).Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		do := func(start func() error) {
			t.Helper()
			if err := start(); err != nil {
				t.Fatal(err)
			}
		}
		do(func() error { return s.Reconciliation.StartAfterStop(t.Context()) })
		do(func() error { return s.Reconciliation.StartIfDue(t.Context()) })
		testkit.Equal(t, "comparisons at first", began(), 0)
		past := s.Store.Now().Add(-2 * reconciliation.Every)
		if err := s.Store.Writer.StripeAccount.Update().SetSweptAt(past).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		do(func() error { return s.Reconciliation.StartAfterStop(t.Context()) })
		do(func() error { return s.Reconciliation.StartAfterStop(t.Context()) })
		testkit.Equal(t, "comparisons after a stop", began(), 1)
		s.Work(t)
		if err := s.Store.Writer.StripeAccount.Update().SetReconciledAt(past).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		do(func() error { return s.Reconciliation.StartIfDue(t.Context()) })
		testkit.Equal(t, "comparisons after a day", began(), 2)
	})
}

// An account that this database does not know is taken in, and again.
func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		tiered := s.Stripe.Post(t, "/v1/prices", url.Values{
			"product": {s.product}, "currency": {"usd"}, "recurring[interval]": {"month"}, "billing_scheme": {"tiered"}, "tiers_mode": {"volume"},
			"tiers[0][up_to]": {"5"}, "tiers[0][unit_amount]": {"100"}, "tiers[1][up_to]": {"inf"}, "tiers[1][flat_amount]": {"400"},
		})
		for n := range 30 {
			c := s.Stripe.Post(t, "/v1/customers", url.Values{"email": {fmt.Sprintf("same%d@example.com", n/2)}, "balance": {fmt.Sprint(-n % 2)}})
			s.Stripe.Post(t, "/v1/subscriptions", url.Values{
				"customer": {c["id"].(string)}, "items[0][price]": {s.price}, "items[0][quantity]": {fmt.Sprint(n + 1)},
				"items[1][price]": {tiered["id"].(string)}, "collection_method": {"send_invoice"}, "days_until_due": {"7"},
			})
		}
		waits := s.Query(t, `mutation { createCustomer(input: {email: "waits@example.com"}) { customer { id } operation { id } } }`).At("createCustomer")
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
		s.Work(t)
		adopted := s.Stripe.Post(t, "/v1/customers", url.Values{"email": {"Waits@example.com"}})["id"].(string)

		for range 2 {
			s.Stripe.Forget(t)
			if _, err := s.Mirror.Reconcile(t.Context(), mirror.Reconciliation{TakeIn: true}); err != nil {
				t.Fatal(err)
			}
			for _, r := range s.Stripe.Requests(t) { // the lists say all, so that an account is taken in within minutes
				if strings.Count(r.Path, "/") > 2 {
					t.Errorf("%s asks for one object alone", r)
				}
			}
			testkit.Equal(t, "differences", strings.Join(s.differences(t), ", "), "")
		}
		counts := s.Query(t, `{ customers { totalCount } subscriptions { totalCount } billingHealth { partial } }`)
		testkit.Equal(t, "customers", counts.Int("customers.totalCount"), 32)
		testkit.Equal(t, "subscriptions", counts.Int("subscriptions.totalCount"), 31)
		testkit.Equal(t, "partial", counts.Int("billingHealth.partial"), 15)
		link := s.Query(t, `query($id: ID!) { customer(id: $id) { stripe { id status } } }`, object{"id": waits.String("customer.id")})
		testkit.Equal(t, "the one that waited", link.String("customer.stripe.id"), adopted)
		testkit.Equal(t, "link", link.String("customer.stripe.status"), "SYNCED")
	})
}
