package subscription

import (
	"errors"
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Clock is the test clock that the schedule hangs on.
func (x *Schedule) Clock() string { return form.OrDefault(x.TestClock, "") }

// NextDue is when the first phase begins, or else when the current one ends.
func (x *Schedule) NextDue(int64) int64 {
	switch x.Status {
	case scheduleNotStarted:
		return x.Phases[0].StartDate
	case scheduleActive:
		return x.CurrentPhase.EndDate
	}
	return 0
}

// LiveSchedule does what is due for a schedule: it begins, or goes on to its next phase.
func LiveSchedule(t *state.Tx, id string) error {
	due, err := scheduleByID(t, id)
	switch {
	case err != nil:
		return err
	case due.Status == scheduleNotStarted:
		return orGiveUp(t, due, beginSchedule(t, due))
	}
	return goOn(t, due)
}

// orGiveUp cancels a schedule whose next phase is refused, as when its price was
// archived meanwhile. The subscription stays what it is.
func orGiveUp(t *state.Tx, x *Schedule, err error) error {
	var refusal *apierror.Error
	if !errors.As(err, &refusal) {
		return err
	}
	if x.Subscription != nil {
		sub, err := SubscriptionByID(t, *x.Subscription)
		if err != nil {
			return err
		}
		sub.Schedule = nil
		if err := t.Update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return x.cancel(t)
}

// beginSchedule makes the subscription that a schedule has planned.
func beginSchedule(t *state.Tx, x *Schedule) error {
	first := x.Phases[0]
	in := NewSubscription{
		Customer: x.Customer, Collection: ChargeAutomatically, Behavior: BehaviorAllow, prorates: true,
		Terms: SubscriptionTerms{Description: first.Description},
	}
	if first.TrialEnd != nil && *first.TrialEnd > t.Now {
		in.TrialEnd = first.TrialEnd
	}
	for _, item := range first.Items {
		in.Items = append(in.Items, NewItem{Price: item.Price, Param: "phases[0][items][0][price]", Quantity: item.Quantity})
	}
	sub, err := Subscribe(t, in)
	if err != nil {
		return err
	}
	sub.Schedule, sub.Metadata = &x.ID, first.Metadata
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return err
	}
	x.Status, x.Subscription = scheduleActive, &sub.ID
	x.CurrentPhase = &phaseTime{EndDate: first.EndDate, StartDate: first.StartDate}
	return t.Update(x, "subscription_schedule.updated")
}

// scheduleOf is the schedule that a subscription goes by; nil when there is none,
// although an edit may name one.
func scheduleOf(t *state.Tx, sub *Subscription) (*Schedule, error) {
	if sub.Schedule == nil {
		return nil, nil
	}
	found, err := state.FindAll[Schedule](t, "subscription_schedule", state.Equal("id", *sub.Schedule))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// afterSchedule is a subscription after its schedule has gone on, if that was due.
func afterSchedule(t *state.Tx, sub *Subscription) (after *Subscription, moved bool, err error) {
	x, err := scheduleOf(t, sub)
	if err != nil || x == nil || !x.isDue(t.Now) {
		return sub, false, err
	}
	if err := goOn(t, x); err != nil {
		return nil, false, err
	}
	after, err = SubscriptionByID(t, sub.ID)
	return after, true, err
}

// isDue says whether the current phase is over.
func (x *Schedule) isDue(now int64) bool {
	return x.Status == scheduleActive && now >= x.CurrentPhase.EndDate
}

// goOn takes a schedule to the phase that begins now, or to its end.
func goOn(t *state.Tx, x *Schedule) error {
	if !x.isDue(t.Now) {
		return nil
	}
	i := slices.IndexFunc(x.Phases, func(p phase) bool { return p.StartDate == x.CurrentPhase.EndDate })
	if i >= 0 {
		next := x.Phases[i]
		x.CurrentPhase = &phaseTime{EndDate: next.EndDate, StartDate: next.StartDate}
		if err := t.Update(x, "subscription_schedule.updated"); err != nil {
			return err
		}
		return orGiveUp(t, x, enterPhase(t, *x.Subscription, next, next.ProrationBehavior))
	}
	if x.EndBehavior == endRelease {
		return release(t, x)
	}
	sub, err := SubscriptionByID(t, *x.Subscription)
	if err != nil {
		return err
	}
	x.Status, x.CompletedAt, x.CurrentPhase = scheduleCompleted, &t.Now, nil
	if err := t.Update(x, "subscription_schedule.completed"); err != nil {
		return err
	}
	return End(t, sub, ReasonRequested)
}

// enterPhase puts a subscription on what a phase says. At the end of a period nothing
// is prorated: the next one begins with it.
func enterPhase(t *state.Tx, id string, next phase, proration string) error {
	sub, err := SubscriptionByID(t, id)
	if err != nil || sub.Ended() {
		return err
	}
	form.SetNullable(&sub.Description, next.Description)
	for key, value := range next.Metadata {
		sub.Metadata[key] = value
	}
	in := subscriptionChange{items: next.changes(sub), proration: proration}
	if next.TrialEnd != nil && *next.TrialEnd > t.Now {
		in.trialEnd = next.TrialEnd
	}
	if t.Now < sub.CurrentPeriodEnd {
		_, err = applyBilling(t, sub, in)
		return err
	}
	in.proration = "none"
	newRhythm, err := changeItems(t, sub, in)
	if err != nil {
		return err
	}
	if newRhythm {
		sub.BillingCycleAnchor = sub.CurrentPeriodEnd
	}
	return t.Update(sub, "customer.subscription.updated")
}

// changes are what puts a subscription on a phase's items. An item on a price that the
// phase has too stays what it is, another one is put on a price of the phase.
func (x phase) changes(sub *Subscription) []itemChange {
	var all []itemChange
	left := slices.Clone(sub.Items.Data)
	coming := slices.Clone(x.Items)
	coming = slices.DeleteFunc(coming, func(item phaseItem) bool {
		i := slices.IndexFunc(left, func(has subscriptionItem) bool { return has.Price == item.Price })
		if i < 0 {
			return false
		}
		all = append(all, itemChange{id: &left[i].ID, quantity: item.Quantity})
		left = slices.Delete(slices.Clone(left), i, i+1)
		return true
	})
	for i, item := range coming {
		change := itemChange{price: &item.Price, quantity: item.Quantity, param: "items"}
		if i < len(left) {
			change.id = &left[i].ID
		}
		all = append(all, change)
	}
	for i := len(coming); i < len(left); i++ {
		all = append(all, itemChange{id: &left[i].ID, deleted: true})
	}
	return all
}

// release lets the subscription go on without the schedule.
func release(t *state.Tx, x *Schedule) error {
	if x.Subscription != nil {
		sub, err := SubscriptionByID(t, *x.Subscription)
		if err != nil {
			return err
		}
		sub.Schedule = nil
		if err := t.Update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	x.ReleasedSubscription, x.Subscription = x.Subscription, nil
	x.Status, x.ReleasedAt, x.CurrentPhase = scheduleReleased, &t.Now, nil
	return t.Update(x, "subscription_schedule.released")
}

func (x *Schedule) cancel(t *state.Tx) error {
	x.Status, x.CanceledAt, x.CurrentPhase = scheduleCanceled, &t.Now, nil
	return t.Update(x, "subscription_schedule.canceled")
}

// endSchedule cancels the schedule of a subscription that is over.
func endSchedule(t *state.Tx, sub *Subscription) error {
	x, err := scheduleOf(t, sub)
	if err != nil || x == nil || x.ended() {
		return err
	}
	return x.cancel(t)
}

// managedBySchedule refuses to let a subscription's end be changed beside its schedule.
func managedBySchedule(sub *Subscription) *apierror.Error {
	return apierror.Invalid("", "The subscription is managed by the subscription schedule `%s`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", *sub.Schedule)
}
