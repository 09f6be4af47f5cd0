package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// The statuses of a schedule.
const (
	scheduleNotStarted = "not_started"
	scheduleActive     = "active"
	scheduleCompleted  = "completed"
	scheduleReleased   = "released"
	scheduleCanceled   = "canceled"
)

// What becomes of the subscription after the last phase.
const (
	endRelease = "release" // it goes on without the schedule
	endCancel  = "cancel"
)

// mostPhases is how many phases a schedule can have from the current one on.
const mostPhases = 10

// Schedule plans what a subscription is on, phase by phase.
type Schedule struct {
	state.Record
	Application          *string           `json:"application"`
	CanceledAt           *int64            `json:"canceled_at"`
	CompletedAt          *int64            `json:"completed_at"`
	CurrentPhase         *phaseTime        `json:"current_phase"`
	Customer             string            `json:"customer"`
	DefaultSettings      scheduleDefaults  `json:"default_settings"`
	EndBehavior          string            `json:"end_behavior"`
	Metadata             map[string]string `json:"metadata"`
	Phases               []phase           `json:"phases"`
	ReleasedAt           *int64            `json:"released_at"`
	ReleasedSubscription *string           `json:"released_subscription"`
	Status               string            `json:"status"`
	Subscription         *string           `json:"subscription"`
	TestClock            *string           `json:"test_clock"`
}

type phaseTime struct {
	EndDate   int64 `json:"end_date"`
	StartDate int64 `json:"start_date"`
}

// phase is what the subscription is on for a while.
type phase struct {
	AddInvoiceItems      []struct{}        `json:"add_invoice_items"`
	ApplicationFee       *string           `json:"application_fee_percent"`
	BillingCycleAnchor   *string           `json:"billing_cycle_anchor"`
	BillingThresholds    *struct{}         `json:"billing_thresholds"`
	CollectionMethod     *string           `json:"collection_method"`
	Coupon               *string           `json:"coupon"`
	Currency             string            `json:"currency"`
	DefaultPaymentMethod *string           `json:"default_payment_method"`
	DefaultTaxRates      []string          `json:"default_tax_rates"`
	Description          *string           `json:"description"`
	EndDate              int64             `json:"end_date"`
	InvoiceSettings      *struct{}         `json:"invoice_settings"`
	Items                []phaseItem       `json:"items"`
	Metadata             map[string]string `json:"metadata"`
	OnBehalfOf           *string           `json:"on_behalf_of"`
	ProrationBehavior    string            `json:"proration_behavior"`
	StartDate            int64             `json:"start_date"`
	TransferData         *struct{}         `json:"transfer_data"`
	TrialEnd             *int64            `json:"trial_end"`
}

type phaseItem struct {
	BillingThresholds *struct{}         `json:"billing_thresholds"`
	Metadata          map[string]string `json:"metadata"`
	Price             string            `json:"price"`
	Quantity          *int64            `json:"quantity,omitempty"`
	TaxRates          []string          `json:"tax_rates"`
}

// scheduleDefaults are what each phase has unless it says otherwise. The sandbox never
// changes them.
type scheduleDefaults struct {
	ApplicationFee       *string         `json:"application_fee_percent"`
	AutomaticTax         automaticTaxOff `json:"automatic_tax"`
	BillingCycleAnchor   string          `json:"billing_cycle_anchor"`
	BillingThresholds    *struct{}       `json:"billing_thresholds"`
	CollectionMethod     string          `json:"collection_method"`
	DefaultPaymentMethod *string         `json:"default_payment_method"`
	Description          *string         `json:"description"`
	InvoiceSettings      struct {
		AccountTaxIDs *struct{} `json:"account_tax_ids"`
		DaysUntilDue  *int64    `json:"days_until_due"`
		Issuer        struct {
			Type string `json:"type"`
		} `json:"issuer"`
	} `json:"invoice_settings"`
	OnBehalfOf   *string   `json:"on_behalf_of"`
	TransferData *struct{} `json:"transfer_data"`
}

type automaticTaxOff struct {
	Enabled   bool      `json:"enabled"`
	Liability *struct{} `json:"liability"`
}

func defaultsOfSchedules() (x scheduleDefaults) {
	x.BillingCycleAnchor, x.CollectionMethod, x.InvoiceSettings.Issuer.Type = "automatic", ChargeAutomatically, "self"
	return x
}

// ended says whether nothing comes any more.
func (x *Schedule) ended() bool { return x.Status != scheduleNotStarted && x.Status != scheduleActive }

// current is the phase that the subscription is in; nil before the first and after the last.
func (x *Schedule) current() *phase {
	i := slices.IndexFunc(x.Phases, func(p phase) bool { return x.CurrentPhase != nil && p.StartDate == x.CurrentPhase.StartDate })
	if i < 0 {
		return nil
	}
	return &x.Phases[i]
}

func scheduleByID(t *state.Tx, id string) (*Schedule, error) {
	return state.Find[Schedule](t, "subscription_schedule", id, apierror.NotFound("subscription_schedule", id, "schedule"))
}

func getSchedule(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return scheduleByID(c.Tx, c.ID())
}

func listSchedules(c *state.Request) (any, error) {
	list := c.NewList("subscription_schedule", "/v1/subscription_schedules")
	customerID := c.Params.Text("customer", form.MaxText)
	list.MatchObject("customer", "customer", customerID)
	list.MatchTestClock(customerID != nil)
	if form.OrDefault(c.Params.Boolean("scheduled"), false) {
		status := scheduleNotStarted
		list.Match("status", &status)
	}
	for _, moment := range []string{"canceled_at", "completed_at", "created", "released_at"} {
		list.MatchTime(moment)
	}
	return list.Run()
}

// newSchedule is what a request for a schedule asks for.
type newSchedule struct {
	from, customer *string
	start          *int64
	plan           schedulePlan
}

func createSchedule(c *state.Request) (any, error) {
	p := c.Params
	in := newSchedule{from: p.Text("from_subscription", form.MaxText), customer: p.Text("customer", form.MaxText), start: readStart(p, "start_date", c.Now)}
	in.plan = readPlan(p, c.Now)
	switch {
	case in.from != nil && (in.customer != nil || in.start != nil || in.plan.phases != nil || in.plan.endBehavior != nil):
		p.Fail(apierror.Invalid("from_subscription", "You cannot set other parameters when creating a subscription schedule with `from_subscription`. Update it with the rest."))
	case in.from == nil && in.customer == nil:
		p.Missing("customer")
	case in.from == nil && in.start == nil:
		p.Missing("start_date")
	case in.from == nil && len(in.plan.phases) == 0:
		p.Missing("phases")
	}
	if err := p.Done(scheduleUnmodelled...); err != nil {
		return nil, err
	}
	if in.from != nil {
		return scheduleFrom(c.Tx, *in.from, in.plan.metadata)
	}
	return scheduleAnew(c.Tx, in)
}

// scheduleFrom lets a subscription that exists go on by a schedule, whose only phase is
// the current period.
func scheduleFrom(t *state.Tx, id string, metadata form.MetadataChange) (*Schedule, error) {
	sub, err := state.Find[Subscription](t, "subscription", id, apierror.UnknownReference("subscription", id, "from_subscription"))
	if err != nil {
		return nil, err
	}
	if t.Now, err = t.MomentOf(t.Now, sub.ID); err != nil {
		return nil, err
	}
	switch {
	case sub.Ended(), sub.Status == StatusIncomplete:
		return nil, apierror.Invalid("from_subscription", "You cannot migrate a subscription that is in the `%s` status.", sub.Status)
	case sub.Schedule != nil:
		return nil, apierror.Invalid("from_subscription", "You cannot migrate a subscription that is already attached to a schedule: %s.", *sub.Schedule)
	case sub.CancelAt != nil:
		return nil, apierror.Invalid("from_subscription", "The sandbox does not model the schedule of a subscription that is going to be canceled")
	}
	made := newScheduleOf(t, sub.Customer, sub.TestClock)
	first := newPhase(sub.Currency, sub.CurrentPeriodStart, sub.CurrentPeriodEnd)
	for _, item := range sub.Items.Data {
		first.Items = append(first.Items, phaseItem{
			Metadata: item.Metadata, Price: item.Price, Quantity: item.Quantity, TaxRates: orEmpty(item.TaxRates),
		})
	}
	first.TrialEnd = sub.TrialEnd
	made.Phases, made.Status, made.Subscription = []phase{first}, scheduleActive, &sub.ID
	made.CurrentPhase = &phaseTime{EndDate: first.EndDate, StartDate: first.StartDate}
	if made.Metadata, err = metadata.ApplyTo(made.Metadata); err != nil {
		return nil, err
	}
	sub.Schedule = &made.ID
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return nil, err
	}
	return made, t.Create(made, "subscription_schedule.created")
}

// scheduleAnew plans a subscription that does not exist yet. It begins at once where
// its time has come.
func scheduleAnew(t *state.Tx, in newSchedule) (*Schedule, error) {
	payer, err := state.Find[customer.Customer](t, "customer", *in.customer, apierror.NotFound("customer", *in.customer, "customer"))
	if err != nil {
		return nil, err
	}
	made := newScheduleOf(t, payer.ID, payer.TestClock)
	form.Set(&made.EndBehavior, in.plan.endBehavior)
	if made.Metadata, err = in.plan.metadata.ApplyTo(made.Metadata); err != nil {
		return nil, err
	}
	if made.Phases, err = in.plan.layOut(t, max(*in.start, t.Now)); err != nil {
		return nil, err
	}
	if err := t.Create(made, "subscription_schedule.created"); err != nil {
		return nil, err
	}
	if made.Phases[0].StartDate <= t.Now {
		err = beginSchedule(t, made)
	}
	return made, err
}

func newScheduleOf(t *state.Tx, customerID string, clock *string) *Schedule {
	return &Schedule{
		Record: t.NewRecord("subscription_schedule", "sub_sched_1"), Customer: customerID, DefaultSettings: defaultsOfSchedules(),
		EndBehavior: endRelease, Metadata: map[string]string{}, Status: scheduleNotStarted, TestClock: clock,
	}
}

func newPhase(currency string, start, end int64) phase {
	return phase{
		AddInvoiceItems: []struct{}{}, Currency: currency, DefaultTaxRates: []string{}, EndDate: end, Metadata: map[string]string{},
		ProrationBehavior: "create_prorations", StartDate: start,
	}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
