package simulation_test

import (
	"net/url"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
)

// deed is a command that is ready to be given.
type deed func(actor)

// scene is a command of one kind, and what it is about.
type scene struct {
	name string
	kind billing.OperationKind
	// prepare makes what the command is about.
	prepare func(*stage) deed
	// holds reports whether the change of an operation has its effect in Stripe.
	holds func(*stage, *ent.Operation) bool
	// makes is how many objects of each kind Stripe has more afterwards, and requests how
	// many it takes, once that was rehearsed.
	makes    map[string]int
	requests int
}

// scenes are commands of every kind, with every step that a kind can have.
var scenes = []scene{
	{name: "a product", kind: billing.KindCreateProduct, holds: ofProduct(isActive), prepare: func(s *stage) deed {
		return s.mutation("createProduct", object{"name": s.name("Plan"), "price": terms(1000, s.name("key"))})
	}},
	{name: "a product with a plain price", kind: billing.KindCreateProduct, holds: ofProduct(isActive), prepare: func(s *stage) deed {
		return s.mutation("createProduct", object{"name": s.name("Plan"), "price": object{"unitAmount": 1000, "currency": "EUR"}})
	}},
	{name: "a product's description", kind: billing.KindUpdateProduct, holds: ofProduct(isNamed("Renamed")), prepare: func(s *stage) deed {
		product, _ := s.product()
		return s.mutation("updateProduct", object{"productId": product, "name": s.name("Renamed"), "metadata": object{"team": "a"}})
	}},
	{name: "a product off sale", kind: billing.KindArchiveProduct, holds: ofProduct(isInactive), prepare: func(s *stage) deed {
		product, _ := s.product()
		return s.mutation("archiveProduct", object{"productId": product})
	}},
	{name: "one more price", kind: billing.KindAddProductPrice, holds: ofPrice(isActive), prepare: func(s *stage) deed {
		product, _ := s.product()
		input := terms(1200, s.name("key"))
		input["productId"] = product
		return s.mutation("addProductPrice", input)
	}},
	{name: "a price off sale", kind: billing.KindArchivePrice, holds: ofPrice(isInactive), prepare: func(s *stage) deed {
		product, _ := s.product()
		input := terms(1200, s.name("key"))
		input["productId"] = product
		s.command("addProductPrice", input)
		return s.mutation("archivePrice", object{"priceId": s.newestPrice().ID})
	}},
	{name: "a price change", kind: billing.KindUpdateProductPrice, holds: ofProduct(costs(2000)), prepare: func(s *stage) deed {
		product, _ := s.product()
		return s.mutation("updateProductPrice", object{"productId": product, "unitAmount": 2000})
	}},
	{name: "a customer", kind: billing.KindCreateCustomer, holds: isLinked, prepare: func(s *stage) deed {
		return s.mutation("createCustomer", object{"email": s.name("new") + "@example.com", "name": "Ada"})
	}},
	{name: "a customer's name", kind: billing.KindUpdateCustomer, holds: ofCustomer(isNamed("Grace")), prepare: func(s *stage) deed {
		return s.mutation("updateCustomer", object{"customerId": s.customer().ID, "name": s.name("Grace"), "email": s.name("other") + "@example.com"})
	}},
	{name: "a customer's name, not linked", kind: billing.KindUpdateCustomer, holds: ofCustomer(isNamed("Grace")), prepare: func(s *stage) deed {
		return s.mutation("updateCustomer", object{"customerId": s.unlinked().ID, "name": s.name("Grace")})
	}},
	{name: "a customer's end", kind: billing.KindDeleteCustomer, holds: ofCustomer(isGone), prepare: func(s *stage) deed {
		subscription := s.subscribed()
		return s.mutation("deleteCustomer", object{"customerId": subscription.CustomerID})
	}},
	{name: "a customer's return", kind: billing.KindRestoreCustomer, holds: isLinked, prepare: func(s *stage) deed {
		customer := s.customer()
		s.command("deleteCustomer", object{"customerId": customer.ID})
		return s.mutation("restoreCustomer", object{"customerId": customer.ID})
	}},
	{name: "a customer's link", kind: billing.KindLinkCustomer, holds: isLinked, prepare: func(s *stage) deed {
		customer := s.unlinked()
		return func(a actor) {
			if err := a.app.Customers.LinkAgain(a.t.Context(), customer.ID); err != nil {
				a.t.Logf("link: %v", err)
			}
		}
	}},
	{name: "a subscription", kind: billing.KindCreateSubscription, holds: ofSubscription(has("status", "active")), prepare: func(s *stage) deed {
		_, price := s.product()
		return s.mutation("createSubscription", object{
			"customerId": s.unlinked().ID, "priceId": price, "quantity": 3, "paymentMethod": s.card(),
		})
	}},
	{name: "a cancellation at the period's end", kind: billing.KindCancelSubscription, holds: ofSubscription(has("cancel_at_period_end", true)), prepare: func(s *stage) deed {
		return s.mutation("cancelSubscription", object{"subscriptionId": s.subscribed().ID})
	}},
	{name: "a cancellation now", kind: billing.KindCancelSubscription, holds: ofSubscription(has("status", "canceled")), prepare: func(s *stage) deed {
		return s.mutation("cancelSubscription", object{"subscriptionId": s.subscribed().ID, "at": "IMMEDIATELY"})
	}},
	{name: "a change of mind", kind: billing.KindResumeSubscription, holds: ofSubscription(has("cancel_at_period_end", false)), prepare: func(s *stage) deed {
		id := s.subscribed().ID
		s.command("cancelSubscription", object{"subscriptionId": id})
		return s.mutation("resumeSubscription", object{"subscriptionId": id})
	}},
	{name: "a pause's end", kind: billing.KindResumeSubscription, holds: ofSubscription(has("status", "active")), prepare: func(s *stage) deed {
		return s.mutation("resumeSubscription", object{"subscriptionId": s.paused().ID})
	}},
	{name: "another plan", kind: billing.KindChangeSubscriptionPrice, holds: ofSubscription(hasNewestPrice), prepare: func(s *stage) deed {
		id := s.subscribed().ID
		_, price := s.product()
		return s.mutation("changeSubscriptionPrice", object{"subscriptionId": id, "priceId": price, "proration": "ALWAYS_INVOICE"})
	}},
	{name: "a revocation", kind: billing.KindRevokeSubscription, holds: ofSubscription(has("status", "canceled")), prepare: func(s *stage) deed {
		return s.mutation("revokeSubscription", object{"subscriptionId": s.subscribed().ID, "reason": "fraud"})
	}},
	{name: "seats and an add-on", kind: billing.KindUpdateSubscriptionItems, holds: ofSubscription(hasNewestPrice), prepare: func(s *stage) deed {
		subscription := s.subscribed()
		_, price := s.product()
		return s.mutation("updateSubscriptionItems", object{"subscriptionId": subscription.ID, "proration": "ALWAYS_INVOICE", "items": []object{
			{"id": subscription.QueryItems().OnlyIDX(s.t.Context()), "quantity": 7}, {"priceId": price, "quantity": 2},
		}})
	}},
	{name: "a payment", kind: billing.KindPayInvoice, holds: ofInvoice(has("status", "paid")), prepare: func(s *stage) deed {
		return s.mutation("payInvoice", object{"invoiceId": s.owing(), "paymentMethod": s.card()})
	}},
	{name: "a void invoice", kind: billing.KindVoidInvoice, holds: ofInvoice(has("status", "void")), prepare: func(s *stage) deed {
		return s.mutation("voidInvoice", object{"invoiceId": s.owing()})
	}},
}

func terms(amount int, lookupKey string) object {
	return object{"unitAmount": amount, "currency": "EUR", "recurring": object{"interval": "MONTH"}, "lookupKey": lookupKey}
}

// mutation is a deed that is asked for over GraphQL. What it is answered does not
// matter: a process that dies answers nothing of use. Asked for again, it is the same.
func (s *stage) mutation(name string, input object) deed {
	input["idempotencyKey"] = s.name("once")
	return func(a actor) {
		if answer := a.Send(a.t, commandDocument(name), object{"input": input}); answer.Has("errors") || answer.Has("data."+name+".userErrors.0") {
			a.t.Logf("%s: %s", name, answer.Raw())
		}
	}
}

func (s *stage) newestPrice() *ent.Price {
	return s.Store.Reader.Price.Query().Order(ent.Desc("created_at"), ent.Desc("id")).FirstX(s.t.Context())
}

// product makes a product with a monthly price.
func (s *stage) product() (id, price string) {
	s.command("createProduct", object{"name": s.name("Plan"), "price": terms(1500, s.name("key"))})
	s.work()
	p := s.newestPrice()
	return p.ProductID, p.ID
}

// customer makes a customer, with a card that pays.
func (s *stage) customer() *ent.Customer {
	s.command("createCustomer", object{"email": s.name("c") + "@example.com"})
	s.work()
	customer := s.Store.Reader.Customer.Query().Order(ent.Desc("created_at"), ent.Desc("id")).FirstX(s.t.Context())
	s.dashboard("POST", "/v1/payment_methods/pm_card_visa/attach", object{"customer": *customer.StripeID})
	return customer
}

// unlinked makes a customer that was deleted in Stripe.
func (s *stage) unlinked() *ent.Customer {
	customer := s.customer()
	s.dashboard("DELETE", "/v1/customers/"+*customer.StripeID, nil)
	s.events()
	s.work()
	return customer
}

// subscribed makes a subscription with three seats that is paid for.
func (s *stage) subscribed() *ent.Subscription { return s.subscribe(object{"quantity": 3}) }

func (s *stage) subscribe(input object) *ent.Subscription {
	_, price := s.product()
	input["customerId"], input["priceId"] = s.customer().ID, price
	if input["collection"] == nil {
		input["paymentMethod"] = s.card()
	}
	s.command("createSubscription", input)
	s.work()
	op := s.Store.Reader.Operation.Query().Where(operation.KindEQ(billing.KindCreateSubscription)).
		Order(ent.Desc("created_at"), ent.Desc("id")).FirstX(s.t.Context())
	return s.Store.Reader.Subscription.GetX(s.t.Context(), op.SubjectID)
}

// paused makes a subscription that has stopped at the end of its trial, as there was no
// payment method, which there is by now.
func (s *stage) paused() *ent.Subscription {
	_, price := s.product()
	customer := s.customer()
	there := s.Stripe.Post(s.t, "/v1/subscriptions", url.Values{
		"customer":          {*customer.StripeID},
		"items[0][price]":   {*s.Store.Reader.Price.GetX(s.t.Context(), price).StripeID},
		"trial_period_days": {"1"},
		"trial_settings[end_behavior][missing_payment_method]": {"pause"},
	})
	s.passes("25h", 25*time.Hour)
	s.dashboard("POST", "/v1/payment_methods/pm_card_visa/attach", object{"customer": *customer.StripeID})
	s.dashboard("POST", "/v1/customers/"+*customer.StripeID, object{"invoice_settings[default_payment_method]": "pm_card_visa"})
	s.events()
	return s.Store.Reader.Subscription.Query().Where(subscription.StripeID(there["id"].(string))).OnlyX(s.t.Context())
}

// card makes a payment method of nobody's that pays.
func (s *stage) card() any {
	return s.Stripe.Post(s.t, "/v1/payment_methods", url.Values{"type": {"card"}, "card[token]": {"tok_visa"}})["id"]
}

// owing makes an invoice that is open.
func (s *stage) owing() string {
	subscription := s.subscribe(object{"collection": "SEND_INVOICE"})
	s.events()
	invoice := *subscription.QueryInvoices().OnlyX(s.t.Context()).StripeID
	s.dashboard("POST", "/v1/invoices/"+invoice+"/finalize", nil)
	s.events()
	return subscription.QueryInvoices().OnlyIDX(s.t.Context())
}
