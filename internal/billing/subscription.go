package billing

import "slices"

// SubscriptionStatus is the state of a subscription: Stripe's words, with
// Stripe's "canceled" told apart into CANCELED (someone asked for it) and
// REVOKED (the system ended it).
type SubscriptionStatus string

// The states of a subscription.
const (
	SubscriptionIncomplete        SubscriptionStatus = "INCOMPLETE"
	SubscriptionIncompleteExpired SubscriptionStatus = "INCOMPLETE_EXPIRED"
	SubscriptionTrialing          SubscriptionStatus = "TRIALING"
	SubscriptionActive            SubscriptionStatus = "ACTIVE"
	SubscriptionPastDue           SubscriptionStatus = "PAST_DUE"
	SubscriptionUnpaid            SubscriptionStatus = "UNPAID"
	SubscriptionPaused            SubscriptionStatus = "PAUSED"
	SubscriptionCanceled          SubscriptionStatus = "CANCELED"
	SubscriptionRevoked           SubscriptionStatus = "REVOKED"
)

var subscriptionStatuses = []SubscriptionStatus{
	SubscriptionIncomplete, SubscriptionIncompleteExpired, SubscriptionTrialing, SubscriptionActive, SubscriptionPastDue,
	SubscriptionUnpaid, SubscriptionPaused, SubscriptionCanceled, SubscriptionRevoked,
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
	return s == SubscriptionCanceled || s == SubscriptionRevoked || s == SubscriptionIncompleteExpired
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
	EventPauseCollection  SubscriptionEvent = "pause_collection"
	EventResumeCollection SubscriptionEvent = "resume_collection"
)

var subscriptionEvents = []SubscriptionEvent{
	EventActivate, EventPaymentFailed, EventPaymentRecovered, EventScheduleCancel,
	EventUnscheduleCancel, EventCancel, EventRevoke, EventExpire, EventPause, EventResume,
	EventTrialEnd, EventDunningExhausted, EventPauseCollection, EventResumeCollection,
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
	SubscriptionIncomplete: {
		EventActivate:         {SubscriptionActive},
		EventPaymentFailed:    {SubscriptionIncomplete},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventExpire:           {SubscriptionIncompleteExpired},
		EventPauseCollection:  {SubscriptionIncomplete},
		EventResumeCollection: {SubscriptionIncomplete},
	},
	SubscriptionTrialing: {
		EventActivate:         {SubscriptionActive},
		EventTrialEnd:         {SubscriptionActive},
		EventPaymentFailed:    {SubscriptionPastDue},
		EventScheduleCancel:   {SubscriptionTrialing},
		EventUnscheduleCancel: {SubscriptionTrialing},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventPause:            {SubscriptionPaused},
		EventPauseCollection:  {SubscriptionTrialing},
		EventResumeCollection: {SubscriptionTrialing},
	},
	SubscriptionActive: {
		EventPaymentFailed:    {SubscriptionPastDue},
		EventScheduleCancel:   {SubscriptionActive},
		EventUnscheduleCancel: {SubscriptionActive},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventPauseCollection:  {SubscriptionActive},
		EventResumeCollection: {SubscriptionActive},
	},
	SubscriptionPastDue: {
		EventPaymentFailed:    {SubscriptionPastDue},
		EventPaymentRecovered: {SubscriptionActive},
		EventScheduleCancel:   {SubscriptionPastDue},
		EventUnscheduleCancel: {SubscriptionPastDue},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventDunningExhausted: {SubscriptionRevoked, SubscriptionUnpaid},
		EventPauseCollection:  {SubscriptionPastDue},
		EventResumeCollection: {SubscriptionPastDue},
	},
	SubscriptionUnpaid: {
		EventPaymentRecovered: {SubscriptionActive},
		EventScheduleCancel:   {SubscriptionUnpaid},
		EventUnscheduleCancel: {SubscriptionUnpaid},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventDunningExhausted: {SubscriptionRevoked},
		EventPauseCollection:  {SubscriptionUnpaid},
		EventResumeCollection: {SubscriptionUnpaid},
	},
	SubscriptionPaused: {
		EventResume:           {SubscriptionActive},
		EventPaymentFailed:    {SubscriptionPastDue},
		EventScheduleCancel:   {SubscriptionPaused},
		EventUnscheduleCancel: {SubscriptionPaused},
		EventCancel:           {SubscriptionCanceled},
		EventRevoke:           {SubscriptionRevoked},
		EventPauseCollection:  {SubscriptionPaused},
		EventResumeCollection: {SubscriptionPaused},
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

// Actions lists what the table allows a client to ask for now. ending says that
// the subscription is going to end, at the end of its period or at a date.
func (s SubscriptionStatus) Actions(ending bool) []SubscriptionAction {
	actions := []SubscriptionAction{}
	for _, a := range []struct {
		action SubscriptionAction
		event  SubscriptionEvent
		when   bool
	}{
		{ActionCancel, EventCancel, true},
		{ActionCancelAtPeriodEnd, EventScheduleCancel, !ending},
		{ActionResume, EventUnscheduleCancel, ending || s == SubscriptionPaused},
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
	case s == SubscriptionTrialing, s == SubscriptionActive, s == SubscriptionPastDue:
		return nil
	}
	return Errorf(CodeInvalidTransition, "A subscription that is %s does not allow another price.", s)
}

// Reported is a subscription's state as Stripe reports it.
type Reported struct {
	Status SubscriptionStatus
	// Ending says that it is going to end, at the end of its period or at a date.
	Ending bool
	// Paused says that the collection of payments is paused.
	Paused bool
}

// StripeStatus maps Stripe's status of a subscription, with
// cancellation_details.reason for one that is canceled: "payment_failed" and
// "payment_disputed" are ends that nobody asked for.
func StripeStatus(status, cancellationReason string) (SubscriptionStatus, error) {
	switch status {
	case "incomplete":
		return SubscriptionIncomplete, nil
	case "incomplete_expired":
		return SubscriptionIncompleteExpired, nil
	case "trialing":
		return SubscriptionTrialing, nil
	case "active":
		return SubscriptionActive, nil
	case "past_due":
		return SubscriptionPastDue, nil
	case "unpaid":
		return SubscriptionUnpaid, nil
	case "paused":
		return SubscriptionPaused, nil
	case "canceled":
		if cancellationReason == "payment_failed" || cancellationReason == "payment_disputed" {
			return SubscriptionRevoked, nil
		}
		return SubscriptionCanceled, nil
	}
	return "", Errorf(CodeStripeRejected, "Stripe reports a subscription status that is not known here: %q.", status)
}

// EventBetween names what must have happened between two reports. ok is false
// when nothing did.
func EventBetween(was, is Reported) (e SubscriptionEvent, ok bool) {
	if was.Status == is.Status {
		switch {
		case is.Status.Ended():
		case !was.Ending && is.Ending:
			return EventScheduleCancel, true
		case was.Ending && !is.Ending:
			return EventUnscheduleCancel, true
		case !was.Paused && is.Paused:
			return EventPauseCollection, true
		case was.Paused && !is.Paused:
			return EventResumeCollection, true
		}
		return "", false
	}
	switch is.Status {
	case SubscriptionActive:
		return eventToActive(was.Status), true
	case SubscriptionPastDue, SubscriptionIncomplete:
		return EventPaymentFailed, true
	case SubscriptionUnpaid:
		return EventDunningExhausted, true
	case SubscriptionPaused:
		return EventPause, true
	case SubscriptionCanceled:
		return EventCancel, true
	case SubscriptionRevoked:
		if was.Status == SubscriptionPastDue || was.Status == SubscriptionUnpaid {
			return EventDunningExhausted, true
		}
		return EventRevoke, true
	case SubscriptionIncompleteExpired:
		return EventExpire, true
	case SubscriptionTrialing:
		return EventActivate, true
	}
	return "", false
}

func eventToActive(from SubscriptionStatus) SubscriptionEvent {
	switch from {
	case SubscriptionTrialing:
		return EventTrialEnd
	case SubscriptionPastDue, SubscriptionUnpaid:
		return EventPaymentRecovered
	case SubscriptionPaused:
		return EventResume
	default:
		return EventActivate
	}
}
