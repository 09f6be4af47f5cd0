package stripesim

// The ends that dunning can come to, by the account's setting.
const (
	dunningSetting = "dunning_end"
	dunningCancels = "cancel"
	dunningUnpaid  = "unpaid"
	dunningPastDue = "past_due"
)

// retryAfterDays is how many days lie between a failed payment and the next automatic attempt; after the last of these
// the sandbox gives up. Stripe picks its moments by machine learning, which no test could wait for.
var retryAfterDays = []int64{3, 5, 7}

func (x *invoice) clock() string { return orDefault(x.TestClock, "") }

// nextDue is when a draft is finalized, a payment tried again, or a sent invoice overdue.
func (x *invoice) nextDue(after int64) int64 {
	switch {
	case x.Status == "draft" && x.AutoAdvance:
		return x.Created + draftLife
	case x.Status != "open":
		return 0
	case x.CollectionMethod == sendInvoices && x.DueDate != nil && *x.DueDate > after:
		return *x.DueDate
	case x.CollectionMethod == chargeAutomatically && x.AutoAdvance:
		return orDefault(x.NextPaymentAttempt, 0)
	}
	return 0
}

// liveInvoice does what is due for an invoice.
func liveInvoice(c *tx, id string) error {
	due, err := c.invoiceByID(id)
	if err != nil {
		return err
	}
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil {
		return err
	}
	switch {
	case due.Status == "draft" && sub.PauseCollection != nil:
		return c.setAside(due, sub.PauseCollection.Behavior)
	case due.Status == "draft" && due.CollectionMethod == sendInvoices:
		if err := c.finalize(due); err != nil || due.Status != "open" {
			return err
		}
		return c.emit("invoice.sent", due, nil)
	case due.Status == "draft":
		_, err = c.collect(due)
		return err
	case due.CollectionMethod == sendInvoices:
		return c.overdue(sub, due)
	}
	_, err = c.chargeDefault(due)
	return err
}

// setAside is what becomes of a draft while collection is paused.
func (c *tx) setAside(due *invoice, behavior string) error {
	if behavior == "keep_as_draft" {
		due.AutoAdvance, due.NextPaymentAttempt = false, nil
		return c.update(due, "invoice.updated")
	}
	if err := c.finalize(due); err != nil || due.Status != "open" {
		return err
	}
	if behavior == "void" {
		return c.void(due)
	}
	return c.writeOff(due)
}

// overdue makes a subscription past due whose latest invoice was not paid by its date.
func (c *tx) overdue(sub *subscription, due *invoice) error {
	if sub.Status != statusActive || sub.LatestInvoice == nil || *sub.LatestInvoice != due.ID {
		return nil
	}
	sub.Status = statusPastDue
	if err := c.update(sub, "customer.subscription.updated"); err != nil {
		return err
	}
	return c.setDelinquent(sub.Customer, true)
}

// countAttempt counts a payment attempt as Stripe does: the first one whoever makes it, then only the automatic ones.
func (x *invoice) countAttempt(automatic bool) {
	x.Attempted = true
	if automatic || x.AttemptCount == 0 {
		x.AttemptCount++
		x.NextPaymentAttempt = nil
	}
}

// retried says whether failed payments of the invoice are tried again by themselves. A first invoice's are not: until it
// is paid, there is no subscription to keep alive.
func (x *invoice) retried() bool {
	return x.AutoAdvance && x.BillingReason != reasonCreate && x.CollectionMethod == chargeAutomatically
}

// planRetry sets the next automatic attempt, unless one is planned already. It reports whether dunning is at its end.
func (x *invoice) planRetry(now int64) (exhausted bool) {
	if !x.retried() {
		x.NextPaymentAttempt = nil
		return false
	}
	if x.AttemptCount > int64(len(retryAfterDays)) {
		return x.NextPaymentAttempt == nil
	}
	if x.NextPaymentAttempt == nil {
		next := now + retryAfterDays[max(x.AttemptCount, 1)-1]*secondsPerDay
		x.NextPaymentAttempt = &next
	}
	return false
}

// giveUp ends the dunning of a subscription as the account's setting says.
func (c *tx) giveUp(subscriptionID string) error {
	sub, err := c.subscriptionByID(subscriptionID)
	if err != nil || sub.Status != statusPastDue {
		return err
	}
	end, err := c.setting(dunningSetting, dunningCancels)
	if err != nil {
		return err
	}
	switch end {
	case dunningCancels:
		return c.end(sub, reasonFailed)
	case dunningUnpaid:
		sub.Status = statusUnpaid
		return c.update(sub, "customer.subscription.updated")
	}
	return nil
}
