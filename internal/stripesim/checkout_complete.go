package stripesim

import "cmp"

// checkoutChoice is what a person does on a checkout page.
type checkoutChoice struct {
	card          string // a test card's token
	email         string // when the session knows no customer
	authenticated bool   // the card's holder has passed 3-D Secure
}

// completeCheckout pays for a session and hands over what it sells. A refusal leaves the session as it was, so that the
// customer can try another card.
func (c *tx) completeCheckout(session *checkoutSession, choice checkoutChoice) error {
	payer, err := c.checkoutCustomer(session, choice.email)
	if err != nil {
		return err
	}
	session.Customer, session.CustomerDetails = &payer.ID, &sessionCustomer{Email: payer.Email, TaxExempt: "none"}
	switch session.Mode {
	case modeSetup:
		err = c.completeSetup(session, choice)
	case modePayment:
		err = c.completePayment(session, payer, choice)
	default:
		err = c.completeSubscription(session, payer, choice)
	}
	if err != nil {
		return err
	}
	session.Status, session.URL = "complete", nil
	return c.update(session, "checkout.session.completed")
}

// checkoutCustomer is the session's customer, or a new one.
func (c *tx) checkoutCustomer(session *checkoutSession, email string) (*customer, error) {
	if session.Customer != nil {
		return find[customer](c, "customer", *session.Customer, notFound("customer", *session.Customer, "customer"))
	}
	email = cmp.Or(orDefault(session.CustomerEmail, ""), email)
	if !plausibleEmail.MatchString(email) {
		return nil, invalid("customer_email", "Invalid email address: %s", email).withCode("email_invalid")
	}
	made := c.newCustomer()
	made.Email = &email
	return made, c.create(made, "customer.created")
}

func (c *tx) completeSetup(session *checkoutSession, choice checkoutChoice) error {
	intent, err := find[setupIntent](c, "setup_intent", *session.SetupIntent, notFound("setup_intent", *session.SetupIntent, "intent"))
	if err != nil {
		return err
	}
	intent.Customer = session.Customer
	if intent, err = c.confirmSetup(intent, &choice.card); err != nil {
		return err
	}
	if intent.Status == "requires_action" {
		return c.succeedSetup(intent)
	}
	return nil
}

// completePayment charges a card once, without an invoice.
func (c *tx) completePayment(session *checkoutSession, payer *customer, choice checkoutChoice) error {
	method, err := c.payingMethod(choice.card, payer.ID)
	if err != nil {
		return err
	}
	if decline := cardOf(method).decline; decline != "" {
		return cardDeclined(decline)
	}
	intent := &paymentIntent{
		record: c.newRecord("payment_intent", "pi_3"), Amount: *session.AmountTotal, Currency: *session.Currency, Customer: payer.ID,
		Description: session.Private.Description, Metadata: session.Private.Metadata, Status: "requires_confirmation", PaymentMethod: &method.ID,
	}
	intent.ClientSecret = intent.ID + "_secret_" + randomString(25, idAlphabet)
	if err := c.create(intent, "payment_intent.created"); err != nil {
		return err
	}
	session.PaymentIntent, session.PaymentStatus = &intent.ID, "paid"
	_, err = c.takeMoney(intent, method)
	return err
}

// completeSubscription starts the subscription that a session sells. A trial collects a card, but no money.
func (c *tx) completeSubscription(session *checkoutSession, payer *customer, choice checkoutChoice) error {
	method, err := c.attach(choice.card, payer, unknownReference("payment_method", choice.card, "payment_method"))
	if err != nil {
		return err
	}
	behavior := behaviorError
	if choice.authenticated {
		behavior = behaviorAllow // it becomes incomplete, and then the authentication pays
	}
	terms := subscriptionTerms{
		defaultMethod: &method.ID, description: session.Private.Description, metadata: metadataChange{values: session.Private.Metadata},
		missingPaymentMethod: session.Private.MissingCard,
	}
	var items []newItem
	for _, item := range session.Private.Items {
		added := newItem{price: item.Price, param: "line_items"}
		if item.Quantity > 0 {
			added.quantity = &item.Quantity
		}
		items = append(items, added)
	}
	sub, err := c.subscribe(newSubscription{
		customer: payer.ID, items: items, trialDays: session.Private.TrialDays, trialEnd: session.Private.TrialEnd,
		collection: chargeAutomatically, behavior: behavior, terms: terms,
	})
	if err != nil {
		return err
	}
	first, err := c.invoiceByID(*sub.LatestInvoice)
	if err != nil {
		return err
	}
	if choice.authenticated && first.Status == "open" {
		intent, err := c.intentOf(first)
		if err != nil {
			return err
		}
		if err := c.succeed(first, intent, method); err != nil {
			return err
		}
	}
	session.Subscription, session.Invoice, session.PaymentStatus = &sub.ID, &first.ID, "paid"
	if sub.Status == statusTrialing {
		session.PaymentStatus = "no_payment_required"
	}
	return nil
}
