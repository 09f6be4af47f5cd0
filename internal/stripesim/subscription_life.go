package stripesim

import "slices"

const (
	// firstPaymentTime is how long an incomplete subscription waits for its first payment.
	firstPaymentTime = 23 * draftLife
	// trialNotice is how long before its end a trial is announced to end.
	trialNotice = 3 * secondsPerDay
)

func (x *subscription) clock() string { return orDefault(x.TestClock, "") }

// nextDue is the earliest of the moments that the subscription's status knows.
func (x *subscription) nextDue(after int64) int64 {
	var moments []int64
	switch x.Status {
	case statusCanceled, statusIncompleteExpired:
		return 0
	case statusIncomplete:
		moments = []int64{x.CurrentPeriodStart + firstPaymentTime}
	case statusTrialing:
		moments = []int64{*x.TrialEnd}
		if notice := *x.TrialEnd - trialNotice; notice > after {
			moments = append(moments, notice)
		}
	case statusPaused:
	default:
		moments = []int64{x.CurrentPeriodEnd}
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

// liveSubscription does what is due for a subscription: the first that applies, for each one is a step of its own.
func liveSubscription(c *tx, id string) error {
	sub, err := c.subscriptionByID(id)
	if err != nil {
		return err
	}
	pause := sub.PauseCollection
	switch {
	case sub.CancelAt != nil && *sub.CancelAt <= c.now:
		return c.end(sub, reasonRequested)
	case sub.Status == statusIncomplete:
		return c.expire(sub)
	case pause != nil && pause.ResumesAt != nil && *pause.ResumesAt <= c.now:
		sub.PauseCollection = nil
		return c.update(sub, "customer.subscription.updated")
	case sub.Status == statusTrialing && c.now < *sub.TrialEnd:
		return c.emit("customer.subscription.trial_will_end", sub, nil)
	case sub.Status == statusTrialing:
		return c.endTrial(sub)
	}
	return c.nextPeriod(sub)
}

// endTrial begins the first paid period, unless nothing is there to pay it with and the trial's settings stop it.
func (c *tx) endTrial(sub *subscription) error {
	stopped, err := c.stopTrial(sub)
	if err != nil || stopped {
		return err
	}
	sub.Status = statusActive
	return c.nextPeriod(sub)
}

// stopTrial pauses or ends a subscription at the end of its trial, where its settings say so and nothing is there to pay
// with.
func (c *tx) stopTrial(sub *subscription) (stopped bool, err error) {
	payer, err := find[customer](c, "customer", sub.Customer, notFound("customer", sub.Customer, "customer"))
	if err != nil {
		return false, err
	}
	method, err := c.methodOf(sub.DefaultPaymentMethod, payer)
	if err != nil || method != nil || sub.CollectionMethod != chargeAutomatically {
		return false, err
	}
	switch sub.TrialSettings.EndBehavior.MissingPaymentMethod {
	case "pause":
		return true, c.pause(sub)
	case "cancel":
		return true, c.end(sub, reasonFailed)
	}
	return false, nil
}

// nextPeriod begins the period that follows, with a draft invoice for it. The billing dates stay where they are.
func (c *tx) nextPeriod(sub *subscription) error {
	terms, err := c.priceByID(sub.Items.Data[0].Price)
	if err != nil {
		return err
	}
	since := sub.CurrentPeriodStart
	sub.CurrentPeriodStart = sub.CurrentPeriodEnd
	sub.CurrentPeriodEnd = periodEnd(sub.BillingCycleAnchor, sub.CurrentPeriodStart, terms.Recurring)
	lines, err := c.periodLines(sub)
	if err != nil {
		return err
	}
	_, err = c.draft(sub, reasonCycle, since, lines)
	return err
}
