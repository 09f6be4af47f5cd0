package control

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// controlTrial is how long the trial lasts that putSubscription starts.
const controlTrial = 14 * billing.SecondsPerDay

// putSubscription brings a subscription into a status by the way that leads there in
// effect: a past due one has an unpaid renewal, an incomplete one an open first
// invoice, and so on. The status past which there is no way, an end, stays.
func putSubscription(c *state.Request) (any, error) {
	var in struct{ Status, Reason string }
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err.Error())
	}
	sub, err := subscription.SubscriptionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if sub.Ended() && sub.Status != in.Status {
		return nil, apierror.Conflict("the subscription has ended: it is " + sub.Status)
	}
	if sub.Status == in.Status {
		return sub, nil
	}
	switch in.Status {
	case subscription.StatusActive:
		err = bringBack(c.Tx, sub)
	case subscription.StatusPastDue, subscription.StatusUnpaid:
		err = fallBehind(c.Tx, sub, in.Status)
	case subscription.StatusIncomplete:
		err = subscription.StartOver(c.Tx, sub)
	case subscription.StatusIncompleteExpired:
		err = subscription.Expire(c.Tx, sub)
	case subscription.StatusTrialing:
		err = startTrial(c.Tx, sub)
	case subscription.StatusPaused:
		err = subscription.Pause(c.Tx, sub)
	case subscription.StatusCanceled:
		err = endFor(c.Tx, sub, in.Reason)
	default:
		err = apierror.Invalid("", "no such status: %q", in.Status)
	}
	if err != nil {
		return nil, err
	}
	return subscription.SubscriptionByID(c.Tx, sub.ID)
}

// bringBack pays what is open. Where nothing is, because a trial or a pause ends, a new
// period begins and is paid.
func bringBack(t *state.Tx, sub *subscription.Subscription) error {
	due, err := subscription.InvoiceByID(t, *sub.LatestInvoice)
	if err != nil {
		return err
	}
	if due.Status != "open" {
		sub.TrialEnd = subscription.EndOfTrial(sub, t.Now)
		if sub.Status != subscription.StatusPaused {
			sub.Status = subscription.StatusActive
		}
		if due, err = subscription.OpenPeriod(t, sub, subscription.ReasonCycle); err != nil || due.Status == "paid" {
			return err
		}
	}
	return subscription.Attempt(t, due, "pm_card_visa")
}

// fallBehind renews the subscription with a payment that fails.
func fallBehind(t *state.Tx, sub *subscription.Subscription, status string) error {
	if sub.Status == subscription.StatusPastDue && status == subscription.StatusUnpaid {
		sub.Status = status
		return t.Update(sub, "customer.subscription.updated")
	}
	sub.Status, sub.TrialEnd = subscription.StatusActive, subscription.EndOfTrial(sub, t.Now)
	due, err := subscription.OpenPeriod(t, sub, subscription.ReasonCycle)
	if err != nil {
		return err
	}
	if due.Status == "paid" {
		return apierror.Conflict("a period of this subscription costs nothing, so it cannot fall behind")
	}
	if err := subscription.Attempt(t, due, "pm_card_chargeDeclined"); err != nil {
		return err
	}
	late, err := subscription.SubscriptionByID(t, sub.ID)
	if err != nil {
		return err
	}
	late.Status = status
	return t.Update(late, "customer.subscription.updated")
}

// startTrial starts a trial now, with the empty invoice that trials begin with.
func startTrial(t *state.Tx, sub *subscription.Subscription) error {
	end := t.Now + controlTrial
	sub.Status, sub.TrialStart, sub.TrialEnd = subscription.StatusTrialing, &t.Now, &end
	sub.BillingCycleAnchor, sub.CurrentPeriodStart, sub.CurrentPeriodEnd = end, t.Now, end
	lines, err := subscription.PeriodLines(t, sub)
	if err != nil {
		return err
	}
	due, err := subscription.DraftInvoice(t, sub, subscription.ReasonUpdate, sub.CurrentPeriodStart, lines)
	if err != nil {
		return err
	}
	return subscription.Finalize(t, due)
}

func endFor(t *state.Tx, sub *subscription.Subscription, reason string) error {
	switch reason {
	case "":
		reason = subscription.ReasonRequested
	case subscription.ReasonRequested, subscription.ReasonFailed, subscription.ReasonDisputed:
	default:
		return apierror.Invalid("", "no such reason: %q", reason)
	}
	return subscription.End(t, sub, reason)
}

// authenticatePayment plays the card's holder in front of a 3-D Secure challenge.
func authenticatePayment(c *state.Request) (any, error) {
	var in struct{ Authentication string }
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err.Error())
	}
	intent, err := subscription.NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	if intent.Status != "requires_action" {
		return nil, apierror.Conflict("the payment intent does not wait for authentication: it is " + intent.Status)
	}
	if intent.Invoice == nil {
		return authenticateAlone(c, intent, in.Authentication)
	}
	due, err := subscription.InvoiceByID(c.Tx, *intent.Invoice)
	if err != nil {
		return nil, err
	}
	method, err := customer.PayingMethod(c.Tx, *intent.PaymentMethod, string(intent.Customer))
	if err != nil {
		return nil, err
	}
	switch in.Authentication {
	case "succeeded":
		err = subscription.SucceedPayment(c.Tx, due, intent, method)
	case "failed":
		_, err = subscription.RecordDecline(c.Tx, due, intent, method, "authentication_required")
	default:
		err = apierror.Invalid("", "authentication: %q is neither succeeded nor failed", in.Authentication)
	}
	if err != nil {
		return nil, err
	}
	return subscription.NamedPaymentIntent(c)
}

// authenticateAlone plays the holder for a payment without an invoice.
func authenticateAlone(c *state.Request, intent *subscription.PaymentIntent, answer string) (any, error) {
	if answer != "succeeded" && answer != "failed" {
		return nil, apierror.Invalid("", "authentication: %q is neither succeeded nor failed", answer)
	}
	method, err := customer.Unattached(c.Tx, *intent.PaymentMethod, apierror.NotFound("payment_method", *intent.PaymentMethod, "payment_method"))
	if err != nil {
		return nil, err
	}
	return intent, subscription.AuthenticateAlone(c.Tx, intent, method, answer == "succeeded")
}
