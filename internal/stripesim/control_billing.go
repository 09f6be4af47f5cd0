package stripesim

import (
	"net/http"
)

// controlTrial is how long the trial lasts that putSubscription starts.
const controlTrial = 14 * secondsPerDay

// putSubscription brings a subscription into a status by the way that leads there in effect: a past due one has an
// unpaid renewal, an incomplete one an open first invoice, and so on. The status past which there is no way, an end, stays.
func putSubscription(c *call) (any, error) {
	var in struct{ Status, Reason string }
	if err := readControl(c.http, &in); err != nil {
		return nil, invalid("", "%s", err.Error())
	}
	sub, err := c.subscriptionByID(c.id())
	if err != nil {
		return nil, err
	}
	if sub.ended() && sub.Status != in.Status {
		return nil, conflict("the subscription has ended: it is " + sub.Status)
	}
	if sub.Status == in.Status {
		return sub, nil
	}
	switch in.Status {
	case statusActive:
		err = c.bringBack(sub)
	case statusPastDue, statusUnpaid:
		err = c.fallBehind(sub, in.Status)
	case statusIncomplete:
		err = c.startOver(sub)
	case statusIncompleteExpired:
		err = c.expire(sub)
	case statusTrialing:
		err = c.startTrial(sub)
	case statusPaused:
		err = c.pause(sub)
	case statusCanceled:
		err = c.endFor(sub, in.Reason)
	default:
		err = invalid("", "no such status: %q", in.Status)
	}
	if err != nil {
		return nil, err
	}
	return c.subscriptionByID(sub.ID)
}

func conflict(message string) *apiError {
	e := invalid("", "%s", message)
	e.status = http.StatusConflict
	return e
}

// standIn is a card for one attempt that does not touch the customer's own payment methods.
func (c *tx) standIn(token string) (*paymentMethod, error) {
	method := c.newPaymentMethod(testCards[token])
	return method, c.insert(method)
}

// attempt charges an open invoice to a stand-in card.
func (c *tx) attempt(due *invoice, token string) error {
	method, err := c.standIn(token)
	if err != nil {
		return err
	}
	_, err = c.charge(due, method)
	return err
}

// bringBack pays what is open. Where nothing is, because a trial or a pause ends, a new period begins and is paid.
func (c *tx) bringBack(sub *subscription) error {
	due, err := c.invoiceByID(*sub.LatestInvoice)
	if err != nil {
		return err
	}
	if due.Status != "open" {
		sub.TrialEnd = endOfTrial(sub, c.now)
		if sub.Status != statusPaused {
			sub.Status = statusActive
		}
		if due, err = c.openPeriod(sub, reasonCycle); err != nil || due.Status == "paid" {
			return err
		}
	}
	return c.attempt(due, "pm_card_visa")
}

// endOfTrial is when the trial ended, at the latest now; nil when there was none.
func endOfTrial(sub *subscription, now int64) *int64 {
	if sub.TrialEnd == nil || *sub.TrialEnd < now {
		return sub.TrialEnd
	}
	return &now
}

// openPeriod begins a new period with a finalized invoice.
func (c *tx) openPeriod(sub *subscription, reason string) (*invoice, error) {
	due, err := c.beginPeriod(sub, reason)
	if err != nil {
		return nil, err
	}
	return due, c.finalize(due)
}

// fallBehind renews the subscription with a payment that fails.
func (c *tx) fallBehind(sub *subscription, status string) error {
	if sub.Status == statusPastDue && status == statusUnpaid {
		sub.Status = status
		return c.update(sub, "customer.subscription.updated")
	}
	sub.Status, sub.TrialEnd = statusActive, endOfTrial(sub, c.now)
	due, err := c.openPeriod(sub, reasonCycle)
	if err != nil {
		return err
	}
	if due.Status == "paid" {
		return conflict("a period of this subscription costs nothing, so it cannot fall behind")
	}
	if err := c.attempt(due, "pm_card_chargeDeclined"); err != nil {
		return err
	}
	late, err := c.subscriptionByID(sub.ID)
	if err != nil {
		return err
	}
	late.Status = status
	return c.update(late, "customer.subscription.updated")
}

// startOver puts the subscription before its first payment, which has failed.
func (c *tx) startOver(sub *subscription) error {
	sub.Status, sub.TrialStart, sub.TrialEnd = statusIncomplete, nil, nil
	due, err := c.openPeriod(sub, reasonCreate)
	if err != nil {
		return err
	}
	if due.Status == "paid" {
		return conflict("a period of this subscription costs nothing, so its first payment cannot fail")
	}
	return c.attempt(due, "pm_card_chargeDeclined")
}

// expire lets the time for the first payment run out.
func (c *tx) expire(sub *subscription) error {
	if sub.Status != statusIncomplete {
		if err := c.startOver(sub); err != nil {
			return err
		}
	}
	first, err := c.invoiceByID(*sub.LatestInvoice)
	if err != nil {
		return err
	}
	return c.void(first)
}

// startTrial starts a trial now, with the empty invoice that trials begin with.
func (c *tx) startTrial(sub *subscription) error {
	end := c.now + controlTrial
	sub.Status, sub.TrialStart, sub.TrialEnd = statusTrialing, &c.now, &end
	sub.BillingCycleAnchor, sub.CurrentPeriodStart, sub.CurrentPeriodEnd = end, c.now, end
	lines, err := c.periodLines(sub)
	if err != nil {
		return err
	}
	due, err := c.draft(sub, reasonUpdate, sub.CurrentPeriodStart, lines)
	if err != nil {
		return err
	}
	return c.finalize(due)
}

// pause is what the end of a trial without a payment method comes to, when the trial's settings say so.
func (c *tx) pause(sub *subscription) error {
	if sub.TrialStart == nil {
		sub.TrialStart, sub.TrialEnd = &sub.StartDate, &c.now
	}
	sub.Status, sub.TrialEnd = statusPaused, endOfTrial(sub, c.now)
	sub.TrialSettings.EndBehavior.MissingPaymentMethod = "pause"
	if err := c.update(sub, "customer.subscription.updated"); err != nil {
		return err
	}
	return c.emit("customer.subscription.paused", sub, nil)
}

func (c *tx) endFor(sub *subscription, reason string) error {
	switch reason {
	case "":
		reason = reasonRequested
	case reasonRequested, reasonFailed, reasonDisputed:
	default:
		return invalid("", "no such reason: %q", reason)
	}
	return c.end(sub, reason)
}

// authenticatePayment plays the card's holder in front of a 3-D Secure challenge.
func authenticatePayment(c *call) (any, error) {
	var in struct{ Authentication string }
	if err := readControl(c.http, &in); err != nil {
		return nil, invalid("", "%s", err.Error())
	}
	intent, err := c.paymentIntent()
	if err != nil {
		return nil, err
	}
	if intent.Status != "requires_action" {
		return nil, conflict("the payment intent does not wait for authentication: it is " + intent.Status)
	}
	due, err := c.invoiceByID(*intent.Invoice)
	if err != nil {
		return nil, err
	}
	method, err := c.payingMethod(*intent.PaymentMethod, intent.Customer)
	if err != nil {
		return nil, err
	}
	switch in.Authentication {
	case "succeeded":
		err = c.succeed(due, intent, method)
	case "failed":
		_, err = c.decline(due, intent, method, "authentication_required")
	default:
		err = invalid("", "authentication: %q is neither succeeded nor failed", in.Authentication)
	}
	if err != nil {
		return nil, err
	}
	return c.paymentIntent()
}
