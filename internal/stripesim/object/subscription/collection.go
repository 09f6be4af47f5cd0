package subscription

import (
	"fmt"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// newInvoice drafts an invoice of the given lines for a subscription.
func newInvoice(t *state.Tx, id string, sub *Subscription, payer *customer.Customer, reason string, lines []InvoiceLine) (*Invoice, error) {
	made := &Invoice{
		Record: state.Record{ID: id, Object: "invoice", Created: t.Now}, Status: "draft", BillingReason: reason,
		CollectionMethod: sub.CollectionMethod, Currency: sub.Currency, Subscription: state.Ref(sub.ID),
		PeriodStart: sub.CurrentPeriodStart, PeriodEnd: sub.CurrentPeriodStart,
		Metadata: map[string]string{}, SubscriptionDetails: subscriptionDetails{Metadata: sub.Metadata}, TestClock: sub.TestClock,
		DefaultTaxRates: sub.DefaultTaxRates,
	}
	made.bill(payer)
	if err := made.inheritDiscount(t, sub.Discount, payer.Discount); err != nil {
		return nil, err
	}
	if err := made.addUp(t, lines); err != nil {
		return nil, err
	}
	made.AutoAdvance = sub.Status != StatusUnpaid // until what is open is paid, new invoices stay drafts
	switch {
	case sub.CollectionMethod == sendInvoices:
		due := t.Now + form.OrDefault(sub.DaysUntilDue, 30)*billing.SecondsPerDay
		made.DueDate = &due
	case reason != reasonCreate:
		next := t.Now + billing.DraftLife
		made.NextPaymentAttempt = &next
	}
	return made, nil
}

// periodLine bills one item of a subscription for a whole period.
func periodLine(sub *Subscription, item subscriptionItem, terms *catalog.Price, amount int64, description string) InvoiceLine {
	return InvoiceLine{
		ID: state.NewID("il_1"), Object: "line_item", Type: "subscription", Amount: amount, AmountExcludingTax: amount,
		Currency: sub.Currency, Description: description, Discountable: true, Metadata: sub.Metadata,
		Period: period{Start: sub.CurrentPeriodStart, End: sub.CurrentPeriodEnd}, Price: terms.ID, Quantity: form.OrDefault(item.Quantity, 0),
		Subscription: state.Ref(sub.ID), SubscriptionItem: item.ID, TaxRates: item.TaxRates, UnitAmountExcludingTax: terms.UnitAmountDecimal,
	}
}

// PeriodLines bills every item of a subscription for its current period: nothing while
// it is a trial, and nothing yet of what is metered.
func PeriodLines(t *state.Tx, sub *Subscription) ([]InvoiceLine, error) {
	return linesAfter(t, sub, period{})
}

// linesAfter bills every item of a subscription for its current period, but what is
// metered for a period that is past.
func linesAfter(t *state.Tx, sub *Subscription, past period) ([]InvoiceLine, error) {
	var lines []InvoiceLine
	for _, item := range sub.Items.Data {
		terms, err := catalog.PriceByID(t, item.Price)
		if err != nil {
			return nil, err
		}
		owner, err := state.Find[catalog.Product](t, "product", terms.Product, apierror.NotFound("product", terms.Product, "product"))
		if err != nil {
			return nil, err
		}
		if sub.Status == StatusTrialing {
			lines = append(lines, periodLine(sub, item, terms, 0, "Trial period for "+owner.Name))
			continue
		}
		billed := item
		if terms.Metered() && past.End > past.Start {
			used, err := usageIn(t, item.ID, terms, past)
			if err != nil {
				return nil, err
			}
			billed.Quantity = &used
		}
		description := fmt.Sprintf("%d × %s (at %s / %s)", form.OrDefault(billed.Quantity, 0), owner.Name, terms.Each(), terms.Recurring.Interval)
		line := periodLine(sub, billed, terms, terms.Cost(billed.Quantity), description)
		if billed.Quantity != item.Quantity {
			line.Period = past
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// InvoicePage is the path of the page that shows an invoice to its customer.
func InvoicePage(id string) string { return "/i/" + id }

// Finalize opens a draft: it gets its number, takes up the customer's balance, and is
// paid when nothing is left to pay.
func Finalize(t *state.Tx, due *Invoice) error {
	if err := useUpDiscounts(t, due); err != nil {
		return err
	}
	payer, err := state.Find[customer.Customer](t, "customer", due.Customer, apierror.NotFound("customer", due.Customer, "customer"))
	if err != nil {
		return err
	}
	number := fmt.Sprintf("%s-%04d", payer.InvoicePrefix, payer.NextInvoiceSequence)
	due.StartingBalance = payer.Balance
	due.AmountDue = max(due.Total+payer.Balance, 0)
	if applied := due.AmountDue - due.Total; applied != 0 {
		if _, err := customer.MoveBalance(t, payer, -applied, customer.BalanceApplied, &due.ID, nil); err != nil {
			return err
		}
	}
	payer.NextInvoiceSequence++
	if err := t.Update(payer, "customer.updated"); err != nil {
		return err
	}
	page, err := t.Page(InvoicePage(due.ID))
	if err != nil {
		return err
	}
	pdf := page + "/pdf"
	due.Number, due.HostedInvoiceURL, due.InvoicePDF = &number, &page, &pdf
	due.EndingBalance, due.EffectiveAt, due.StatusTransitions.FinalizedAt = &payer.Balance, &t.Now, &t.Now
	due.Status, due.AmountRemaining = "open", due.AmountDue
	if due.AmountDue == 0 {
		if err := t.Update(due, "invoice.finalized"); err != nil {
			return err
		}
		return settleInvoice(t, due)
	}
	method, err := defaultMethod(t, due)
	if err != nil {
		return err
	}
	intent := newPaymentIntent(t, due, method)
	due.PaymentIntent = &intent.ID
	if err := t.Create(intent, "payment_intent.created"); err != nil {
		return err
	}
	return t.Update(due, "invoice.finalized")
}

// defaultMethod is what an invoice is paid with unless told otherwise: the
// subscription's payment method before the customer's. Nil when there is none.
func defaultMethod(t *state.Tx, due *Invoice) (*customer.Method, error) {
	sub, err := subscriptionOf(t, due)
	if err != nil {
		return nil, err
	}
	payer, err := state.Find[customer.Customer](t, "customer", due.Customer, apierror.NotFound("customer", due.Customer, "customer"))
	if err != nil {
		return nil, err
	}
	chosen := due.DefaultPaymentMethod
	if chosen == nil && sub != nil {
		chosen = sub.DefaultPaymentMethod
	}
	return MethodOf(t, chosen, payer)
}

// subscriptionOf is the subscription that an invoice bills; nil when it bills none.
func subscriptionOf(t *state.Tx, due *Invoice) (*Subscription, error) {
	if due.Subscription == "" {
		return nil, nil
	}
	return SubscriptionByID(t, string(due.Subscription))
}

// MethodOf is the chosen payment method, or else the customer's default; nil when there
// is neither.
func MethodOf(t *state.Tx, chosen *string, payer *customer.Customer) (*customer.Method, error) {
	if chosen == nil {
		chosen = payer.InvoiceSettings.DefaultPaymentMethod
	}
	if chosen == nil {
		return nil, nil
	}
	return state.Find[customer.Method](t, "payment_method", *chosen, apierror.NotFound("payment_method", *chosen, "payment_method"))
}

// chargeInvoice takes an open invoice's money from a payment method. Declined says why
// it could not: the attempt is recorded, and stands even if the request ends with that
// error.
func chargeInvoice(t *state.Tx, due *Invoice, method *customer.Method) (declined *apierror.Error, err error) {
	intent, err := IntentOf(t, due)
	if err != nil {
		return nil, err
	}
	due.countAttempt(false)
	switch card := customer.CardOf(method); {
	case card.Authenticates:
		return awaitAuthentication(t, due, intent, method)
	case card.Decline != "":
		return RecordDecline(t, due, intent, method, card.Decline)
	}
	return nil, SucceedPayment(t, due, intent, method)
}

// SucceedPayment records that the money for an invoice came in.
func SucceedPayment(t *state.Tx, due *Invoice, intent *PaymentIntent, method *customer.Method) error {
	taken, err := TakeMoney(t, intent, method)
	if err != nil {
		return err
	}
	due.Charge = &taken.ID
	if err := rememberMethod(t, due, method); err != nil {
		return err
	}
	return settleInvoice(t, due)
}

// TakeMoney charges an intent to a payment method whose bank agrees.
func TakeMoney(t *state.Tx, intent *PaymentIntent, method *customer.Method) (*Charge, error) {
	taken, err := newCharge(t, intent, method, nil)
	if err != nil {
		return nil, err
	}
	intent.Status, intent.AmountReceived, intent.LatestCharge = "succeeded", intent.Amount, &taken.ID
	intent.PaymentMethod, intent.LastPaymentError, intent.NextAction = &method.ID, nil, nil
	return taken, t.Update(intent, "payment_intent.succeeded")
}

// rememberMethod makes a successful payment method the subscription's own when it asks
// for that.
func rememberMethod(t *state.Tx, due *Invoice, method *customer.Method) error {
	sub, err := subscriptionOf(t, due)
	if err != nil || sub == nil {
		return err
	}
	if form.OrDefault(sub.PaymentSettings.SaveDefaultPaymentMethod, "off") != "on_subscription" {
		return nil
	}
	sub.DefaultPaymentMethod = &method.ID
	return t.Update(sub, "customer.subscription.updated")
}

// RecordDecline records a failed attempt.
func RecordDecline(t *state.Tx, due *Invoice, intent *PaymentIntent, method *customer.Method, reason string) (*apierror.Error, error) {
	declined, err := recordFailure(t, intent, method, reason)
	if err != nil {
		return nil, err
	}
	due.Charge = &declined.Charge
	return paymentFailed(t, due, intent, declined)
}

// recordFailure records on an intent that its card was declined.
func recordFailure(t *state.Tx, intent *PaymentIntent, method *customer.Method, reason string) (*apierror.Error, error) {
	declined := apierror.CardDeclined(reason)
	failed, err := newCharge(t, intent, method, declined)
	if err != nil {
		return nil, err
	}
	declined.Charge = failed.ID
	if declined.PaymentMethod, err = t.Render(method, nil); err != nil {
		return nil, err
	}
	intent.Status, intent.PaymentMethod, intent.NextAction = "requires_payment_method", nil, nil
	stored := *declined
	intent.LatestCharge, intent.LastPaymentError = &failed.ID, &stored
	return declined, t.Update(intent, "payment_intent.payment_failed")
}

// awaitAuthentication records an attempt that waits for the card's holder.
func awaitAuthentication(t *state.Tx, due *Invoice, intent *PaymentIntent, method *customer.Method) (*apierror.Error, error) {
	intent.Status, intent.PaymentMethod = "requires_action", &method.ID
	intent.NextAction = &nextAction{Type: "use_stripe_sdk", UseStripeSDK: map[string]any{"type": "three_d_secure_redirect"}}
	if err := t.Update(intent, "payment_intent.requires_action"); err != nil {
		return nil, err
	}
	waiting, err := paymentFailed(t, due, intent, apierror.ActionRequired("invoice"))
	if err != nil {
		return nil, err
	}
	recorded, err := InvoiceByID(t, due.ID)
	if err != nil {
		return nil, err
	}
	return waiting, t.Emit("invoice.payment_action_required", recorded, nil)
}

// paymentFailed leaves the invoice open, to be tried again, and what was active past due.
func paymentFailed(t *state.Tx, due *Invoice, intent *PaymentIntent, declined *apierror.Error) (*apierror.Error, error) {
	sub, err := subscriptionOf(t, due)
	if err != nil {
		return nil, err
	}
	exhausted := due.planRetry(t.Now)
	if err := t.Update(due, "invoice.payment_failed"); err != nil {
		return nil, err
	}
	if sub == nil {
		exhausted = false // there is nothing to end
	} else if latest := sub.LatestInvoice; latest != nil && *latest == due.ID && (sub.Status == StatusActive || sub.Status == StatusTrialing) {
		sub.Status = StatusPastDue
		if err := t.Update(sub, "customer.subscription.updated"); err != nil {
			return nil, err
		}
		if err := setDelinquent(t, due.Customer, true); err != nil {
			return nil, err
		}
	}
	if exhausted {
		if err := giveUp(t, sub.ID); err != nil {
			return nil, err
		}
	}
	declined.PaymentIntent, err = t.Render(intent, nil)
	declined.KeepsWork = true
	return declined, err
}

// settleInvoice marks an invoice as paid in full. Paying its latest invoice brings a
// subscription back.
func settleInvoice(t *state.Tx, due *Invoice) error {
	due.Status, due.Paid, due.AutoAdvance, due.NextPaymentAttempt = "paid", true, false, nil
	due.Attempted = due.Attempted || !due.PaidOutOfBand
	due.AmountPaid, due.AmountRemaining = due.AmountDue, 0
	due.StatusTransitions.PaidAt = &t.Now
	if err := t.Update(due, "invoice.paid"); err != nil {
		return err
	}
	if err := t.Emit("invoice.payment_succeeded", due, nil); err != nil {
		return err
	}
	sub, err := subscriptionOf(t, due)
	if err != nil || sub == nil {
		return err
	}
	if sub.LatestInvoice == nil || *sub.LatestInvoice != due.ID {
		return nil
	}
	switch sub.Status {
	case StatusPastDue, StatusUnpaid:
		if err := setDelinquent(t, due.Customer, false); err != nil {
			return err
		}
	case StatusIncomplete:
	case StatusPaused:
		if sub.CurrentPeriodEnd <= t.Now {
			return nil // paid for something else: to resume, it would have begun a new period
		}
	default:
		return nil
	}
	resumed := sub.Status == StatusPaused
	sub.Status = StatusActive
	if err := t.Update(sub, "customer.subscription.updated"); err != nil || !resumed {
		return err
	}
	return t.Emit("customer.subscription.resumed", sub, nil)
}

// setDelinquent says on a customer whether its latest payment failed.
func setDelinquent(t *state.Tx, customerID string, delinquent bool) error {
	payers, err := state.FindAll[customer.Customer](t, "customer", state.Equal("id", customerID))
	if err != nil || len(payers) == 0 {
		return err // a deleted customer owes nothing
	}
	payers[0].Delinquent = delinquent
	return t.Update(payers[0], "customer.updated")
}

// markVoid ends an invoice that will not be paid, and its intent. Without its first
// invoice a subscription never begins.
func markVoid(t *state.Tx, due *Invoice) error {
	due.Status, due.AutoAdvance, due.NextPaymentAttempt = "void", false, nil
	due.StatusTransitions.VoidedAt = &t.Now
	if err := cancelIntent(t, due, "void_invoice"); err != nil {
		return err
	}
	if err := t.Update(due, "invoice.voided"); err != nil {
		return err
	}
	sub, err := subscriptionOf(t, due)
	if err != nil || sub == nil || sub.Status != StatusIncomplete || due.BillingReason != reasonCreate {
		return err
	}
	sub.Status, sub.EndedAt = StatusIncompleteExpired, &t.Now
	return t.Update(sub, "customer.subscription.updated")
}

// IntentOf is the intent that an invoice is paid through.
func IntentOf(t *state.Tx, due *Invoice) (*PaymentIntent, error) {
	return state.Find[PaymentIntent](t, "payment_intent", *due.PaymentIntent, apierror.NotFound("payment_intent", *due.PaymentIntent, "intent"))
}

// cancelIntent ends the intent of an invoice that will not be paid through it.
func cancelIntent(t *state.Tx, due *Invoice, reason string) error {
	if due.PaymentIntent == nil {
		return nil
	}
	intent, err := IntentOf(t, due)
	if err != nil {
		return err
	}
	intent.Status, intent.CanceledAt, intent.CancellationReason, intent.NextAction = "canceled", &t.Now, &reason, nil
	return t.Update(intent, "payment_intent.canceled")
}
