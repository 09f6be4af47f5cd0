package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// The reasons that an invoice gives for its existence.
const (
	reasonCreate = "subscription_create"
	ReasonCycle  = "subscription_cycle"
	ReasonUpdate = "subscription_update"
)

// Invoice is a bill, from its draft to its end.
type Invoice struct {
	state.Record
	AmountDue                    int64                      `json:"amount_due"`
	AmountPaid                   int64                      `json:"amount_paid"`
	AmountRemaining              int64                      `json:"amount_remaining"`
	AttemptCount                 int64                      `json:"attempt_count"`
	Attempted                    bool                       `json:"attempted"`
	AutoAdvance                  bool                       `json:"auto_advance"`
	BillingReason                string                     `json:"billing_reason"`
	Charge                       *string                    `json:"charge"`
	CollectionMethod             string                     `json:"collection_method"`
	Currency                     string                     `json:"currency"`
	Customer                     string                     `json:"customer"`
	CustomerAddress              *customer.Address          `json:"customer_address"`
	CustomerEmail                *string                    `json:"customer_email"`
	CustomerName                 *string                    `json:"customer_name"`
	CustomerPhone                *string                    `json:"customer_phone"`
	CustomerShipping             *customer.Shipping         `json:"customer_shipping"`
	CustomerTaxExempt            string                     `json:"customer_tax_exempt"`
	DefaultPaymentMethod         *string                    `json:"default_payment_method"`
	DefaultTaxRates              []string                   `json:"default_tax_rates,omitempty"`
	Description                  *string                    `json:"description"`
	Discount                     *string                    `json:"discount"`
	Discounts                    []string                   `json:"discounts,omitempty"`
	DueDate                      *int64                     `json:"due_date"`
	Footer                       *string                    `json:"footer"`
	EffectiveAt                  *int64                     `json:"effective_at"`
	EndingBalance                *int64                     `json:"ending_balance"`
	HostedInvoiceURL             *string                    `json:"hosted_invoice_url"`
	InvoicePDF                   *string                    `json:"invoice_pdf"`
	Lines                        state.Sublist[InvoiceLine] `json:"lines"`
	Metadata                     map[string]string          `json:"metadata"`
	NextPaymentAttempt           *int64                     `json:"next_payment_attempt"`
	Number                       *string                    `json:"number"`
	Paid                         bool                       `json:"paid"`
	PaidOutOfBand                bool                       `json:"paid_out_of_band"`
	PaymentIntent                *string                    `json:"payment_intent"`
	PeriodEnd                    int64                      `json:"period_end"`
	PeriodStart                  int64                      `json:"period_start"`
	PostPaymentCreditNotesAmount int64                      `json:"post_payment_credit_notes_amount"`
	PrePaymentCreditNotesAmount  int64                      `json:"pre_payment_credit_notes_amount"`
	StartingBalance              int64                      `json:"starting_balance"`
	Status                       string                     `json:"status"`
	StatusTransitions            statusTransitions          `json:"status_transitions"`
	Subscription                 state.Ref                  `json:"subscription"`
	SubscriptionDetails          subscriptionDetails        `json:"subscription_details"`
	Subtotal                     int64                      `json:"subtotal"`
	Tax                          *int64                     `json:"tax"`
	TestClock                    *string                    `json:"test_clock"`
	SubtotalExcludingTax         int64                      `json:"subtotal_excluding_tax"`
	Total                        int64                      `json:"total"`
	TotalDiscountAmounts         []discountAmount           `json:"total_discount_amounts,omitempty"`
	TotalExcludingTax            int64                      `json:"total_excluding_tax"`
	TotalTaxAmounts              []taxAmount                `json:"total_tax_amounts,omitempty"`
	WebhooksDeliveredAt          *int64                     `json:"webhooks_delivered_at"`
}

type statusTransitions struct {
	FinalizedAt           *int64 `json:"finalized_at"`
	MarkedUncollectibleAt *int64 `json:"marked_uncollectible_at"`
	PaidAt                *int64 `json:"paid_at"`
	VoidedAt              *int64 `json:"voided_at"`
}

type subscriptionDetails struct {
	Metadata map[string]string `json:"metadata"`
}

// InvoiceLine is one amount on an invoice, and what it is for.
type InvoiceLine struct {
	ID                     string            `json:"id"`
	Object                 string            `json:"object"`
	Amount                 int64             `json:"amount"`
	AmountExcludingTax     int64             `json:"amount_excluding_tax"`
	Currency               string            `json:"currency"`
	Description            string            `json:"description"`
	DiscountAmounts        []discountAmount  `json:"discount_amounts,omitempty"`
	Discountable           bool              `json:"discountable"`
	Discounts              []string          `json:"discounts,omitempty"`
	Invoice                string            `json:"invoice"`
	InvoiceItem            string            `json:"invoice_item,omitempty"`
	Livemode               bool              `json:"livemode"`
	Metadata               map[string]string `json:"metadata"`
	Period                 period            `json:"period"`
	Price                  string            `json:"price"`
	Proration              bool              `json:"proration"`
	ProrationDetails       *prorationDetails `json:"proration_details,omitempty"`
	Quantity               int64             `json:"quantity"`
	Subscription           state.Ref         `json:"subscription"`
	SubscriptionItem       string            `json:"subscription_item,omitempty"`
	TaxAmounts             []taxAmount       `json:"tax_amounts,omitempty"`
	TaxRates               []string          `json:"tax_rates,omitempty"`
	Type                   string            `json:"type"`
	UnitAmountExcludingTax *string           `json:"unit_amount_excluding_tax"`
}

type period struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

// InvoiceByID loads an invoice that another object refers to.
func InvoiceByID(t *state.Tx, id string) (*Invoice, error) {
	return state.Find[Invoice](t, "invoice", id, apierror.NotFound("invoice", id, "invoice"))
}

// namedInvoice is the invoice that the URL names; param is what Stripe calls that part
// of the URL at this endpoint.
func namedInvoice(c *state.Request, param string) (*Invoice, error) {
	return state.Find[Invoice](c.Tx, "invoice", c.ID(), apierror.NotFound("invoice", c.ID(), param))
}

func getInvoice(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedInvoice(c, "invoice")
}

func listInvoices(c *state.Request) (any, error) {
	list := c.NewList("invoice", "/v1/invoices")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.MatchObject("subscription", "subscription", c.Params.Text("subscription", form.MaxText))
	list.Match("status", c.Params.Choice("status", "draft", "open", "paid", "uncollectible", "void"))
	list.Match("collection_method", c.Params.Choice("collection_method", ChargeAutomatically, sendInvoices))
	list.MatchTime("created")
	list.MatchTime("due_date")
	return list.Run()
}

func deleteInvoice(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := namedInvoice(c, "invoice")
	if err != nil {
		return nil, err
	}
	if gone.Status != "draft" {
		return nil, apierror.Invalid("", "You can only delete draft invoices.")
	}
	return state.StubOf(gone), c.Remove(gone, "invoice.deleted")
}

func finalizeInvoice(c *state.Request) (any, error) {
	autoAdvance := c.Params.Boolean("auto_advance")
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	draft, err := namedInvoice(c, "id")
	if err != nil {
		return nil, err
	}
	if draft.Status != "draft" {
		return nil, apierror.Invalid("", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	form.Set(&draft.AutoAdvance, autoAdvance)
	return draft, Finalize(c.Tx, draft)
}

func payInvoice(c *state.Request) (any, error) {
	methodID := c.Params.Text("payment_method", form.MaxText)
	outOfBand := form.OrDefault(c.Params.Boolean("paid_out_of_band"), false)
	c.Params.Boolean("off_session")
	if err := c.Params.Done("forgive", "mandate", "source"); err != nil {
		return nil, err
	}
	due, err := namedInvoice(c, "id")
	if err != nil {
		return nil, err
	}
	switch due.Status {
	case "paid":
		return nil, apierror.Invalid("", "Invoice is already paid")
	case "void":
		return nil, apierror.Invalid("", "You can only pay open, draft or uncollectible invoices; this one is void.")
	case "draft":
		if err := Finalize(c.Tx, due); err != nil || due.Status == "paid" {
			return due, err
		}
	}
	if outOfBand {
		due.PaidOutOfBand = true // nobody attempted to charge it
		if err := cancelIntent(c.Tx, due, "abandoned"); err != nil {
			return nil, err
		}
		return due, settleInvoice(c.Tx, due)
	}
	return PayWith(c.Tx, due, methodID)
}

// PayWith charges an open invoice to the named payment method, or to the one that its
// customer pays with by default.
func PayWith(t *state.Tx, due *Invoice, methodID *string) (any, error) {
	var method *customer.Method
	var err error
	if methodID != nil {
		method, err = customer.PayingMethod(t, *methodID, due.Customer)
	} else {
		method, err = defaultMethod(t, due)
	}
	if err != nil {
		return nil, err
	}
	if method == nil {
		return nil, apierror.NoPaymentMethod()
	}
	declined, err := chargeInvoice(t, due, method)
	if err != nil {
		return nil, err
	}
	if declined != nil {
		return nil, declined
	}
	return due, nil
}

func voidInvoice(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	due, err := namedInvoice(c, "id")
	if err != nil {
		return nil, err
	}
	if due.Status != "open" && due.Status != "uncollectible" {
		return nil, apierror.Invalid("", "You can only void open or uncollectible invoices; this one is %s.", due.Status)
	}
	return due, markVoid(c.Tx, due)
}

func markUncollectible(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	due, err := namedInvoice(c, "id")
	if err != nil {
		return nil, err
	}
	if due.Status != "open" {
		return nil, apierror.Invalid("", "You can only mark an open invoice as uncollectible; this one is %s.", due.Status)
	}
	if err := writeOff(c.Tx, due); err != nil {
		return nil, err
	}
	return due, forgive(c.Tx, due)
}

// forgive brings a subscription back that is past due, when its latest invoice is written
// off by hand.
func forgive(t *state.Tx, due *Invoice) error {
	sub, err := subscriptionOf(t, due)
	if err != nil || sub == nil {
		return err
	}
	if sub.Status != StatusPastDue || sub.LatestInvoice == nil || *sub.LatestInvoice != due.ID {
		return nil
	}
	if err := setDelinquent(t, due.Customer, false); err != nil {
		return err
	}
	sub.Status = StatusActive
	return t.Update(sub, "customer.subscription.updated")
}

// writeOff marks an invoice as one that will hardly be paid, though it still can be.
func writeOff(t *state.Tx, due *Invoice) error {
	due.Status, due.AutoAdvance, due.NextPaymentAttempt = "uncollectible", false, nil
	due.StatusTransitions.MarkedUncollectibleAt = &t.Now
	return t.Update(due, "invoice.marked_uncollectible")
}

func sendInvoice(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	due, err := namedInvoice(c, "invoice")
	if err != nil {
		return nil, err
	}
	switch {
	case due.CollectionMethod != sendInvoices:
		return nil, apierror.Invalid("", "You can only manually send an invoice if its collection method is set to 'send_invoice'.")
	case due.Status == "draft":
		if err := Finalize(c.Tx, due); err != nil {
			return nil, err
		}
	case due.Status != "open":
		return nil, apierror.Invalid("", "You can only send open invoices; this one is %s.", due.Status)
	}
	return due, c.Emit("invoice.sent", due, nil)
}
