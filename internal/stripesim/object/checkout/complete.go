package checkout

import (
	"cmp"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// CheckoutChoice is what a person does on a checkout page.
type CheckoutChoice struct {
	Card          string // a test card's token
	Email         string // when the session knows no customer
	Authenticated bool   // the card's holder has passed 3-D Secure
}

// CompleteCheckout pays for a session and hands over what it sells. A refusal leaves
// the session as it was, so that the customer can try another card.
func CompleteCheckout(t *state.Tx, session *Session, choice CheckoutChoice) error {
	payer, err := checkoutCustomer(t, session, choice.Email)
	if err != nil {
		return err
	}
	session.Customer, session.CustomerDetails = &payer.ID, &sessionCustomer{Email: payer.Email, TaxExempt: "none"}
	switch session.Mode {
	case ModeSetup:
		err = completeSetup(t, session, choice)
	case modePayment:
		err = completePayment(t, session, payer, choice)
	default:
		err = completeSubscription(t, session, payer, choice)
	}
	if err != nil {
		return err
	}
	session.Status, session.URL = "complete", nil
	return t.Update(session, "checkout.session.completed")
}

// checkoutCustomer is the session's customer, or a new one.
func checkoutCustomer(t *state.Tx, session *Session, email string) (*customer.Customer, error) {
	if session.Customer != nil {
		return state.Find[customer.Customer](t, "customer", *session.Customer, apierror.NotFound("customer", *session.Customer, "customer"))
	}
	email = cmp.Or(form.OrDefault(session.CustomerEmail, ""), email)
	if !customer.PlausibleEmail.MatchString(email) {
		return nil, apierror.Invalid("customer_email", "Invalid email address: %s", email).WithCode("email_invalid")
	}
	made := customer.NewCustomer(t)
	made.Email = &email
	return made, t.Create(made, "customer.created")
}

func completeSetup(t *state.Tx, session *Session, choice CheckoutChoice) error {
	intent, err := state.Find[subscription.SetupIntent](t, "setup_intent", *session.SetupIntent, apierror.NotFound("setup_intent", *session.SetupIntent, "intent"))
	if err != nil {
		return err
	}
	intent.Customer = session.Customer
	if intent, err = subscription.ConfirmSetup(t, intent, &choice.Card); err != nil {
		return err
	}
	if intent.Status == "requires_action" {
		return subscription.SucceedSetup(t, intent)
	}
	return nil
}

// completePayment charges a card once, without an invoice.
func completePayment(t *state.Tx, session *Session, payer *customer.Customer, choice CheckoutChoice) error {
	if reduces := session.choice(); reduces.Redeems() {
		if _, err := reduces.Redeem(t, session.holder()); err != nil {
			return err
		}
	}
	if *session.AmountTotal == 0 {
		session.PaymentStatus = "no_payment_required"
		return nil
	}
	method, err := customer.PayingMethod(t, choice.Card, payer.ID)
	if err != nil {
		return err
	}
	if decline := customer.CardOf(method).Decline; decline != "" {
		return apierror.CardDeclined(decline)
	}
	intent := subscription.NewPaymentIntent(t, *session.AmountTotal, *session.Currency, payer.ID)
	intent.Description, intent.Metadata, intent.PaymentMethod = session.Private.Description, session.Private.Metadata, &method.ID
	intent.Status = "requires_confirmation"
	if err := t.Create(intent, "payment_intent.created"); err != nil {
		return err
	}
	session.PaymentIntent, session.PaymentStatus = &intent.ID, "paid"
	_, err = subscription.TakeMoney(t, intent, method)
	return err
}

// completeSubscription starts the subscription that a session sells. A trial collects a
// card, but no money.
func completeSubscription(t *state.Tx, session *Session, payer *customer.Customer, choice CheckoutChoice) error {
	method, err := customer.AttachMethod(t, choice.Card, payer, apierror.UnknownReference("payment_method", choice.Card, "payment_method"))
	if err != nil {
		return err
	}
	behavior := subscription.BehaviorError
	if choice.Authenticated {
		behavior = subscription.BehaviorAllow // it becomes incomplete, and then the authentication pays
	}
	terms := subscription.SubscriptionTerms{
		DefaultMethod: &method.ID, Description: session.Private.Description, Metadata: form.MetadataChange{Values: session.Private.Metadata},
		MissingPaymentMethod: session.Private.MissingCard, Discount: session.choice(),
	}
	var items []subscription.NewItem
	for _, item := range session.Private.Items {
		added := subscription.NewItem{Price: item.Price, Param: "line_items"}
		if item.Quantity > 0 {
			added.Quantity = &item.Quantity
		}
		items = append(items, added)
	}
	sub, err := subscription.Subscribe(t, subscription.NewSubscription{
		Customer: payer.ID, Items: items, TrialDays: session.Private.TrialDays, TrialEnd: session.Private.TrialEnd,
		Collection: subscription.ChargeAutomatically, Behavior: behavior, Terms: terms,
	})
	if err != nil {
		return err
	}
	first, err := subscription.InvoiceByID(t, *sub.LatestInvoice)
	if err != nil {
		return err
	}
	if choice.Authenticated && first.Status == "open" {
		intent, err := subscription.IntentOf(t, first)
		if err != nil {
			return err
		}
		if err := subscription.SucceedPayment(t, first, intent, method); err != nil {
			return err
		}
	}
	session.Subscription, session.Invoice, session.PaymentStatus = &sub.ID, &first.ID, "paid"
	if sub.Status == subscription.StatusTrialing {
		session.PaymentStatus = "no_payment_required"
	}
	return nil
}
