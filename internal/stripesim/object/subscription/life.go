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

// standIn is a card for one attempt that does not touch the customer's own payment methods.
func standIn(t *state.Tx, token string) (*customer.Method, error) {
	method := customer.NewPaymentMethod(t, customer.TestCards[token])
	return method, t.Insert(method)
}

// Attempt charges an open invoice to a stand-in card.
func Attempt(t *state.Tx, due *Invoice, token string) error {
	method, err := standIn(t, token)
	if err != nil {
		return err
	}
	_, err = chargeInvoice(t, due, method)
	return err
}

// EndOfTrial is when the trial ended, at the latest now; nil when there was none.
func EndOfTrial(sub *Subscription, now int64) *int64 {
	if sub.TrialEnd == nil || *sub.TrialEnd < now {
		return sub.TrialEnd
	}
	return &now
}

// OpenPeriod begins a new period with a finalized invoice.
func OpenPeriod(t *state.Tx, sub *Subscription, reason string) (*Invoice, error) {
	due, err := beginPeriod(t, sub, reason)
	if err != nil {
		return nil, err
	}
	if err := Finalize(t, due); err != nil {
		return nil, err
	}
	now, err := SubscriptionByID(t, sub.ID)
	if err == nil {
		*sub = *now // a discount may have been used up
	}
	return due, err
}

// StartOver puts the subscription before its first payment, which has failed.
func StartOver(t *state.Tx, sub *Subscription) error {
	sub.Status, sub.TrialStart, sub.TrialEnd = StatusIncomplete, nil, nil
	due, err := OpenPeriod(t, sub, reasonCreate)
	if err != nil {
		return err
	}
	if due.Status == "paid" {
		return apierror.Conflict("a period of this subscription costs nothing, so its first payment cannot fail")
	}
	return Attempt(t, due, "pm_card_chargeDeclined")
}

// Expire lets the time for the first payment run out.
func Expire(t *state.Tx, sub *Subscription) error {
	if sub.Status != StatusIncomplete {
		if err := StartOver(t, sub); err != nil {
			return err
		}
	}
	first, err := InvoiceByID(t, *sub.LatestInvoice)
	if err != nil {
		return err
	}
	return markVoid(t, first)
}

// Pause is what the end of a trial without a payment method comes to, when the trial's
// settings say so.
func Pause(t *state.Tx, sub *Subscription) error {
	if sub.TrialStart == nil {
		sub.TrialStart, sub.TrialEnd = &sub.StartDate, &t.Now
	}
	sub.Status, sub.TrialEnd = StatusPaused, EndOfTrial(sub, t.Now)
	sub.TrialSettings.EndBehavior.MissingPaymentMethod = "pause"
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return err
	}
	return t.Emit("customer.subscription.paused", sub, nil)
}

const (
	// firstPaymentTime is how long an incomplete subscription waits for its first payment.
	firstPaymentTime = 23 * billing.DraftLife
	// trialNotice is how long before its end a trial is announced to end.
	trialNotice = 3 * billing.SecondsPerDay
	// renewalNotice is how long before a new period its invoice is announced, unless the
	// period is shorter: Stripe's usual setting.
	renewalNotice = 7 * billing.SecondsPerDay
)

// Clock implements [state.Living].
func (x *Subscription) Clock() string { return form.OrDefault(x.TestClock, "") }

// NextDue is the earliest of the moments that the subscription's status knows.
func (x *Subscription) NextDue(after int64) int64 {
	var moments []int64
	switch x.Status {
	case StatusCanceled, StatusIncompleteExpired:
		return 0
	case StatusIncomplete:
		moments = []int64{x.CurrentPeriodStart + firstPaymentTime}
	case StatusTrialing:
		moments = x.noticesAfter(after, []int64{*x.TrialEnd}, trialNotice, renewalNotice)
	case StatusPaused:
	default:
		moments = x.noticesAfter(after, []int64{x.CurrentPeriodEnd}, renewalNotice)
	}
	if x.CancelAt != nil {
		moments = append(moments, *x.CancelAt)
	}
	if x.PauseCollection != nil && x.PauseCollection.ResumesAt != nil {
		moments = append(moments, *x.PauseCollection.ResumesAt)
	}
	if len(moments) == 0 {
		return 0
	}
	return slices.Min(moments)
}

// noticesAfter adds to moments those at which the end of the period is announced, as
// far as they are still to come.
func (x *Subscription) noticesAfter(after int64, moments []int64, notices ...int64) []int64 {
	for _, notice := range notices {
		if at := x.CurrentPeriodEnd - notice; at > after && at > x.CurrentPeriodStart {
			moments = append(moments, at)
		}
	}
	return moments
}

// announceRenewal tells of the invoice for the period that comes next, if one does.
func announceRenewal(t *state.Tx, sub *Subscription) error {
	if sub.CancelAt != nil && *sub.CancelAt <= sub.CurrentPeriodEnd {
		return nil
	}
	coming, err := comingInvoice(t, sub)
	if err != nil {
		return err
	}
	return t.EmitUnstored("invoice.upcoming", coming)
}

// LiveSubscription does what is due for a subscription: the first that applies, for
// each one is a step of its own.
func LiveSubscription(t *state.Tx, id string) error {
	sub, err := SubscriptionByID(t, id)
	if err != nil {
		return err
	}
	// The next phase begins before the next period, which is billed by it.
	sub, moved, err := afterSchedule(t, sub)
	if err != nil || sub.Ended() || moved && sub.NextDue(t.Now) > t.Now {
		return err
	}
	pause := sub.PauseCollection
	switch {
	case sub.CancelAt != nil && *sub.CancelAt <= t.Now:
		if err := billUsage(t, sub); err != nil {
			return err
		}
		return End(t, sub, ReasonRequested)
	case sub.Status == StatusIncomplete:
		return Expire(t, sub)
	case pause != nil && pause.ResumesAt != nil && *pause.ResumesAt <= t.Now:
		sub.PauseCollection = nil
		return t.Update(sub, "customer.subscription.updated")
	case sub.Status == StatusTrialing && t.Now == *sub.TrialEnd-trialNotice:
		return t.Emit("customer.subscription.trial_will_end", sub, nil)
	case t.Now < sub.CurrentPeriodEnd:
		return announceRenewal(t, sub)
	case sub.Status == StatusTrialing:
		return endTrial(t, sub)
	}
	return nextPeriod(t, sub)
}

// endTrial begins the first paid period, unless nothing is there to pay it with and the
// trial's settings stop it.
func endTrial(t *state.Tx, sub *Subscription) error {
	stopped, err := stopTrial(t, sub)
	if err != nil || stopped {
		return err
	}
	sub.Status = StatusActive
	return nextPeriod(t, sub)
}

// stopTrial pauses or ends a subscription at the end of its trial, where its settings
// say so and nothing is there to pay with.
func stopTrial(t *state.Tx, sub *Subscription) (stopped bool, err error) {
	payer, err := state.Find[customer.Customer](t, "customer", sub.Customer, apierror.NotFound("customer", sub.Customer, "customer"))
	if err != nil {
		return false, err
	}
	method, err := MethodOf(t, sub.DefaultPaymentMethod, payer)
	if err != nil || method != nil || sub.CollectionMethod != ChargeAutomatically {
		return false, err
	}
	switch sub.TrialSettings.EndBehavior.MissingPaymentMethod {
	case "pause":
		return true, Pause(t, sub)
	case "cancel":
		return true, End(t, sub, ReasonFailed)
	}
	return false, nil
}

// nextPeriod begins the period that follows, with a draft invoice for it. The billing
// dates stay where they are.
func nextPeriod(t *state.Tx, sub *Subscription) error {
	terms, err := catalog.PriceByID(t, sub.Items.Data[0].Price)
	if err != nil {
		return err
	}
	since := sub.CurrentPeriodStart
	sub.CurrentPeriodStart = sub.CurrentPeriodEnd
	sub.CurrentPeriodEnd = billing.PeriodEnd(sub.BillingCycleAnchor, sub.CurrentPeriodStart, terms.Recurring)
	used := period{Start: since, End: sub.CurrentPeriodStart}
	if sub.TrialEnd != nil && *sub.TrialEnd == sub.CurrentPeriodStart {
		used = period{} // a trial is free, whatever was used
	}
	lines, err := linesAfter(t, sub, used)
	if err != nil {
		return err
	}
	_, err = DraftInvoice(t, sub, ReasonCycle, since, lines)
	return err
}
