package subscription

import (
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Clock implements [state.Living].
func (x *Invoice) Clock() string { return form.OrDefault(x.TestClock, "") }

// NextDue is when a draft is finalized, a payment tried again, or a sent invoice overdue.
func (x *Invoice) NextDue(after int64) int64 {
	switch {
	case x.Status == "draft" && x.AutoAdvance:
		return x.Created + billing.DraftLife
	case x.Status != "open":
		return 0
	case x.CollectionMethod == sendInvoices && x.DueDate != nil && *x.DueDate > after:
		return *x.DueDate
	case x.CollectionMethod == ChargeAutomatically && x.AutoAdvance:
		return form.OrDefault(x.NextPaymentAttempt, 0)
	}
	return 0
}

// LiveInvoice does what is due for an invoice.
func LiveInvoice(t *state.Tx, id string) error {
	due, err := InvoiceByID(t, id)
	if err != nil {
		return err
	}
	sub, err := subscriptionOf(t, due)
	if err != nil {
		return err
	}
	switch {
	case due.Status == "draft" && sub != nil && sub.PauseCollection != nil:
		return setAside(t, due, sub.PauseCollection.Behavior)
	case due.Status == "draft" && due.CollectionMethod == sendInvoices:
		if err := Finalize(t, due); err != nil || due.Status != "open" {
			return err
		}
		return t.Emit("invoice.sent", due, nil)
	case due.Status == "draft":
		_, err = collectInvoice(t, due)
		return err
	case due.CollectionMethod == sendInvoices:
		return fallOverdue(t, sub, due)
	}
	_, err = chargeDefault(t, due)
	return err
}

// setAside is what becomes of a draft while collection is paused.
func setAside(t *state.Tx, due *Invoice, behavior string) error {
	if behavior == "keep_as_draft" {
		due.AutoAdvance, due.NextPaymentAttempt = false, nil
		return t.Update(due, "invoice.updated")
	}
	if err := Finalize(t, due); err != nil || due.Status != "open" {
		return err
	}
	if behavior == "void" {
		return markVoid(t, due)
	}
	return writeOff(t, due)
}

// fallOverdue makes a subscription past due whose latest invoice was not paid by its date.
func fallOverdue(t *state.Tx, sub *Subscription, due *Invoice) error {
	if sub == nil || sub.Status != StatusActive || sub.LatestInvoice == nil || *sub.LatestInvoice != due.ID {
		return nil
	}
	sub.Status = StatusPastDue
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return err
	}
	return setDelinquent(t, sub.Customer, true)
}

// purpose is what the payment of an invoice says that it is for.
func (x *Invoice) purpose() *string {
	text := "Subscription update"
	switch {
	case x.Subscription == "":
		text = "Payment for Invoice"
	case x.BillingReason == reasonCreate:
		text = "Subscription creation"
	}
	return &text
}

// countAttempt counts a payment attempt as Stripe does: the first one whoever makes it,
// then only the automatic ones.
func (x *Invoice) countAttempt(automatic bool) {
	x.Attempted = true
	if automatic || x.AttemptCount == 0 {
		x.AttemptCount++
		x.NextPaymentAttempt = nil
	}
}

// retried says whether failed payments of the invoice are tried again by themselves. A
// first invoice's are not: until it is paid, there is no subscription to keep alive.
func (x *Invoice) retried() bool {
	return x.AutoAdvance && x.BillingReason != reasonCreate && x.CollectionMethod == ChargeAutomatically
}

// planRetry sets the next automatic attempt, unless one is planned already. It reports
// whether dunning is at its end.
func (x *Invoice) planRetry(now int64) (exhausted bool) {
	if !x.retried() {
		x.NextPaymentAttempt = nil
		return false
	}
	wait, more := billing.RetryWait(x.AttemptCount)
	if !more {
		return x.NextPaymentAttempt == nil
	}
	if x.NextPaymentAttempt == nil {
		next := now + wait
		x.NextPaymentAttempt = &next
	}
	return false
}

// giveUp ends the dunning of a subscription as the account's setting says.
func giveUp(t *state.Tx, subscriptionID string) error {
	sub, err := SubscriptionByID(t, subscriptionID)
	if err != nil || sub.Status != StatusPastDue {
		return err
	}
	end, err := t.Setting(state.DunningSetting, state.DunningCancels)
	if err != nil {
		return err
	}
	switch end {
	case state.DunningCancels:
		return End(t, sub, ReasonFailed)
	case state.DunningUnpaid:
		sub.Status = StatusUnpaid
		return t.Update(sub, "customer.subscription.updated")
	}
	return nil
}
