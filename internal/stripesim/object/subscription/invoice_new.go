package subscription

import (
	"cmp"
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// reasonManual is that of an invoice which somebody made by hand.
const reasonManual = "manual"

// invoiceUnmodelled are Stripe's parameters of an invoice that the sandbox leaves out.
var invoiceUnmodelled = []string{
	"account_tax_ids", "application_fee_amount", "automatic_tax", "custom_fields", "default_source",
	"effective_at", "from_invoice", "issuer", "number", "on_behalf_of", "payment_settings", "rendering", "rendering_options",
	"shipping_cost", "shipping_details", "statement_descriptor", "subscription", "transfer_data",
}

// invoiceChange is what a request says about a draft, at its creation or later.
type invoiceChange struct {
	autoAdvance         *bool
	collection          *string
	daysDue, dueDate    *int64
	description, footer *string
	method              *string
	metadata            form.MetadataChange
	discounts           []discount.Choice
	discountsGiven      bool
	taxRates            tax.Choice
}

func readInvoiceChange(p *form.Params, now int64) invoiceChange {
	change := invoiceChange{
		autoAdvance: p.Boolean("auto_advance"), collection: p.Choice("collection_method", ChargeAutomatically, sendInvoices),
		daysDue: p.Between("days_until_due", 0, 365), dueDate: ReadFuture(p, "due_date", now),
		description: p.Clearable("description", 1500), footer: p.Clearable("footer", form.MaxText),
		method: p.Clearable("default_payment_method", form.MaxText), metadata: p.Metadata(), taxRates: tax.Read(p, "default_tax_rates"),
	}
	change.discounts, change.discountsGiven = discount.ReadList(p, "coupon", "discount")
	return change
}

func (change invoiceChange) applyTo(t *state.Tx, x *Invoice) (err error) {
	form.Set(&x.AutoAdvance, change.autoAdvance)
	form.Set(&x.CollectionMethod, change.collection)
	form.SetNullable(&x.Description, change.description)
	form.SetNullable(&x.Footer, change.footer)
	if change.dueDate != nil {
		x.DueDate = change.dueDate
	} else if change.daysDue != nil {
		due := t.Now + *change.daysDue*billing.SecondsPerDay
		x.DueDate = &due
	}
	if x.CollectionMethod == ChargeAutomatically {
		x.DueDate = nil
	}
	if x.NextPaymentAttempt = nil; x.AutoAdvance && x.CollectionMethod == ChargeAutomatically {
		next := x.Created + billing.DraftLife
		x.NextPaymentAttempt = &next
	}
	if change.method != nil {
		form.SetNullable(&x.DefaultPaymentMethod, change.method)
		if *change.method != "" {
			payer, err := payerOf(t, x.Customer)
			if err != nil {
				return err
			}
			method, err := customer.ChosenMethod(t, *change.method, payer, "default_payment_method")
			if err != nil {
				return err
			}
			x.DefaultPaymentMethod = &method.ID
		}
	}
	if change.discountsGiven {
		ids, err := resolveDiscounts(t, change.discounts, x.holder())
		if err != nil {
			return err
		}
		x.setDiscounts(ids)
	}
	if err := change.taxRates.ApplyTo(t, &x.DefaultTaxRates); err != nil {
		return err
	}
	if err := x.addUp(t, x.Lines.Data); err != nil {
		return err
	}
	x.Metadata, err = change.metadata.ApplyTo(x.Metadata)
	return err
}

func payerOf(t *state.Tx, id string) (*customer.Customer, error) {
	return state.Find[customer.Customer](t, "customer", id, apierror.UnknownReference("customer", id, "customer"))
}

func createInvoice(c *state.Request) (any, error) {
	customerID, currency := c.Params.Required("customer", form.MaxText), c.Params.Text("currency", 3)
	pending := form.OrDefault(c.Params.Choice("pending_invoice_items_behavior", "exclude", "include"), "exclude")
	change := readInvoiceChange(c.Params, c.Now)
	if change.collection != nil && *change.collection == sendInvoices && change.daysDue == nil && change.dueDate == nil {
		c.Params.Fail(apierror.Invalid("days_until_due", "If invoices are sent for payment, you must specify `days_until_due` or `due_date`."))
	}
	if err := c.Params.Done(invoiceUnmodelled...); err != nil {
		return nil, err
	}
	payer, err := payerOf(c.Tx, customerID)
	if err != nil {
		return nil, err
	}
	made, err := newDraft(c.Tx, payer, currency)
	if err != nil {
		return nil, err
	}
	if err := change.applyTo(c.Tx, made); err != nil {
		return nil, err
	}
	if pending == "include" {
		if err := includePending(c.Tx, made); err != nil {
			return nil, err
		}
	}
	return made, c.Create(made, "invoice.created")
}

// newDraft is an empty invoice for a customer. It is not stored.
func newDraft(t *state.Tx, payer *customer.Customer, currency *string) (*Invoice, error) {
	made := &Invoice{
		Record: t.NewRecord("invoice", "in_1"), Status: "draft", BillingReason: reasonManual, CollectionMethod: ChargeAutomatically,
		Currency: form.OrDefault(currency, form.OrDefault(payer.Currency, "usd")), PeriodStart: t.Now, PeriodEnd: t.Now,
		Metadata: map[string]string{}, TestClock: payer.TestClock,
	}
	made.bill(payer)
	if err := made.inheritDiscount(t, payer.Discount, nil); err != nil {
		return nil, err
	}
	return made, made.addUp(t, nil)
}

// includePending takes the customer's pending items into a draft, those of subscriptions too.
func includePending(t *state.Tx, x *Invoice) error {
	waiting, err := state.FindAll[invoiceItem](t, "invoiceitem", state.Equal("customer", x.Customer), state.Equal("currency", x.Currency), notInvoiced)
	if err != nil {
		return err
	}
	lines := x.Lines.Data
	for i := len(waiting) - 1; i >= 0; i-- {
		line, err := billPending(t, waiting[i], x.ID)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	return x.addUp(t, lines)
}

// bill takes over what an invoice says of its customer.
func (x *Invoice) bill(payer *customer.Customer) {
	x.Customer, x.CustomerAddress, x.CustomerEmail = payer.ID, payer.Address, payer.Email
	x.CustomerName, x.CustomerPhone = payer.Name, payer.Phone
	x.CustomerShipping, x.CustomerTaxExempt = payer.Shipping, payer.TaxExempt
	x.WebhooksDeliveredAt = &x.Created
}

func updateInvoice(c *state.Request) (any, error) {
	change := readInvoiceChange(c.Params, c.Now)
	if err := c.Params.Done(invoiceUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := namedInvoice(c, "id")
	if err != nil {
		return nil, err
	}
	if changed.Status != "draft" && (change.discountsGiven || change.taxRates.Given() || change.collection != nil || change.daysDue != nil || change.description != nil || change.footer != nil) {
		return nil, apierror.Invalid("", "Finalized invoices can't be updated in this way.")
	}
	if changed.Status != "draft" { // what may still change leaves the rest as it is
		form.Set(&changed.AutoAdvance, change.autoAdvance)
		changed.Metadata, err = change.metadata.ApplyTo(changed.Metadata)
	} else {
		err = change.applyTo(c.Tx, changed)
	}
	if err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "invoice.updated")
}

func listInvoiceLines(c *state.Request) (any, error) {
	page := c.ReadSublist()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	of, err := namedInvoice(c, "invoice")
	if err != nil {
		return nil, err
	}
	return state.PageOf(page, of.Lines, func(line InvoiceLine) string { return line.ID })
}

// upcomingInvoice is what a subscription's next invoice will come to, as things stand.
// It is not stored.
func upcomingInvoice(c *state.Request) (any, error) {
	shown, err := nextInvoice(c)
	if err != nil {
		return nil, err
	}
	rendered, err := c.Render(shown, nil)
	if err != nil {
		return nil, err
	}
	if fields, ok := rendered.(map[string]any); ok {
		delete(fields, "id") // it has none
	}
	return rendered, nil
}

func listUpcomingLines(c *state.Request) (any, error) {
	page := c.ReadSublist()
	shown, err := nextInvoice(c)
	if err != nil {
		return nil, err
	}
	shown.Lines.URL = "/v1/invoices/upcoming/lines"
	return state.PageOf(page, shown.Lines, func(line InvoiceLine) string { return line.ID })
}

// nextInvoice adds up the invoice that a request wants to see before it is made.
func nextInvoice(c *state.Request) (*Invoice, error) {
	customerID, subscriptionID := c.Params.Text("customer", form.MaxText), c.Params.Text("subscription", form.MaxText)
	if customerID == nil && subscriptionID == nil {
		c.Params.Fail(apierror.Invalid("", "You must provide one of: customer, subscription."))
	}
	if err := c.Params.Done("automatic_tax", "coupon", "currency", "customer_details", "discounts", "invoice_items", "issuer", "on_behalf_of",
		"preview_mode", "schedule", "schedule_details", "subscription_billing_cycle_anchor", "subscription_cancel_at",
		"subscription_cancel_at_period_end", "subscription_cancel_now", "subscription_default_tax_rates", "subscription_details",
		"subscription_items", "subscription_proration_behavior", "subscription_proration_date", "subscription_resume_at",
		"subscription_start_date", "subscription_trial_end", "subscription_trial_from_plan"); err != nil {
		return nil, err
	}
	sub, err := subscriptionToBill(c.Tx, customerID, subscriptionID)
	if err != nil {
		return nil, err
	}
	return comingInvoice(c.Tx, sub)
}

// comingInvoice adds up a subscription's next invoice, as things stand. It is not stored.
func comingInvoice(t *state.Tx, sub *Subscription) (*Invoice, error) {
	next := *sub
	terms, err := catalog.PriceByID(t, sub.Items.Data[0].Price)
	if err != nil {
		return nil, err
	}
	next.Status = StatusActive
	next.CurrentPeriodStart = sub.CurrentPeriodEnd
	next.CurrentPeriodEnd = billing.PeriodEnd(sub.BillingCycleAnchor, next.CurrentPeriodStart, terms.Recurring)
	payer, err := payerOf(t, sub.Customer)
	if err != nil {
		return nil, err
	}
	waiting, err := pendingOf(t, sub)
	if err != nil {
		return nil, err
	}
	var lines []InvoiceLine
	for _, item := range waiting {
		lines = append(lines, item.line())
	}
	used := period{Start: sub.CurrentPeriodStart, End: sub.CurrentPeriodEnd}
	if sub.Status == StatusTrialing {
		used = period{} // a trial is free, whatever was used
	}
	periods, err := linesAfter(t, &next, used)
	if err != nil {
		return nil, err
	}
	shown, err := newInvoice(t, "upcoming_in_1", &next, payer, "upcoming", append(lines, periods...))
	if err != nil {
		return nil, err
	}
	shown.Created, shown.NextPaymentAttempt = sub.CurrentPeriodEnd, nil
	shown.PeriodStart, shown.PeriodEnd = sub.CurrentPeriodStart, sub.CurrentPeriodEnd
	return shown, nil
}

func subscriptionToBill(t *state.Tx, customerID, subscriptionID *string) (*Subscription, error) {
	none := apierror.NotFound("upcoming invoices for customer", form.OrDefault(customerID, ""), "")
	none.Message, none.Code, none.DocURL = "No upcoming invoices for customer: '"+form.OrDefault(customerID, "")+"'", "invoice_upcoming_none", ""
	if subscriptionID != nil {
		sub, err := state.Find[Subscription](t, "subscription", *subscriptionID, apierror.NotFound("subscription", *subscriptionID, "subscription"))
		if err != nil || !sub.Ended() {
			return sub, err
		}
		return nil, none
	}
	if _, err := payerOf(t, *customerID); err != nil {
		return nil, err
	}
	subs, err := state.FindAll[Subscription](t, "subscription", state.Equal("customer", *customerID))
	if err != nil {
		return nil, err
	}
	if subs = slices.DeleteFunc(subs, (*Subscription).Ended); len(subs) == 0 {
		return nil, none
	}
	return slices.MinFunc(subs, func(a, b *Subscription) int { return cmp.Compare(a.CurrentPeriodEnd, b.CurrentPeriodEnd) }), nil
}
