package incidents

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/testkit"
)

// A plan and its price share an id, and Stripe reports both.
func TestPlanAndPriceShareAnID(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.Stripe.Post(t, "/v1/prices", url.Values{
			"product": {s.stripeProduct}, "currency": {"usd"}, "unit_amount": {"3000"}, "recurring[interval]": {"month"},
		})
		id := made["id"].(string)
		s.report(t, "plan.created", "plan", id)
		s.report(t, "price.created", "price", id)
		shown := s.read(t, `product(id: $id) { prices { edges { node { stripe { id } } } } }`, s.product)
		if !slices.Contains(words(shown, "product.prices.edges", "node.stripe.id"), id) {
			t.Error("the price is not here")
		}
	})
}

// Somebody moves a subscription to a tiered price, and cancels it later.
func TestTieredPriceDoesNotFreezeItsSubscription(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		id, stripeID := s.subscribe(t)
		tiered := s.Stripe.Post(t, "/v1/prices", url.Values{
			"product": {s.stripeProduct}, "currency": {"usd"}, "recurring[interval]": {"month"},
			"billing_scheme": {"tiered"}, "tiers_mode": {"graduated"},
			"tiers[0][up_to]": {"10"}, "tiers[0][unit_amount]": {"100"}, "tiers[1][up_to]": {"inf"}, "tiers[1][unit_amount_decimal]": {"0.5"},
		})
		item := s.Stripe.Get(t, "/v1/subscriptions/"+stripeID)["items"].(object)["data"].([]any)[0].(object)["id"].(string)
		s.Stripe.Post(t, "/v1/subscriptions/"+stripeID, url.Values{"items[0][id]": {item}, "items[0][price]": {tiered["id"].(string)}})
		s.report(t, "customer.subscription.updated", "subscription", stripeID)
		shown := s.subscription(t, id)
		testkit.Equal(t, "scheme", shown.String("items.0.price.billingScheme"), "TIERED")
		testkit.Equal(t, "there is an amount", shown.Has("items.0.price.unitAmount"), false)
		testkit.Equal(t, "tiers", len(shown.List("items.0.price.tiers")), 2)
		testkit.Equal(t, "link", shown.String("stripe.status"), "SYNCED")

		s.Stripe.Delete(t, "/v1/subscriptions/"+stripeID)
		s.report(t, "customer.subscription.deleted", "subscription", stripeID)
		shown = s.subscription(t, id)
		testkit.Equal(t, "status", shown.String("status"), "CANCELED")
		testkit.Equal(t, "actions", len(shown.List("availableActions")), 0)
	})
}

// In the dashboard a customer gets a new name and somebody else's e-mail.
func TestSharedEmailIsShown(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		second, stripeSecond := s.signUp(t, "second@example.com")
		s.Stripe.Post(t, "/v1/customers/"+stripeSecond, url.Values{"email": {"Ann@example.com"}, "name": {"Renamed"}})
		s.report(t, "customer.updated", "customer", stripeSecond)
		shown := s.read(t, `customer(id: $id) { email name stripe { status } } billingHealth { status }`, second)
		testkit.Equal(t, "name", shown.String("customer.name"), "Renamed")
		testkit.Equal(t, "e-mail", shown.String("customer.email"), "Ann@example.com")
		testkit.Equal(t, "link", shown.String("customer.stripe.status"), "SYNCED")
		testkit.Equal(t, "health", shown.String("billingHealth.status"), "OK")
		holder := s.Query(t, `{ customerByEmail(email: "ANN@example.com") { id } }`).String("customerByEmail.id")
		testkit.Equal(t, "the holder", holder, s.customer)
		s.refused(t, "createCustomer", object{"email": "ann@EXAMPLE.com"}, "EMAIL_TAKEN")
		s.done(t, "createCustomer", "", object{"email": "second@example.com"}) // nobody has it any more

		s.Stripe.Post(t, "/v1/customers/"+stripeSecond, url.Values{"email": {""}})
		s.report(t, "customer.updated", "customer", stripeSecond)
		testkit.Equal(t, "it has an e-mail", s.read(t, `customer(id: $id) { email }`, second).Has("customer.email"), false)
	})
}

// A paying customer without an e-mail is made in the dashboard.
func TestCustomerWithoutEmailIsShown(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.Stripe.Post(t, "/v1/customers", url.Values{"name": {"Nameless"}, "balance": {"-500"}})
		id := made["id"].(string)
		s.report(t, "customer.created", "customer", id)
		shown := s.Query(t, `{ customers(filter: {search: "Nameless"}) { edges { node { email stripe { id status unsupported } } } }
			billingHealth { partial status } }`)
		const node = "customers.edges.0.node"
		testkit.Equal(t, "it has an e-mail", shown.Has(node+".email"), false)
		testkit.Equal(t, "id", shown.String(node+".stripe.id"), id)
		testkit.Equal(t, "link", shown.String(node+".stripe.status"), "PARTIAL")
		testkit.Equal(t, "unsupported", shown.String(node+".stripe.unsupported.0"), "balance")
		testkit.Equal(t, "partial", shown.Int("billingHealth.partial"), 1)
		testkit.Equal(t, "health", shown.String("billingHealth.status"), "OK")
	})
}

// A customer is deleted in the dashboard, and the event is lost.
func TestCustomerDeletedInTheDashboardIsLinkedAnew(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		id, _ := s.subscribe(t)
		s.Stripe.Delete(t, "/v1/customers/"+s.stripeCustomer)
		s.done(t, "createSubscription", "", object{"customerId": s.customer, "priceId": s.price, "collection": "SEND_INVOICE"})
		s.done(t, "updateCustomer", "", object{"customerId": s.customer, "name": "Bob"})
		shown := s.read(t, `customer(id: $id) { name stripe { id status } }`, s.customer)
		if shown.String("customer.stripe.id") == s.stripeCustomer {
			t.Error("it is linked to the customer that is gone")
		}
		testkit.Equal(t, "name", shown.String("customer.name"), "Bob")
		testkit.Equal(t, "link", shown.String("customer.stripe.status"), "SYNCED")
		testkit.Equal(t, "the old subscription", s.subscription(t, id).String("status"), "CANCELED")

		// And again, by each of the other ways to Stripe.
		for name, input := range map[string]object{
			"updateCustomer":             {"customerId": s.customer, "name": "Carol"},
			"createCheckoutSession":      {"customerId": s.customer, "priceId": s.price, "successUrl": "https://example.com"},
			"createBillingPortalSession": {"customerId": s.customer, "returnUrl": "https://example.com"},
		} {
			s.Stripe.Delete(t, "/v1/customers/"+s.linked(t))
			s.done(t, name, "", input)
		}

		// The same page for the customer that has taken its place.
		page := object{"customerId": s.customer, "returnUrl": "https://example.com", "idempotencyKey": "portal"}
		s.done(t, "createBillingPortalSession", "", page)
		s.Stripe.Delete(t, "/v1/customers/"+s.linked(t))
		s.done(t, "updateCustomer", "", object{"customerId": s.customer, "name": "Dan"})
		s.done(t, "createBillingPortalSession", "", page)
	})
}

// linked is the customer's id in Stripe.
func (s *shop) linked(t *testing.T) string {
	t.Helper()
	return s.read(t, `customer(id: $id) { stripe { id } }`, s.customer).String("customer.stripe.id")
}

// The dashboard can delete a price that nobody has used.
func TestPriceDeletedInTheDashboardIsOffSale(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		added := func(t *testing.T) (id, stripeID string) {
			t.Helper()
			made := s.done(t, "addProductPrice", `price { id stripe { id } }`, object{
				"productId": s.product, "unitAmount": 1800, "currency": "USD", "recurring": object{"interval": "MONTH"},
			})
			return made.String("price.id"), made.String("price.stripe.id")
		}
		id, stripeID := added(t)
		s.Stripe.Edit(t, stripeID, object{"deleted": true})
		s.report(t, "price.deleted", "price", stripeID)
		shown := s.read(t, `node(id: $id) { ... on Price { status stripe { status } } }`, id)
		testkit.Equal(t, "status", shown.String("node.status"), "ARCHIVED")
		testkit.Equal(t, "link", shown.String("node.stripe.status"), "UNLINKED")

		for name, change := range map[string]object{
			"archivePrice":       {},
			"updateProductPrice": {"productId": s.product, "unitAmount": 1900},
		} {
			id, stripeID := added(t)
			s.Stripe.Edit(t, stripeID, object{"deleted": true}) // the event is lost
			change["priceId"] = id
			s.done(t, name, "", change)
			testkit.Equal(t, "status after "+name, s.read(t, `node(id: $id) { ... on Price { status } }`, id).String("node.status"), "ARCHIVED")
		}
	})
}

// A subscription with five add-ons and a plan: the plan changes.
func TestPriceChangeLeavesOtherItemsAlone(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		price := func(name string, amount int) (id, stripeID string) {
			made := s.done(t, "createProduct", `product { defaultPrice { id stripe { id } } }`, object{
				"name": name, "price": object{"unitAmount": amount, "currency": "USD", "recurring": object{"interval": "MONTH"}},
			})
			return made.String("product.defaultPrice.id"), made.String("product.defaultPrice.stripe.id")
		}
		_, addon := price("Add-on", 300)
		big, stripeBig := price("Big", 2500)
		made := s.Stripe.Post(t, "/v1/subscriptions", url.Values{
			"customer": {s.stripeCustomer}, "items[0][price]": {addon}, "items[0][quantity]": {"5"}, "items[1][price]": {s.stripePrice},
		})
		stripeID := made["id"].(string)
		s.report(t, "customer.subscription.created", "subscription", stripeID)
		list := s.read(t, `customer(id: $id) { subscriptions { edges { node { id } } } }`, s.customer)
		id := list.String("customer.subscriptions.edges.0.node.id")
		shown := s.subscription(t, id)
		testkit.Equal(t, "items", len(shown.List("items")), 2)
		testkit.Equal(t, "it has one price", shown.Has("price"), false)
		found := s.Query(t, `query($id: ID!) { subscriptions(filter: {priceId: $id}) { totalCount } }`, object{"id": s.price})
		testkit.Equal(t, "found by its plan", found.Int("subscriptions.totalCount"), 1)

		before := s.pricesInStripe(t, stripeID)
		s.refused(t, "changeSubscriptionPrice", object{"subscriptionId": id, "priceId": big}, "AMBIGUOUS_ITEM")
		testkit.Equal(t, "items in Stripe", strings.Join(s.pricesInStripe(t, stripeID), " "), strings.Join(before, " "))
		for _, item := range shown.List("items") {
			if item.String("price.id") == s.price {
				s.done(t, "changeSubscriptionPrice", "", object{"subscriptionId": id, "priceId": big, "itemId": item.String("id")})
			}
		}
		after := []string{addon, stripeBig}
		slices.Sort(after)
		testkit.Equal(t, "items in Stripe", strings.Join(s.pricesInStripe(t, stripeID), " "), strings.Join(after, " "))
	})
}

// In flexible billing mode, the portal cancels by a date.
func TestCancellationByDateIsTakenBack(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		id, stripeID := s.subscribe(t)
		s.Stripe.Edit(t, stripeID, object{"cancel_at": 4102444800, "canceled_at": 1700000000, "cancel_at_period_end": false})
		s.report(t, "customer.subscription.updated", "subscription", stripeID)
		shown := s.subscription(t, id)
		testkit.Equal(t, "RESUME is offered", has(t, shown, "availableActions", "RESUME"), true)
		testkit.Equal(t, "the history tells", slices.Contains(words(shown, "history", "cause"), "schedule_cancel"), true)
		resumed := s.done(t, "resumeSubscription", `subscription { cancelAt }`, object{"subscriptionId": id})
		testkit.Equal(t, "it is going to end", resumed.Has("subscription.cancelAt"), false)
		testkit.Equal(t, "it is going to end in Stripe", s.Stripe.Get(t, "/v1/subscriptions/"+stripeID)["cancel_at"] != nil, false)
	})
}

// A frontend begins a trial without a card, and wants to collect one.
func TestTrialHasAClientSecret(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		customer, _ := s.signUp(t, "dora@example.com")
		trial := s.done(t, "createSubscription", `clientSecret subscription { status }`, object{
			"customerId": customer, "priceId": s.price, "trialDays": 7, "paymentBehavior": "DEFAULT_INCOMPLETE",
		})
		testkit.Equal(t, "status", trial.String("subscription.status"), "TRIALING")
		if secret := trial.String("clientSecret"); !strings.HasPrefix(secret, "seti_") || !strings.Contains(secret, "_secret_") {
			t.Errorf("the client secret is %q", secret)
		}
	})
}

// Stripe refuses a subscription for a reason that is not the card's.
func TestRefusedCardCanBeUsedAgain(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		customer, stripeCustomer := s.signUp(t, "eve@example.com")
		card := s.Stripe.Post(t, "/v1/payment_methods/pm_card_visa/attach", url.Values{"customer": {stripeCustomer}})["id"].(string)
		s.Stripe.Fail(t, testkit.Fault{
			Method: "POST", Path: "/v1/subscriptions", Kind: "refuse", Count: 1, Message: "This promotion code cannot be redeemed.",
		})
		input := object{"customerId": customer, "priceId": s.price, "paymentMethod": card}
		s.refused(t, "createSubscription", input, "STRIPE_REJECTED")
		s.done(t, "createSubscription", "", input)
	})
}

// A European card asks for 3-D Secure.
func TestAuthenticationIsNoDecline(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		customer, _ := s.signUp(t, "gina@example.com")
		refused := s.refused(t, "createSubscription", object{
			"customerId": customer, "priceId": s.price, "paymentMethod": "pm_card_authenticationRequired",
		}, "AUTHENTICATION_REQUIRED")
		if strings.Contains(refused.Raw(), "declined") {
			t.Errorf("it speaks of a decline: %s", refused.Raw())
		}
		s.refused(t, "createSubscription", object{"customerId": customer, "priceId": s.price}, "PAYMENT_METHOD_REQUIRED")
	})
}

// The preview of an invoice has no id.
func TestUpcomingInvoiceIsIgnored(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		s.Stripe.Forget(t)
		s.report(t, "invoice.upcoming", "invoice", "")
		testkit.Equal(t, "status", s.status(t), "IGNORED")
		testkit.Equal(t, "requests", len(s.Stripe.Requests(t)), 0)
	})
}

// A shop in Indonesia sells a yearly plan for Rp 1,500,000.
func TestLargeAmountsOfSmallCurrencies(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.done(t, "addProductPrice", `price { id unitAmount { amount } }`, object{
			"productId": s.product, "unitAmount": 150_000_000, "currency": "IDR", "recurring": object{"interval": "YEAR"},
		})
		testkit.Equal(t, "amount", made.Int("price.unitAmount.amount"), 150_000_000)
		s.refused(t, "addProductPrice", object{"productId": s.product, "unitAmount": 150_000_000, "currency": "USD"}, "INVALID_INPUT")
	})
}

// A customer pauses the payments in the portal.
func TestPausedCollectionIsShown(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		id, stripeID := s.subscribe(t)
		s.Stripe.Post(t, "/v1/subscriptions/"+stripeID, url.Values{
			"pause_collection[behavior]": {"void"}, "pause_collection[resumes_at]": {"4102444800"},
		})
		s.report(t, "customer.subscription.updated", "subscription", stripeID)
		shown := s.subscription(t, id)
		testkit.Equal(t, "behavior", shown.String("pausedCollection.behavior"), "VOID")
		testkit.Equal(t, "until", shown.String("pausedCollection.resumesAt"), "2100-01-01T00:00:00Z")
		testkit.Equal(t, "the history tells", slices.Contains(words(shown, "history", "cause"), "pause_collection"), true)
		s.Stripe.Post(t, "/v1/subscriptions/"+stripeID, url.Values{"pause_collection": {""}})
		s.report(t, "customer.subscription.updated", "subscription", stripeID)
		shown = s.subscription(t, id)
		testkit.Equal(t, "it is paused", shown.Has("pausedCollection"), false)
		testkit.Equal(t, "the history tells", slices.Contains(words(shown, "history", "cause"), "resume_collection"), true)
	})
}

// A team has five seats.
func TestSeatsAreShownAndChanged(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		made := s.Stripe.Post(t, "/v1/subscriptions", url.Values{
			"customer": {s.stripeCustomer}, "items[0][price]": {s.stripePrice}, "items[0][quantity]": {"5"},
		})
		s.report(t, "customer.subscription.created", "subscription", made["id"].(string))
		list := s.read(t, `customer(id: $id) { subscriptions { edges { node { id quantity price { id } latestInvoice { total { amount } } } } } }`, s.customer)
		const node = "customer.subscriptions.edges.0.node"
		testkit.Equal(t, "quantity", list.Int(node+".quantity"), 5)
		testkit.Equal(t, "price", list.String(node+".price.id"), s.price)
		testkit.Equal(t, "invoice", list.Int(node+".latestInvoice.total.amount"), 5*1500)

		own := s.done(t, "createSubscription", `subscription { id stripe { id } quantity items { id } }`, object{
			"customerId": s.customer, "priceId": s.price, "quantity": 3,
		})
		testkit.Equal(t, "quantity", own.Int("subscription.quantity"), 3)
		more := s.done(t, "updateSubscriptionItems", `subscription { quantity }`, object{
			"subscriptionId": own.String("subscription.id"), "items": []object{{"id": own.String("subscription.items.0.id"), "quantity": 8}},
		})
		testkit.Equal(t, "quantity", more.Int("subscription.quantity"), 8)
		items := s.Stripe.Get(t, "/v1/subscriptions/"+own.String("subscription.stripe.id"))["items"].(object)["data"].([]any)
		testkit.Equal(t, "quantity in Stripe", items[0].(object)["quantity"].(float64), 8)
	})
}

// A price that is sold in several currencies is changed: Stripe knows nothing of the
// others unless it is told again.
func TestPriceChangeKeepsOtherCurrencies(t *testing.T) {
	replay(t, func(t *testing.T, s *shop) {
		s.Stripe.Post(t, "/v1/prices/"+s.stripePrice, url.Values{"currency_options[eur][unit_amount]": {"1400"}})
		s.report(t, "price.updated", "price", s.stripePrice)
		changed := s.done(t, "updateProductPrice", `price { stripe { id } currencyOptions { amount currency } }`,
			object{"productId": s.product, "unitAmount": 1600})
		testkit.Equal(t, "amounts here", fmt.Sprint(changed.Int("price.currencyOptions.0.amount"), changed.String("price.currencyOptions.0.currency")), "1400EUR")
		there := s.Stripe.Get(t, "/v1/prices/"+changed.String("price.stripe.id")+"?expand[]=currency_options")
		option, _ := there["currency_options"].(map[string]any)["eur"].(map[string]any)
		if option == nil || option["unit_amount"] != 1400.0 {
			t.Errorf("in Stripe: %v", there["currency_options"])
		}
	})
}
