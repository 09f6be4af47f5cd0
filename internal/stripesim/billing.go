package stripesim

import (
	"fmt"
	"time"
)

// draftLife is how long an invoice stays a draft.
const draftLife = int64(time.Hour / time.Second)

// newInvoice drafts an invoice of the given lines for a subscription.
func (c *tx) newInvoice(id string, sub *subscription, payer *customer, reason string, lines []invoiceLine) *invoice {
	made := &invoice{
		record: record{ID: id, Object: "invoice", Created: c.now}, Status: "draft", BillingReason: reason,
		CollectionMethod: sub.CollectionMethod, Currency: sub.Currency, Customer: payer.ID, Subscription: sub.ID,
		CustomerAddress: payer.Address, CustomerEmail: payer.Email, CustomerName: payer.Name, CustomerPhone: payer.Phone,
		CustomerShipping: payer.Shipping, CustomerTaxExempt: payer.TaxExempt,
		PeriodStart: sub.CurrentPeriodStart, PeriodEnd: sub.CurrentPeriodStart,
		Metadata: map[string]string{}, SubscriptionDetails: subscriptionDetails{Metadata: sub.Metadata}, TestClock: sub.TestClock,
	}
	made.Lines = sublist[invoiceLine]{Object: "list", URL: "/v1/invoices/" + made.ID + "/lines", Data: lines}
	for i := range made.Lines.Data {
		line := &made.Lines.Data[i]
		line.Invoice = made.ID
		made.Total += line.Amount
	}
	made.Subtotal, made.SubtotalExcludingTax, made.TotalExcludingTax = made.Total, made.Total, made.Total
	made.AmountDue = max(made.Total, 0)
	made.AmountRemaining = made.AmountDue
	made.AutoAdvance = sub.Status != statusUnpaid // until what is open is paid, new invoices stay drafts
	switch {
	case sub.CollectionMethod == sendInvoices:
		due := c.now + orDefault(sub.DaysUntilDue, 30)*secondsPerDay
		made.DueDate = &due
	case reason != reasonCreate:
		next := c.now + draftLife
		made.NextPaymentAttempt = &next
	}
	return made
}

// periodLine bills one item of a subscription for a whole period.
func periodLine(sub *subscription, item subscriptionItem, terms *price, amount int64, description string) invoiceLine {
	return invoiceLine{
		ID: newID("il_1"), Object: "line_item", Type: "subscription", Amount: amount, AmountExcludingTax: amount,
		Currency: sub.Currency, Description: description, Discountable: true, Metadata: sub.Metadata,
		Period: period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}, Price: terms.ID, Quantity: orDefault(item.Quantity, 0),
		Subscription: sub.ID, SubscriptionItem: item.ID, UnitAmountExcludingTax: terms.UnitAmountDecimal,
	}
}

// periodLines bills every item of a subscription for its current period: nothing while it is a trial.
func (c *tx) periodLines(sub *subscription) ([]invoiceLine, error) {
	var lines []invoiceLine
	for _, item := range sub.Items.Data {
		terms, err := c.priceByID(item.Price)
		if err != nil {
			return nil, err
		}
		owner, err := find[product](c, "product", terms.Product, notFound("product", terms.Product, "product"))
		if err != nil {
			return nil, err
		}
		if sub.Status == statusTrialing {
			lines = append(lines, periodLine(sub, item, terms, 0, "Trial period for "+owner.Name))
			continue
		}
		description := fmt.Sprintf("%d × %s (at %s / %s)", orDefault(item.Quantity, 0), owner.Name, terms.each(), terms.Recurring.Interval)
		lines = append(lines, periodLine(sub, item, terms, terms.cost(item.Quantity), description))
	}
	return lines, nil
}

// finalize opens a draft: it gets its number, takes up the customer's balance, and is paid when nothing is left to pay.
func (c *tx) finalize(due *invoice) error {
	payer, err := find[customer](c, "customer", due.Customer, notFound("customer", due.Customer, "customer"))
	if err != nil {
		return err
	}
	number := fmt.Sprintf("%s-%04d", payer.InvoicePrefix, payer.NextInvoiceSequence)
	due.StartingBalance = payer.Balance
	due.AmountDue, payer.Balance = due.Total+payer.Balance, 0
	if due.AmountDue < 0 {
		due.AmountDue, payer.Balance = 0, due.AmountDue
	}
	payer.NextInvoiceSequence++
	if err := c.update(payer, "customer.updated"); err != nil {
		return err
	}
	token := randomString(32, idAlphabet)
	page, pdf := "https://invoice.stripe.com/i/acct_sandbox/test_"+token+"?s=ap", "https://pay.stripe.com/invoice/acct_sandbox/test_"+token+"/pdf?s=ap"
	due.Number, due.HostedInvoiceURL, due.InvoicePDF = &number, &page, &pdf
	due.EndingBalance, due.EffectiveAt, due.StatusTransitions.FinalizedAt = &payer.Balance, &c.now, &c.now
	due.Status, due.AmountRemaining = "open", due.AmountDue
	if due.AmountDue == 0 {
		if err := c.update(due, "invoice.finalized"); err != nil {
			return err
		}
		return c.settle(due)
	}
	method, err := c.defaultMethod(due)
	if err != nil {
		return err
	}
	intent := c.newPaymentIntent(due, method)
	due.PaymentIntent = &intent.ID
	if err := c.create(intent, "payment_intent.created"); err != nil {
		return err
	}
	return c.update(due, "invoice.finalized")
}

// defaultMethod is what an invoice is paid with unless told otherwise: the subscription's payment method before the
// customer's. Nil when there is none.
func (c *tx) defaultMethod(due *invoice) (*paymentMethod, error) {
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil {
		return nil, err
	}
	payer, err := find[customer](c, "customer", due.Customer, notFound("customer", due.Customer, "customer"))
	if err != nil {
		return nil, err
	}
	return c.methodOf(sub.DefaultPaymentMethod, payer)
}

func (c *tx) methodOf(chosen *string, payer *customer) (*paymentMethod, error) {
	if chosen == nil {
		chosen = payer.InvoiceSettings.DefaultPaymentMethod
	}
	if chosen == nil {
		return nil, nil
	}
	return find[paymentMethod](c, "payment_method", *chosen, notFound("payment_method", *chosen, "payment_method"))
}

func noPaymentMethod() *apiError {
	return invalid("", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.").
		withCode("resource_missing")
}

// charge takes an open invoice's money from a payment method. Declined says why it could not: the attempt is recorded,
// and stands even if the request ends with that error.
func (c *tx) charge(due *invoice, method *paymentMethod) (declined *apiError, err error) {
	intent, err := c.intentOf(due)
	if err != nil {
		return nil, err
	}
	due.countAttempt(false)
	switch card := cardOf(method); {
	case card.authenticates:
		return c.awaitAuthentication(due, intent, method)
	case card.decline != "":
		return c.decline(due, intent, method, card.decline)
	}
	return nil, c.succeed(due, intent, method)
}

// succeed records that the money for an invoice came in.
func (c *tx) succeed(due *invoice, intent *paymentIntent, method *paymentMethod) error {
	taken, err := c.takeMoney(intent, method)
	if err != nil {
		return err
	}
	due.Charge = &taken.ID
	if err := c.rememberMethod(due, method); err != nil {
		return err
	}
	return c.settle(due)
}

// takeMoney charges an intent to a payment method whose bank agrees.
func (c *tx) takeMoney(intent *paymentIntent, method *paymentMethod) (*charge, error) {
	taken, err := c.newCharge(intent, method, nil)
	if err != nil {
		return nil, err
	}
	intent.Status, intent.AmountReceived, intent.LatestCharge = "succeeded", intent.Amount, &taken.ID
	intent.PaymentMethod, intent.LastPaymentError, intent.NextAction = &method.ID, nil, nil
	return taken, c.update(intent, "payment_intent.succeeded")
}

// rememberMethod makes a successful payment method the subscription's own when it asks for that.
func (c *tx) rememberMethod(due *invoice, method *paymentMethod) error {
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil {
		return err
	}
	if orDefault(sub.PaymentSettings.SaveDefaultPaymentMethod, "off") != "on_subscription" {
		return nil
	}
	sub.DefaultPaymentMethod = &method.ID
	return c.update(sub, "customer.subscription.updated")
}

// decline records a failed attempt.
func (c *tx) decline(due *invoice, intent *paymentIntent, method *paymentMethod, reason string) (*apiError, error) {
	declined := cardDeclined(reason)
	failed, err := c.newCharge(intent, method, declined)
	if err != nil {
		return nil, err
	}
	declined.Charge, declined.PaymentMethod = failed.ID, method
	intent.Status, intent.PaymentMethod, intent.NextAction = "requires_payment_method", nil, nil
	stored := *declined
	intent.LatestCharge, intent.LastPaymentError = &failed.ID, &stored
	if err := c.update(intent, "payment_intent.payment_failed"); err != nil {
		return nil, err
	}
	due.Charge = &failed.ID
	return c.paymentFailed(due, intent, declined)
}

// awaitAuthentication records an attempt that waits for the card's holder.
func (c *tx) awaitAuthentication(due *invoice, intent *paymentIntent, method *paymentMethod) (*apiError, error) {
	intent.Status, intent.PaymentMethod = "requires_action", &method.ID
	intent.NextAction = &nextAction{Type: "use_stripe_sdk", UseStripeSDK: map[string]any{"type": "three_d_secure_redirect"}}
	if err := c.update(intent, "payment_intent.requires_action"); err != nil {
		return nil, err
	}
	waiting, err := c.paymentFailed(due, intent, actionRequired("invoice"))
	if err != nil {
		return nil, err
	}
	recorded, err := c.invoiceByID(due.ID)
	if err != nil {
		return nil, err
	}
	return waiting, c.emit("invoice.payment_action_required", recorded, nil)
}

// paymentFailed leaves the invoice open, to be tried again, and what was active past due.
func (c *tx) paymentFailed(due *invoice, intent *paymentIntent, declined *apiError) (*apiError, error) {
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil {
		return nil, err
	}
	exhausted := due.planRetry(c.now)
	if err := c.update(due, "invoice.payment_failed"); err != nil {
		return nil, err
	}
	if latest := sub.LatestInvoice; latest != nil && *latest == due.ID && (sub.Status == statusActive || sub.Status == statusTrialing) {
		sub.Status = statusPastDue
		if err := c.update(sub, "customer.subscription.updated"); err != nil {
			return nil, err
		}
		if err := c.setDelinquent(due.Customer, true); err != nil {
			return nil, err
		}
	}
	if exhausted {
		if err := c.giveUp(sub.ID); err != nil {
			return nil, err
		}
	}
	declined.PaymentIntent, err = c.render(intent, nil)
	declined.keepsWork = true
	return declined, err
}

// settle marks an invoice as paid in full. Paying its latest invoice brings a subscription back.
func (c *tx) settle(due *invoice) error {
	due.Status, due.Paid, due.AutoAdvance, due.NextPaymentAttempt = "paid", true, false, nil
	due.Attempted = true
	due.AmountPaid, due.AmountRemaining = due.AmountDue, 0
	due.StatusTransitions.PaidAt = &c.now
	if err := c.update(due, "invoice.paid"); err != nil {
		return err
	}
	if err := c.emit("invoice.payment_succeeded", due, nil); err != nil {
		return err
	}
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil {
		return err
	}
	if sub.LatestInvoice == nil || *sub.LatestInvoice != due.ID {
		return nil
	}
	switch sub.Status {
	case statusPastDue, statusUnpaid:
		if err := c.setDelinquent(due.Customer, false); err != nil {
			return err
		}
	case statusIncomplete:
	case statusPaused:
		if sub.CurrentPeriodEnd <= c.now {
			return nil // paid for something else: to resume, it would have begun a new period
		}
	default:
		return nil
	}
	resumed := sub.Status == statusPaused
	sub.Status = statusActive
	if err := c.update(sub, "customer.subscription.updated"); err != nil || !resumed {
		return err
	}
	return c.emit("customer.subscription.resumed", sub, nil)
}

// setDelinquent says on a customer whether its latest payment failed.
func (c *tx) setDelinquent(customerID string, delinquent bool) error {
	payers, err := findAll[customer](c, "customer", equal("id", customerID))
	if err != nil || len(payers) == 0 {
		return err // a deleted customer owes nothing
	}
	payers[0].Delinquent = delinquent
	return c.update(payers[0], "customer.updated")
}

// void ends an invoice that will not be paid, and its intent. Without its first invoice a subscription never begins.
func (c *tx) void(due *invoice) error {
	due.Status, due.AutoAdvance, due.NextPaymentAttempt = "void", false, nil
	due.StatusTransitions.VoidedAt = &c.now
	if err := c.cancelIntent(due, "void_invoice"); err != nil {
		return err
	}
	if err := c.update(due, "invoice.voided"); err != nil {
		return err
	}
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil || sub.Status != statusIncomplete || due.BillingReason != reasonCreate {
		return err
	}
	sub.Status, sub.EndedAt = statusIncompleteExpired, &c.now
	return c.update(sub, "customer.subscription.updated")
}

func (c *tx) intentOf(due *invoice) (*paymentIntent, error) {
	return find[paymentIntent](c, "payment_intent", *due.PaymentIntent, notFound("payment_intent", *due.PaymentIntent, "intent"))
}

// cancelIntent ends the intent of an invoice that will not be paid through it.
func (c *tx) cancelIntent(due *invoice, reason string) error {
	if due.PaymentIntent == nil {
		return nil
	}
	intent, err := c.intentOf(due)
	if err != nil {
		return err
	}
	intent.Status, intent.CanceledAt, intent.CancellationReason, intent.NextAction = "canceled", &c.now, &reason, nil
	return c.update(intent, "payment_intent.canceled")
}
