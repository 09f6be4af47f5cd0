package billing

import "slices"

// SubscriptionStatus is the state of a subscription: Stripe's words, with
// Stripe's "canceled" told apart into CANCELED (someone asked for it) and
// REVOKED (the system ended it).
type SubscriptionStatus string

// The states of a subscription.
const (
	Incomplete        SubscriptionStatus = "INCOMPLETE"
	IncompleteExpired SubscriptionStatus = "INCOMPLETE_EXPIRED"
	Trialing          SubscriptionStatus = "TRIALING"
	Active            SubscriptionStatus = "ACTIVE"
	PastDue           SubscriptionStatus = "PAST_DUE"
	Unpaid            SubscriptionStatus = "UNPAID"
	Paused            SubscriptionStatus = "PAUSED"
	Canceled          SubscriptionStatus = "CANCELED"
	Revoked           SubscriptionStatus = "REVOKED"
)

var subscriptionStatuses = []SubscriptionStatus{
	Incomplete, IncompleteExpired, Trialing, Active, PastDue, Unpaid, Paused, Canceled, Revoked,
}

// Values lists all values of the type.
func (SubscriptionStatus) Values() []string {
	values := make([]string, len(subscriptionStatuses))
	for i, s := range subscriptionStatuses {
		values[i] = string(s)
	}
	return values
}

// Ended reports whether the state is an end state. Nothing leaves it: Stripe
// cannot revive a subscription that has ended.
func (s SubscriptionStatus) Ended() bool {
	return s == Canceled || s == Revoked || s == IncompleteExpired
}

// SubscriptionEvent is something that happens to a subscription, asked for
// here or reported by Stripe.
type SubscriptionEvent string

// The events of a subscription's life.
const (
	EventActivate         SubscriptionEvent = "activate"
	EventPaymentFailed    SubscriptionEvent = "payment_failed"
	EventPaymentRecovered SubscriptionEvent = "payment_recovered"
	EventScheduleCancel   SubscriptionEvent = "schedule_cancel"
	EventUnscheduleCancel SubscriptionEvent = "unschedule_cancel"
	EventCancel           SubscriptionEvent = "cancel"
	EventRevoke           SubscriptionEvent = "revoke"
	EventExpire           SubscriptionEvent = "expire"
	EventPause            SubscriptionEvent = "pause"
	EventResume           SubscriptionEvent = "resume"
	EventTrialEnd         SubscriptionEvent = "trial_end"
	EventDunningExhausted SubscriptionEvent = "dunning_exhausted"
)

var subscriptionEvents = []SubscriptionEvent{
	EventActivate, EventPaymentFailed, EventPaymentRecovered, EventScheduleCancel,
	EventUnscheduleCancel, EventCancel, EventRevoke, EventExpire, EventPause, EventResume,
	EventTrialEnd, EventDunningExhausted,
}

// Values lists all values of the type.
func (SubscriptionEvent) Values() []string {
	values := make([]string, len(subscriptionEvents))
	for i, e := range subscriptionEvents {
		values[i] = string(e)
	}
	return values
}

// subscriptionTable is the only place that decides what may happen to a
// subscription. A pair that is missing is forbidden. Where an event can lead
// to several states, Stripe decides, by the settings of the account; the
// first one is what an account does by default.
var subscriptionTable = map[SubscriptionStatus]map[SubscriptionEvent][]SubscriptionStatus{
	Incomplete: {
		EventActivate:      {Active},
		EventPaymentFailed: {Incomplete},
		EventCancel:        {Canceled},
		EventRevoke:        {Revoked},
		EventExpire:        {IncompleteExpired},
	},
	Trialing: {
		EventActivate:         {Active},
		EventTrialEnd:         {Active},
		EventPaymentFailed:    {PastDue},
		EventScheduleCancel:   {Trialing},
		EventUnscheduleCancel: {Trialing},
		EventCancel:           {Canceled},
		EventRevoke:           {Revoked},
		EventPause:            {Paused},
	},
	Active: {
		EventPaymentFailed:    {PastDue},
		EventScheduleCancel:   {Active},
		EventUnscheduleCancel: {Active},
		EventCancel:           {Canceled},
		EventRevoke:           {Revoked},
	},
	PastDue: {
		EventPaymentFailed:    {PastDue},
		EventPaymentRecovered: {Active},
		EventScheduleCancel:   {PastDue},
		EventUnscheduleCancel: {PastDue},
		EventCancel:           {Canceled},
		EventRevoke:           {Revoked},
		EventDunningExhausted: {Revoked, Unpaid},
	},
	Unpaid: {
		EventPaymentRecovered: {Active},
		EventScheduleCancel:   {Unpaid},
		EventUnscheduleCancel: {Unpaid},
		EventCancel:           {Canceled},
		EventRevoke:           {Revoked},
		EventDunningExhausted: {Revoked},
	},
	Paused: {
		EventResume:           {Active},
		EventPaymentFailed:    {PastDue},
		EventScheduleCancel:   {Paused},
		EventUnscheduleCancel: {Paused},
		EventCancel:           {Canceled},
		EventRevoke:           {Revoked},
	},
}

// Next tells where an event leads from a state. ok is false where the table
// forbids it.
func (s SubscriptionStatus) Next(e SubscriptionEvent) (to SubscriptionStatus, ok bool) {
	if to := subscriptionTable[s][e]; len(to) > 0 {
		return to[0], true
	}
	return s, false
}

// Knows reports whether the table has a way from a state to another by an
// event. Stripe's reports are followed also where it has none.
func (s SubscriptionStatus) Knows(e SubscriptionEvent, to SubscriptionStatus) bool {
	return slices.Contains(subscriptionTable[s][e], to)
}

// CheckTransition answers whether someone may ask for an event: nil, or
// SUBSCRIPTION_ENDED in an end state, or INVALID_TRANSITION.
func (s SubscriptionStatus) CheckTransition(e SubscriptionEvent) error {
	if s.Ended() {
		return Errorf(CodeSubscriptionEnded, "The subscription has ended: it is %s.", s)
	}
	if _, ok := s.Next(e); !ok {
		return Errorf(CodeInvalidTransition, "A subscription that is %s cannot be %s.", s, asked[e])
	}
	return nil
}

// asked puts what someone can ask for into words.
var asked = map[SubscriptionEvent]string{
	EventScheduleCancel:   "canceled at the end of its period, only immediately",
	EventUnscheduleCancel: "resumed",
	EventCancel:           "canceled",
	EventRevoke:           "revoked",
}

// SubscriptionAction is something a client may ask of a subscription now.
type SubscriptionAction string

// The actions on a subscription, named for their mutations.
const (
	ActionCancel            SubscriptionAction = "CANCEL"
	ActionCancelAtPeriodEnd SubscriptionAction = "CANCEL_AT_PERIOD_END"
	ActionResume            SubscriptionAction = "RESUME"
	ActionChangePrice       SubscriptionAction = "CHANGE_PRICE"
	ActionRevoke            SubscriptionAction = "REVOKE"
)

// Actions lists what the table allows a client to ask for now.
func (s SubscriptionStatus) Actions(cancelAtPeriodEnd bool) []SubscriptionAction {
	actions := []SubscriptionAction{}
	for _, a := range []struct {
		action SubscriptionAction
		event  SubscriptionEvent
		when   bool
	}{
		{ActionCancel, EventCancel, true},
		{ActionCancelAtPeriodEnd, EventScheduleCancel, !cancelAtPeriodEnd},
		{ActionResume, EventUnscheduleCancel, cancelAtPeriodEnd},
		{ActionRevoke, EventRevoke, true},
	} {
		if _, ok := s.Next(a.event); ok && a.when {
			actions = append(actions, a.action)
		}
	}
	if s.CheckPriceChange() == nil {
		actions = append(actions, ActionChangePrice)
	}
	return actions
}

// CheckPriceChange answers whether a subscription may go over to another
// price, which is no change of its state: nil, or SUBSCRIPTION_ENDED, or
// INVALID_TRANSITION for one that Stripe would refuse or that nobody pays.
func (s SubscriptionStatus) CheckPriceChange() error {
	switch {
	case s.Ended():
		return Errorf(CodeSubscriptionEnded, "The subscription has ended: it is %s.", s)
	case s == Trialing, s == Active, s == PastDue:
		return nil
	}
	return Errorf(CodeInvalidTransition, "A subscription that is %s does not allow another price.", s)
}

// Reported is a subscription's state as Stripe reports it.
type Reported struct {
	Status            SubscriptionStatus
	CancelAtPeriodEnd bool
}

// StripeStatus maps Stripe's status of a subscription, with
// cancellation_details.reason for one that is canceled: "payment_failed" and
// "payment_disputed" are ends that nobody asked for.
func StripeStatus(status, cancellationReason string) (SubscriptionStatus, error) {
	switch status {
	case "incomplete":
		return Incomplete, nil
	case "incomplete_expired":
		return IncompleteExpired, nil
	case "trialing":
		return Trialing, nil
	case "active":
		return Active, nil
	case "past_due":
		return PastDue, nil
	case "unpaid":
		return Unpaid, nil
	case "paused":
		return Paused, nil
	case "canceled":
		if cancellationReason == "payment_failed" || cancellationReason == "payment_disputed" {
			return Revoked, nil
		}
		return Canceled, nil
	}
	return "", Errorf(CodeStripeRejected, "Stripe reports a subscription status that is not known here: %q.", status)
}

// EventBetween names what must have happened between two reports. ok is false
// when nothing did.
func EventBetween(was, is Reported) (e SubscriptionEvent, ok bool) {
	if was.Status == is.Status {
		switch {
		case !was.CancelAtPeriodEnd && is.CancelAtPeriodEnd:
			return EventScheduleCancel, true
		case was.CancelAtPeriodEnd && !is.CancelAtPeriodEnd && !is.Status.Ended():
			return EventUnscheduleCancel, true
		}
		return "", false
	}
	switch is.Status {
	case Active:
		return eventToActive(was.Status), true
	case PastDue, Incomplete:
		return EventPaymentFailed, true
	case Unpaid:
		return EventDunningExhausted, true
	case Paused:
		return EventPause, true
	case Canceled:
		return EventCancel, true
	case Revoked:
		if was.Status == PastDue || was.Status == Unpaid {
			return EventDunningExhausted, true
		}
		return EventRevoke, true
	case IncompleteExpired:
		return EventExpire, true
	case Trialing:
		return EventActivate, true
	}
	return "", false
}

func eventToActive(from SubscriptionStatus) SubscriptionEvent {
	switch from {
	case Trialing:
		return EventTrialEnd
	case PastDue, Unpaid:
		return EventPaymentRecovered
	case Paused:
		return EventResume
	default:
		return EventActivate
	}
}
