package stripesim

// The reasons that an invoice gives for its existence.
const (
	reasonCreate = "subscription_create"
	reasonCycle  = "subscription_cycle"
	reasonUpdate = "subscription_update"
)

type invoice struct {
	record
	AmountDue            int64                `json:"amount_due"`
	AmountPaid           int64                `json:"amount_paid"`
	AmountRemaining      int64                `json:"amount_remaining"`
	AttemptCount         int64                `json:"attempt_count"`
	Attempted            bool                 `json:"attempted"`
	AutoAdvance          bool                 `json:"auto_advance"`
	BillingReason        string               `json:"billing_reason"`
	Charge               *string              `json:"charge"`
	CollectionMethod     string               `json:"collection_method"`
	Currency             string               `json:"currency"`
	Customer             string               `json:"customer"`
	CustomerAddress      *address             `json:"customer_address"`
	CustomerEmail        *string              `json:"customer_email"`
	CustomerName         *string              `json:"customer_name"`
	CustomerPhone        *string              `json:"customer_phone"`
	CustomerShipping     *shipping            `json:"customer_shipping"`
	CustomerTaxExempt    string               `json:"customer_tax_exempt"`
	DefaultPaymentMethod *string              `json:"default_payment_method"`
	DueDate              *int64               `json:"due_date"`
	EffectiveAt          *int64               `json:"effective_at"`
	EndingBalance        *int64               `json:"ending_balance"`
	HostedInvoiceURL     *string              `json:"hosted_invoice_url"`
	InvoicePDF           *string              `json:"invoice_pdf"`
	Lines                sublist[invoiceLine] `json:"lines"`
	Metadata             map[string]string    `json:"metadata"`
	NextPaymentAttempt   *int64               `json:"next_payment_attempt"`
	Number               *string              `json:"number"`
	Paid                 bool                 `json:"paid"`
	PaidOutOfBand        bool                 `json:"paid_out_of_band"`
	PaymentIntent        *string              `json:"payment_intent"`
	PeriodEnd            int64                `json:"period_end"`
	PeriodStart          int64                `json:"period_start"`
	StartingBalance      int64                `json:"starting_balance"`
	Status               string               `json:"status"`
	StatusTransitions    statusTransitions    `json:"status_transitions"`
	Subscription         string               `json:"subscription"`
	SubscriptionDetails  subscriptionDetails  `json:"subscription_details"`
	Subtotal             int64                `json:"subtotal"`
	TestClock            *string              `json:"test_clock"`
	SubtotalExcludingTax int64                `json:"subtotal_excluding_tax"`
	Total                int64                `json:"total"`
	TotalExcludingTax    int64                `json:"total_excluding_tax"`
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

type invoiceLine struct {
	ID                     string            `json:"id"`
	Object                 string            `json:"object"`
	Amount                 int64             `json:"amount"`
	AmountExcludingTax     int64             `json:"amount_excluding_tax"`
	Currency               string            `json:"currency"`
	Description            string            `json:"description"`
	Discountable           bool              `json:"discountable"`
	Invoice                string            `json:"invoice"`
	InvoiceItem            string            `json:"invoice_item,omitempty"`
	Livemode               bool              `json:"livemode"`
	Metadata               map[string]string `json:"metadata"`
	Period                 period            `json:"period"`
	Price                  string            `json:"price"`
	Proration              bool              `json:"proration"`
	Quantity               int64             `json:"quantity"`
	Subscription           string            `json:"subscription"`
	SubscriptionItem       string            `json:"subscription_item"`
	Type                   string            `json:"type"`
	UnitAmountExcludingTax *string           `json:"unit_amount_excluding_tax"`
}

type period struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

// invoiceByID loads an invoice that another object refers to.
func (c *tx) invoiceByID(id string) (*invoice, error) {
	return find[invoice](c, "invoice", id, notFound("invoice", id, "invoice"))
}

// invoiceIn is the invoice that the URL names; param is what Stripe calls that part of the URL at this endpoint.
func (c *call) invoiceIn(param string) (*invoice, error) {
	return find[invoice](c.tx, "invoice", c.id(), notFound("invoice", c.id(), param))
}

func getInvoice(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.invoiceIn("invoice")
}

func listInvoices(c *call) (any, error) {
	list := c.newList("invoice", "/v1/invoices")
	list.match("customer", c.params.text("customer", maxText))
	list.match("subscription", c.params.text("subscription", maxText))
	list.match("status", c.params.choice("status", "draft", "open", "paid", "uncollectible", "void"))
	list.match("collection_method", c.params.choice("collection_method", chargeAutomatically, sendInvoices))
	list.matchTime("created")
	list.matchTime("due_date")
	return list.run()
}

func deleteInvoice(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	gone, err := c.invoiceIn("invoice")
	if err != nil {
		return nil, err
	}
	if gone.Status != "draft" {
		return nil, invalid("", "You can only delete draft invoices.")
	}
	return stubOf(gone), c.remove(gone, "invoice.deleted")
}

func finalizeInvoice(c *call) (any, error) {
	autoAdvance := c.params.boolean("auto_advance")
	if err := c.params.done(); err != nil {
		return nil, err
	}
	draft, err := c.invoiceIn("id")
	if err != nil {
		return nil, err
	}
	if draft.Status != "draft" {
		return nil, invalid("", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	set(&draft.AutoAdvance, autoAdvance)
	return draft, c.finalize(draft)
}

func payInvoice(c *call) (any, error) {
	methodID := c.params.text("payment_method", maxText)
	outOfBand := orDefault(c.params.boolean("paid_out_of_band"), false)
	c.params.boolean("off_session")
	if err := c.params.done("forgive", "mandate", "source"); err != nil {
		return nil, err
	}
	due, err := c.invoiceIn("id")
	if err != nil {
		return nil, err
	}
	switch due.Status {
	case "paid":
		return nil, invalid("", "Invoice is already paid")
	case "void":
		return nil, invalid("", "You can only pay open, draft or uncollectible invoices; this one is void.")
	case "draft":
		if err := c.finalize(due); err != nil || due.Status == "paid" {
			return due, err
		}
	}
	if outOfBand {
		due.PaidOutOfBand = true
		if err := c.cancelIntent(due, "abandoned"); err != nil {
			return nil, err
		}
		return due, c.settle(due)
	}
	return c.payWith(due, methodID)
}

// payWith charges an open invoice to the named payment method, or to the one that its customer pays with by default.
func (c *tx) payWith(due *invoice, methodID *string) (any, error) {
	var method *paymentMethod
	var err error
	if methodID != nil {
		method, err = c.payingMethod(*methodID, due.Customer)
	} else {
		method, err = c.defaultMethod(due)
	}
	if err != nil {
		return nil, err
	}
	if method == nil {
		return nil, noPaymentMethod()
	}
	declined, err := c.charge(due, method)
	if err != nil {
		return nil, err
	}
	if declined != nil {
		return nil, declined
	}
	return due, nil
}

func voidInvoice(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	due, err := c.invoiceIn("id")
	if err != nil {
		return nil, err
	}
	if due.Status != "open" && due.Status != "uncollectible" {
		return nil, invalid("", "You can only void open or uncollectible invoices; this one is %s.", due.Status)
	}
	return due, c.void(due)
}

func markUncollectible(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	due, err := c.invoiceIn("id")
	if err != nil {
		return nil, err
	}
	if due.Status != "open" {
		return nil, invalid("", "You can only mark an open invoice as uncollectible; this one is %s.", due.Status)
	}
	return due, c.writeOff(due)
}

// writeOff marks an invoice as one that will hardly be paid, though it still can be.
func (c *tx) writeOff(due *invoice) error {
	due.Status, due.AutoAdvance, due.NextPaymentAttempt = "uncollectible", false, nil
	due.StatusTransitions.MarkedUncollectibleAt = &c.now
	return c.update(due, "invoice.marked_uncollectible")
}

func sendInvoice(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	due, err := c.invoiceIn("invoice")
	if err != nil {
		return nil, err
	}
	switch {
	case due.CollectionMethod != sendInvoices:
		return nil, invalid("", "You can only manually send an invoice if its collection method is set to 'send_invoice'.")
	case due.Status == "draft":
		if err := c.finalize(due); err != nil {
			return nil, err
		}
	case due.Status != "open":
		return nil, invalid("", "You can only send open invoices; this one is %s.", due.Status)
	}
	return due, c.emit("invoice.sent", due, nil)
}
