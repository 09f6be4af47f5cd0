// Package subscription has subscriptions and what they lead to: invoices, payments,
// prorations and ends.
package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// The statuses of a subscription.
const (
	StatusIncomplete        = "incomplete"
	StatusIncompleteExpired = "incomplete_expired"
	StatusTrialing          = "trialing"
	StatusActive            = "active"
	StatusPastDue           = "past_due"
	StatusCanceled          = "canceled"
	StatusUnpaid            = "unpaid"
	StatusPaused            = "paused"
)

// How a subscription's invoices are paid.
const (
	ChargeAutomatically = "charge_automatically"
	sendInvoices        = "send_invoice"
)

// The reasons for a subscription's end.
const (
	ReasonRequested = "cancellation_requested"
	ReasonFailed    = "payment_failed"
	ReasonDisputed  = "payment_disputed"
)

// Subscription is a customer's standing order for prices.
type Subscription struct {
	state.Record
	BillingCycleAnchor   int64                           `json:"billing_cycle_anchor"`
	CancelAt             *int64                          `json:"cancel_at"`
	CancelAtPeriodEnd    bool                            `json:"cancel_at_period_end"`
	CanceledAt           *int64                          `json:"canceled_at"`
	CancellationDetails  cancellationDetails             `json:"cancellation_details"`
	CollectionMethod     string                          `json:"collection_method"`
	Currency             string                          `json:"currency"`
	CurrentPeriodEnd     int64                           `json:"current_period_end"`
	CurrentPeriodStart   int64                           `json:"current_period_start"`
	Customer             string                          `json:"customer"`
	DaysUntilDue         *int64                          `json:"days_until_due"`
	DefaultPaymentMethod *string                         `json:"default_payment_method"`
	DefaultTaxRates      []string                        `json:"default_tax_rates,omitempty"`
	Description          *string                         `json:"description"`
	Discount             *string                         `json:"discount"`
	EndedAt              *int64                          `json:"ended_at"`
	Items                state.Sublist[subscriptionItem] `json:"items"`
	LatestInvoice        *string                         `json:"latest_invoice"`
	Metadata             map[string]string               `json:"metadata"`
	PauseCollection      *pauseCollection                `json:"pause_collection"`
	PendingSetupIntent   *string                         `json:"pending_setup_intent"`
	PaymentSettings      paymentSettings                 `json:"payment_settings"`
	Schedule             *string                         `json:"schedule"`
	StartDate            int64                           `json:"start_date"`
	Status               string                          `json:"status"`
	TestClock            *string                         `json:"test_clock"`
	TrialEnd             *int64                          `json:"trial_end"`
	TrialSettings        trialSettings                   `json:"trial_settings"`
	TrialStart           *int64                          `json:"trial_start"`
}

type subscriptionItem struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	Created      int64             `json:"created"`
	Metadata     map[string]string `json:"metadata"`
	Price        string            `json:"price"`
	Quantity     *int64            `json:"quantity,omitempty"` // none when it is metered
	Subscription string            `json:"subscription"`
	TaxRates     []string          `json:"tax_rates,omitempty"`
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

// Ended says whether the subscription is over for good.
func (x *Subscription) Ended() bool {
	return x.Status == StatusCanceled || x.Status == StatusIncompleteExpired
}

// SubscriptionByID loads a subscription that another object refers to.
func SubscriptionByID(t *state.Tx, id string) (*Subscription, error) {
	return state.Find[Subscription](t, "subscription", id, apierror.NotFound("subscription", id, "id"))
}

func getSubscription(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return SubscriptionByID(c.Tx, c.ID())
}

// listSubscriptions leaves the canceled ones out unless it is asked for them.
func listSubscriptions(c *state.Request) (any, error) {
	list := c.NewList("subscription", "/v1/subscriptions")
	customerID := c.Params.Text("customer", form.MaxText)
	list.MatchObject("customer", "customer", customerID)
	list.MatchTestClock(customerID != nil)
	if priceID := c.Params.Text("price", form.MaxText); priceID != nil {
		list.Where(state.Condition{
			Sql:  "EXISTS (SELECT 1 FROM json_each(body, '$.items.data') AS item WHERE item.value ->> '$.price' = ?)",
			Args: []any{*priceID},
		})
	}
	switch status := form.OrDefault(c.Params.Choice("status", StatusActive, "all", StatusCanceled, "ended", StatusIncomplete,
		StatusIncompleteExpired, StatusPastDue, StatusPaused, StatusTrialing, StatusUnpaid), ""); status {
	case "":
		list.Where(state.Condition{Sql: "body ->> '$.status' <> ?", Args: []any{StatusCanceled}})
	case "all":
	case "ended":
		list.Where(state.OneOf("status", []string{StatusCanceled, StatusIncompleteExpired}))
	default:
		list.Where(state.Equal("status", status))
	}
	list.Match("collection_method", c.Params.Choice("collection_method", ChargeAutomatically, sendInvoices))
	for _, field := range []string{"created", "current_period_end", "current_period_start"} {
		list.MatchTime(field)
	}
	return list.Run("automatic_tax")
}

// cancellationChange is what a request says about why a subscription ends.
type cancellationChange struct{ comment, feedback *string }

func readCancellation(p *form.Params) cancellationChange {
	details := p.Object("cancellation_details")
	if details == nil {
		return cancellationChange{}
	}
	return cancellationChange{
		comment: details.Clearable("comment", form.MaxText),
		feedback: details.Choice("feedback", "", "customer_service", "low_quality", "missing_features", "other",
			"switched_service", "too_complex", "too_expensive", "unused"),
	}
}

func (change cancellationChange) applyTo(x *Subscription) {
	form.SetNullable(&x.CancellationDetails.Comment, change.comment)
	form.SetNullable(&x.CancellationDetails.Feedback, change.feedback)
}

// cancelSubscription ends a subscription at once. One that has ended already cannot be
// found here, only by GET.
func cancelSubscription(c *state.Request) (any, error) {
	details := readCancellation(c.Params)
	invoiceNow := form.OrDefault(c.Params.Boolean("invoice_now"), false)
	prorate := form.OrDefault(c.Params.Boolean("prorate"), false)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, err := SubscriptionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if sub.Ended() {
		return nil, apierror.NotFound("subscription", sub.ID, "id")
	}
	details.applyTo(sub)
	if prorate {
		if err := creditUnusedTime(c.Tx, sub); err != nil {
			return nil, err
		}
	}
	if invoiceNow {
		if err := billUsage(c.Tx, sub); err != nil {
			return nil, err
		}
		if _, err := collectPending(c.Tx, sub); err != nil {
			return nil, err
		}
	}
	return sub, End(c.Tx, sub, ReasonRequested)
}

// End cancels a subscription. Its open invoices stay open and can still be paid, but
// nothing collects them any more.
func End(t *state.Tx, sub *Subscription, reason string) error {
	sub.Status, sub.EndedAt, sub.CancellationDetails.Reason = StatusCanceled, &t.Now, &reason
	if sub.CanceledAt == nil {
		sub.CanceledAt = &t.Now
	}
	if err := t.Update(sub, "customer.subscription.deleted"); err != nil {
		return err
	}
	unpaid, err := state.FindAll[Invoice](t, "invoice", state.Equal("subscription", sub.ID), state.OneOf("status", []string{"draft", "open"}))
	if err != nil {
		return err
	}
	for _, due := range unpaid {
		due.AutoAdvance, due.NextPaymentAttempt = false, nil
		if err := t.Update(due, "invoice.updated"); err != nil {
			return err
		}
	}
	return endSchedule(t, sub)
}

// endAll cancels whatever a deleted customer was still subscribed to, or going to be.
func endAll(t *state.Tx, customerID string) error {
	subs, err := state.FindAll[Subscription](t, "subscription", state.Equal("customer", customerID))
	if err != nil {
		return err
	}
	for _, sub := range slices.DeleteFunc(subs, (*Subscription).Ended) {
		if err := End(t, sub, ReasonRequested); err != nil {
			return err
		}
	}
	planned, err := state.FindAll[Schedule](t, "subscription_schedule", state.Equal("customer", customerID), state.Equal("status", scheduleNotStarted))
	if err != nil {
		return err
	}
	for _, schedule := range planned {
		if err := schedule.cancel(t); err != nil {
			return err
		}
	}
	return nil
}

// resumeSubscription takes a paused subscription up again: it is active once the
// invoice for the new period is paid.
func resumeSubscription(c *state.Request) (any, error) {
	anchor := form.OrDefault(c.Params.Choice("billing_cycle_anchor", "now", "unchanged"), "now")
	c.Params.Choice("proration_behavior", "always_invoice", "create_prorations", "none")
	if err := c.Params.Done("proration_date"); err != nil {
		return nil, err
	}
	sub, err := SubscriptionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if sub.Ended() {
		return nil, apierror.NotFound("subscription", sub.ID, "id")
	}
	if sub.Status != StatusPaused {
		return nil, apierror.Invalid("", "You can only resume a paused subscription; this one is %s.", sub.Status)
	}
	if anchor == "unchanged" && c.Now < sub.CurrentPeriodEnd {
		sub.Status = StatusActive
		if err := c.Update(sub, "customer.subscription.updated"); err != nil {
			return nil, err
		}
		return sub, c.Emit("customer.subscription.resumed", sub, nil)
	}
	if _, err := renew(c.Tx, sub, ReasonUpdate); err != nil {
		return nil, err
	}
	return SubscriptionByID(c.Tx, sub.ID)
}

// renew begins a new period now and collects its invoice. Declined says why the money
// did not come; the subscription then is what that makes of it.
func renew(t *state.Tx, sub *Subscription, reason string) (declined *apierror.Error, err error) {
	due, err := beginPeriod(t, sub, reason)
	if err != nil {
		return nil, err
	}
	return collectInvoice(t, due)
}

// beginPeriod starts a new billing period now, with a draft invoice for it.
func beginPeriod(t *state.Tx, sub *Subscription, reason string) (*Invoice, error) {
	terms, err := catalog.PriceByID(t, sub.Items.Data[0].Price)
	if err != nil {
		return nil, err
	}
	used := period{Start: sub.CurrentPeriodStart, End: t.Now}
	if sub.TrialEnd != nil && *sub.TrialEnd == t.Now {
		used = period{} // a trial is free, whatever was used
	}
	sub.BillingCycleAnchor, sub.CurrentPeriodStart = t.Now, t.Now
	sub.CurrentPeriodEnd = billing.PeriodEnd(t.Now, t.Now, terms.Recurring)
	if sub.CancelAtPeriodEnd {
		sub.CancelAt = &sub.CurrentPeriodEnd
	}
	lines, err := linesAfter(t, sub, used)
	if err != nil {
		return nil, err
	}
	return DraftInvoice(t, sub, reason, sub.CurrentPeriodStart, lines)
}

// DraftInvoice makes the subscription's next invoice, out of what is pending since a
// moment and the given lines.
func DraftInvoice(t *state.Tx, sub *Subscription, reason string, since int64, lines []InvoiceLine) (*Invoice, error) {
	payer, err := state.Find[customer.Customer](t, "customer", sub.Customer, apierror.NotFound("customer", sub.Customer, "customer"))
	if err != nil {
		return nil, err
	}
	invoiceID := state.NewID("in_1")
	moved, err := takePending(t, sub, invoiceID)
	if err != nil {
		return nil, err
	}
	due, err := newInvoice(t, invoiceID, sub, payer, reason, append(moved, lines...))
	if err != nil {
		return nil, err
	}
	due.PeriodStart = since
	sub.LatestInvoice = &due.ID
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return nil, err
	}
	return due, t.Create(due, "invoice.created")
}

// collectInvoice finalizes a subscription's invoice and charges it for the first time,
// or leaves it to be sent.
func collectInvoice(t *state.Tx, due *Invoice) (declined *apierror.Error, err error) {
	if due.CollectionMethod == sendInvoices {
		return nil, nil
	}
	if err := Finalize(t, due); err != nil || due.Status == "paid" {
		return nil, err
	}
	return chargeDefault(t, due)
}

// chargeDefault is an automatic attempt to get an open invoice's money.
func chargeDefault(t *state.Tx, due *Invoice) (declined *apierror.Error, err error) {
	due.countAttempt(true)
	method, err := defaultMethod(t, due)
	if err != nil {
		return nil, err
	}
	if method == nil {
		intent, err := IntentOf(t, due)
		if err != nil {
			return nil, err
		}
		return paymentFailed(t, due, intent, apierror.NoPaymentMethod())
	}
	return chargeInvoice(t, due, method)
}
