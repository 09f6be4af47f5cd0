package stripesim

import "slices"

// The statuses of a subscription.
const (
	statusIncomplete        = "incomplete"
	statusIncompleteExpired = "incomplete_expired"
	statusTrialing          = "trialing"
	statusActive            = "active"
	statusPastDue           = "past_due"
	statusCanceled          = "canceled"
	statusUnpaid            = "unpaid"
	statusPaused            = "paused"
)

// How a subscription's invoices are paid.
const (
	chargeAutomatically = "charge_automatically"
	sendInvoices        = "send_invoice"
)

// The reasons for a subscription's end.
const (
	reasonRequested = "cancellation_requested"
	reasonFailed    = "payment_failed"
	reasonDisputed  = "payment_disputed"
)

type subscription struct {
	record
	BillingCycleAnchor   int64                     `json:"billing_cycle_anchor"`
	CancelAt             *int64                    `json:"cancel_at"`
	CancelAtPeriodEnd    bool                      `json:"cancel_at_period_end"`
	CanceledAt           *int64                    `json:"canceled_at"`
	CancellationDetails  cancellationDetails       `json:"cancellation_details"`
	CollectionMethod     string                    `json:"collection_method"`
	Currency             string                    `json:"currency"`
	CurrentPeriodEnd     int64                     `json:"current_period_end"`
	CurrentPeriodStart   int64                     `json:"current_period_start"`
	Customer             string                    `json:"customer"`
	DaysUntilDue         *int64                    `json:"days_until_due"`
	DefaultPaymentMethod *string                   `json:"default_payment_method"`
	Description          *string                   `json:"description"`
	EndedAt              *int64                    `json:"ended_at"`
	Items                sublist[subscriptionItem] `json:"items"`
	LatestInvoice        *string                   `json:"latest_invoice"`
	Metadata             map[string]string         `json:"metadata"`
	PauseCollection      *pauseCollection          `json:"pause_collection"`
	PendingSetupIntent   *string                   `json:"pending_setup_intent"`
	PaymentSettings      paymentSettings           `json:"payment_settings"`
	StartDate            int64                     `json:"start_date"`
	Status               string                    `json:"status"`
	TestClock            *string                   `json:"test_clock"`
	TrialEnd             *int64                    `json:"trial_end"`
	TrialSettings        trialSettings             `json:"trial_settings"`
	TrialStart           *int64                    `json:"trial_start"`
}

type subscriptionItem struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	Created      int64             `json:"created"`
	Metadata     map[string]string `json:"metadata"`
	Price        string            `json:"price"`
	Quantity     *int64            `json:"quantity,omitempty"` // none when it is metered
	Subscription string            `json:"subscription"`
}

type cancellationDetails struct {
	Comment  *string `json:"comment"`
	Feedback *string `json:"feedback"`
	Reason   *string `json:"reason"`
}

type pauseCollection struct {
	Behavior  string `json:"behavior"`
	ResumesAt *int64 `json:"resumes_at"`
}

type paymentSettings struct {
	PaymentMethodOptions     *struct{} `json:"payment_method_options"`
	PaymentMethodTypes       []string  `json:"payment_method_types"`
	SaveDefaultPaymentMethod *string   `json:"save_default_payment_method"`
}

type trialSettings struct {
	EndBehavior trialEndBehavior `json:"end_behavior"`
}

type trialEndBehavior struct {
	MissingPaymentMethod string `json:"missing_payment_method"`
}

// ended says whether the subscription is over for good.
func (x *subscription) ended() bool {
	return x.Status == statusCanceled || x.Status == statusIncompleteExpired
}

// subscriptionByID loads a subscription that another object refers to.
func (c *tx) subscriptionByID(id string) (*subscription, error) {
	return find[subscription](c, "subscription", id, notFound("subscription", id, "id"))
}

// priceByID loads a price that another object refers to.
func (c *tx) priceByID(id string) (*price, error) {
	return find[price](c, "price", id, notFound("price", id, "price"))
}

func getSubscription(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.subscriptionByID(c.id())
}

// listSubscriptions leaves the canceled ones out unless it is asked for them.
func listSubscriptions(c *call) (any, error) {
	list := c.newList("subscription", "/v1/subscriptions")
	customerID := c.params.text("customer", maxText)
	list.match("customer", customerID)
	list.matchTestClock(customerID != nil)
	if priceID := c.params.text("price", maxText); priceID != nil {
		list.where(condition{
			sql:  "EXISTS (SELECT 1 FROM json_each(body, '$.items.data') AS item WHERE item.value ->> '$.price' = ?)",
			args: []any{*priceID},
		})
	}
	switch status := orDefault(c.params.choice("status", statusActive, "all", statusCanceled, "ended", statusIncomplete,
		statusIncompleteExpired, statusPastDue, statusPaused, statusTrialing, statusUnpaid), ""); status {
	case "":
		list.where(condition{sql: "body ->> '$.status' <> ?", args: []any{statusCanceled}})
	case "all":
	case "ended":
		list.where(oneOf("status", []string{statusCanceled, statusIncompleteExpired}))
	default:
		list.where(equal("status", status))
	}
	list.match("collection_method", c.params.choice("collection_method", chargeAutomatically, sendInvoices))
	for _, field := range []string{"created", "current_period_end", "current_period_start"} {
		list.matchTime(field)
	}
	return list.run("automatic_tax")
}

// cancellationChange is what a request says about why a subscription ends.
type cancellationChange struct{ comment, feedback *string }

func readCancellation(p *params) cancellationChange {
	details := p.object("cancellation_details")
	if details == nil {
		return cancellationChange{}
	}
	return cancellationChange{
		comment: details.clearable("comment", maxText),
		feedback: details.choice("feedback", "", "customer_service", "low_quality", "missing_features", "other",
			"switched_service", "too_complex", "too_expensive", "unused"),
	}
}

func (change cancellationChange) applyTo(x *subscription) {
	setNullable(&x.CancellationDetails.Comment, change.comment)
	setNullable(&x.CancellationDetails.Feedback, change.feedback)
}

// cancelSubscription ends a subscription at once. One that has ended already cannot be found here, only by GET.
func cancelSubscription(c *call) (any, error) {
	details := readCancellation(c.params)
	invoiceNow := orDefault(c.params.boolean("invoice_now"), false)
	prorate := orDefault(c.params.boolean("prorate"), false)
	if err := c.params.done(); err != nil {
		return nil, err
	}
	sub, err := c.subscriptionByID(c.id())
	if err != nil {
		return nil, err
	}
	if sub.ended() {
		return nil, notFound("subscription", sub.ID, "id")
	}
	details.applyTo(sub)
	if prorate {
		if err := c.creditUnusedTime(sub); err != nil {
			return nil, err
		}
	}
	if invoiceNow {
		if _, err := c.collectPending(sub); err != nil {
			return nil, err
		}
	}
	return sub, c.end(sub, reasonRequested)
}

// end cancels a subscription. Its open invoices stay open and can still be paid, but nothing collects them any more.
func (c *tx) end(sub *subscription, reason string) error {
	sub.Status, sub.EndedAt, sub.CancellationDetails.Reason = statusCanceled, &c.now, &reason
	if sub.CanceledAt == nil {
		sub.CanceledAt = &c.now
	}
	if err := c.update(sub, "customer.subscription.deleted"); err != nil {
		return err
	}
	unpaid, err := findAll[invoice](c, "invoice", equal("subscription", sub.ID), oneOf("status", []string{"draft", "open"}))
	if err != nil {
		return err
	}
	for _, due := range unpaid {
		due.AutoAdvance, due.NextPaymentAttempt = false, nil
		if err := c.update(due, "invoice.updated"); err != nil {
			return err
		}
	}
	return nil
}

// endAll cancels whatever a deleted customer was still subscribed to.
func (c *tx) endAll(customerID string) error {
	subs, err := findAll[subscription](c, "subscription", equal("customer", customerID))
	if err != nil {
		return err
	}
	for _, sub := range slices.DeleteFunc(subs, (*subscription).ended) {
		if err := c.end(sub, reasonRequested); err != nil {
			return err
		}
	}
	return nil
}

// resumeSubscription takes a paused subscription up again: it is active once the invoice for the new period is paid.
func resumeSubscription(c *call) (any, error) {
	anchor := orDefault(c.params.choice("billing_cycle_anchor", "now", "unchanged"), "now")
	c.params.choice("proration_behavior", "always_invoice", "create_prorations", "none")
	c.params.integer("proration_date")
	if err := c.params.done(); err != nil {
		return nil, err
	}
	sub, err := c.subscriptionByID(c.id())
	if err != nil {
		return nil, err
	}
	if sub.Status != statusPaused {
		return nil, invalid("", "You can only resume a paused subscription; this one is %s.", sub.Status)
	}
	if anchor == "unchanged" && c.now < sub.CurrentPeriodEnd {
		sub.Status = statusActive
		if err := c.update(sub, "customer.subscription.updated"); err != nil {
			return nil, err
		}
		return sub, c.emit("customer.subscription.resumed", sub, nil)
	}
	if _, err := c.renew(sub, reasonUpdate); err != nil {
		return nil, err
	}
	return c.subscriptionByID(sub.ID)
}

// renew begins a new period now and collects its invoice. Declined says why the money did not come; the subscription
// then is what that makes of it.
func (c *tx) renew(sub *subscription, reason string) (declined *apiError, err error) {
	due, err := c.beginPeriod(sub, reason)
	if err != nil {
		return nil, err
	}
	return c.collect(due)
}

// beginPeriod starts a new billing period now, with a draft invoice for it.
func (c *tx) beginPeriod(sub *subscription, reason string) (*invoice, error) {
	terms, err := c.priceByID(sub.Items.Data[0].Price)
	if err != nil {
		return nil, err
	}
	sub.BillingCycleAnchor, sub.CurrentPeriodStart = c.now, c.now
	sub.CurrentPeriodEnd = periodEnd(c.now, c.now, terms.Recurring)
	if sub.CancelAtPeriodEnd {
		sub.CancelAt = &sub.CurrentPeriodEnd
	}
	lines, err := c.periodLines(sub)
	if err != nil {
		return nil, err
	}
	return c.draft(sub, reason, sub.CurrentPeriodStart, lines)
}

// draft makes the subscription's next invoice, out of what is pending since a moment and the given lines.
func (c *tx) draft(sub *subscription, reason string, since int64, lines []invoiceLine) (*invoice, error) {
	payer, err := find[customer](c, "customer", sub.Customer, notFound("customer", sub.Customer, "customer"))
	if err != nil {
		return nil, err
	}
	pending, err := c.pendingOf(sub)
	if err != nil {
		return nil, err
	}
	invoiceID := newID("in_1")
	var moved []invoiceLine
	for _, item := range pending {
		line, err := c.moveTo(item, invoiceID)
		if err != nil {
			return nil, err
		}
		moved = append(moved, line)
	}
	due := c.newInvoice(invoiceID, sub, payer, reason, append(moved, lines...))
	due.PeriodStart = since
	sub.LatestInvoice = &due.ID
	if err := c.update(sub, "customer.subscription.updated"); err != nil {
		return nil, err
	}
	return due, c.create(due, "invoice.created")
}

// collect finalizes a subscription's invoice and charges it for the first time, or leaves it to be sent.
func (c *tx) collect(due *invoice) (declined *apiError, err error) {
	if due.CollectionMethod == sendInvoices {
		return nil, nil
	}
	if err := c.finalize(due); err != nil || due.Status == "paid" {
		return nil, err
	}
	return c.chargeDefault(due)
}

// chargeDefault is an automatic attempt to get an open invoice's money.
func (c *tx) chargeDefault(due *invoice) (declined *apiError, err error) {
	due.countAttempt(true)
	method, err := c.defaultMethod(due)
	if err != nil {
		return nil, err
	}
	if method == nil {
		intent, err := c.intentOf(due)
		if err != nil {
			return nil, err
		}
		return c.paymentFailed(due, intent, noPaymentMethod())
	}
	return c.charge(due, method)
}
