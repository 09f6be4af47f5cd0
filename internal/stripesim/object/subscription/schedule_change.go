package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// updateSchedule changes what is to come, and what is: an item that the current phase
// has no more is not on the subscription either.
func updateSchedule(c *state.Request) (any, error) {
	in := readPlan(c.Params, c.Now)
	proration := form.OrDefault(c.Params.Choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations")
	if err := c.Params.Done(scheduleUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := scheduleByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if changed.ended() {
		return nil, apierror.Invalid("", "You cannot update a subscription schedule that is currently in the `%s` status. A subscription schedule can only be updated when it is in the `not_started` or `active` status.", changed.Status)
	}
	form.Set(&changed.EndBehavior, in.endBehavior)
	if changed.Metadata, err = in.metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	if in.phases == nil {
		return changed, c.Update(changed, "subscription_schedule.updated")
	}
	if err := changed.replan(c.Tx, in); err != nil {
		return nil, err
	}
	if err := c.Update(changed, "subscription_schedule.updated"); err != nil {
		return nil, err
	}
	if changed.Status == scheduleNotStarted && changed.Phases[0].StartDate <= c.Now {
		return changed, beginSchedule(c.Tx, changed)
	}
	if now := changed.current(); now != nil {
		return changed, enterPhase(c.Tx, *changed.Subscription, *now, proration)
	}
	return changed, nil
}

// replan puts other phases in the place of the current one and those after it.
func (x *Schedule) replan(t *state.Tx, in schedulePlan) error {
	over, start := []phase(nil), x.Phases[0].StartDate
	now := x.current()
	if now != nil {
		start = now.StartDate
		over = slices.DeleteFunc(slices.Clone(x.Phases), func(p phase) bool { return p.StartDate >= start })
	}
	switch asked := in.phases[0].start; {
	case asked == nil:
	case now == nil:
		start = max(*asked, t.Now)
	case *asked == t.Now && *asked != start:
		return apierror.Invalid("phases", "The sandbox does not model a phase that is cut short: let the first one begin at %d", start)
	case *asked != start:
		return apierror.Invalid("phases", "You can not modify the start date of the current phase. The current phase starts at %d.", start)
	}
	coming, err := in.layOut(t, start)
	if err != nil {
		return err
	}
	if now != nil && coming[0].EndDate <= t.Now {
		return apierror.Invalid("phases[0][end_date]", "The current phase has to end in the future.")
	}
	x.Phases = append(over, coming...)
	if now != nil {
		x.CurrentPhase = &phaseTime{EndDate: coming[0].EndDate, StartDate: start}
	}
	return nil
}

// releaseSchedule lets the subscription go on by itself.
func releaseSchedule(c *state.Request) (any, error) {
	keeps := form.OrDefault(c.Params.Boolean("preserve_cancel_date"), false)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	released, err := scheduleByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if released.ended() {
		return nil, apierror.Invalid("", "You cannot release a subscription schedule that is currently in the `%s` status. A subscription schedule can only be released when it is in the `not_started` or `active` status.", released.Status)
	}
	if keeps && released.EndBehavior == endCancel && released.Subscription != nil {
		sub, err := SubscriptionByID(c.Tx, *released.Subscription)
		if err != nil {
			return nil, err
		}
		sub.ScheduleEnd(nil, &released.Phases[len(released.Phases)-1].EndDate, c.Now)
		if err := c.Update(sub, "customer.subscription.updated"); err != nil {
			return nil, err
		}
	}
	return released, release(c.Tx, released)
}

// cancelSchedule cancels the subscription too.
func cancelSchedule(c *state.Request) (any, error) {
	if err := c.Params.Done("invoice_now", "prorate"); err != nil {
		return nil, err
	}
	canceled, err := scheduleByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if canceled.ended() {
		return nil, apierror.Invalid("", "You cannot cancel a subscription schedule that is currently in the `%s` status. A subscription schedule can only be canceled when it is in the `not_started` or `active` status.", canceled.Status)
	}
	if canceled.Subscription == nil {
		return canceled, canceled.cancel(c.Tx)
	}
	sub, err := SubscriptionByID(c.Tx, *canceled.Subscription)
	if err != nil {
		return nil, err
	}
	if err := End(c.Tx, sub, ReasonRequested); err != nil { // which cancels its schedule
		return nil, err
	}
	return scheduleByID(c.Tx, canceled.ID)
}
