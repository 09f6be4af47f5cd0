package subscription

import (
	"fmt"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// scheduleUnmodelled are Stripe's parameters of a schedule and its phases that the
// sandbox leaves out.
var scheduleUnmodelled = append([]string{"default_settings"}, ofEachPhase(
	"add_invoice_items", "application_fee_percent", "automatic_tax", "billing_cycle_anchor", "billing_thresholds", "collection_method",
	"coupon", "currency", "default_payment_method", "default_tax_rates", "discounts", "invoice_settings", "on_behalf_of", "transfer_data",
)...)

func ofEachPhase(params ...string) (names []string) {
	for i := range mostPhases {
		for _, param := range params {
			names = append(names, fmt.Sprintf("phases[%d][%s]", i, param))
		}
	}
	return names
}

// schedulePlan is what creation and update have in common.
type schedulePlan struct {
	phases      []plannedPhase
	endBehavior *string
	metadata    form.MetadataChange
}

// plannedPhase is a phase as a request describes it. It begins where the one before ends.
type plannedPhase struct {
	param       string // the element's name, for errors
	start, end  *int64
	iterations  *int64 // of the price's interval, where no end is given
	items       []NewItem
	proration   string
	trial       bool
	trialEnd    *int64
	description *string
	metadata    form.MetadataChange
}

func readPlan(p *form.Params, now int64) schedulePlan {
	in := schedulePlan{endBehavior: p.Choice("end_behavior", endCancel, endRelease), metadata: p.Metadata()}
	for _, element := range p.Objects("phases") {
		in.phases = append(in.phases, readPhase(element, now))
	}
	if len(in.phases) > mostPhases {
		p.Fail(apierror.Invalid("phases", "A subscription schedule can have up to %d current and future phases.", mostPhases))
	}
	return in
}

func readPhase(p *form.Params, now int64) plannedPhase {
	in := plannedPhase{
		param: p.Path, start: readStart(p, "start_date", now), end: p.Integer("end_date"), iterations: p.Between("iterations", 1, 1_000),
		proration: form.OrDefault(p.Choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations"),
		trial:     form.OrDefault(p.Boolean("trial"), false), trialEnd: p.Integer("trial_end"),
		description: p.Clearable("description", 500), metadata: p.Metadata(),
	}
	for _, item := range p.Objects("items") {
		price, inline := readItemPrice(item)
		if price == nil && inline == nil {
			item.Missing("price")
		}
		in.items = append(in.items, NewItem{
			Price: form.OrDefault(price, ""), Inline: inline, Param: item.Name("price"), Quantity: item.Between("quantity", 0, 1_000_000),
			metadata: item.Metadata(), taxRates: tax.Read(item, "tax_rates"),
		})
	}
	switch {
	case len(in.items) == 0:
		p.Missing("items")
	case in.end != nil && in.iterations != nil:
		p.Fail(apierror.Invalid(p.Name("iterations"), "You may only specify one of these parameters: end_date, iterations."))
	case in.trial && in.trialEnd != nil:
		p.Fail(apierror.Invalid(p.Name("trial_end"), "You may only specify one of these parameters: trial, trial_end."))
	}
	return in
}

// readStart reads a moment that may be over; the word "now" is the request's own time.
func readStart(p *form.Params, key string, now int64) *int64 {
	if f := p.Fields.Children[key]; f != nil && f.Value == "now" {
		p.Take(key)
		return &now
	}
	return p.Integer(key)
}

// layOut gives each phase its dates, from the first one's start on.
func (in schedulePlan) layOut(t *state.Tx, start int64) ([]phase, error) {
	var phases []phase
	for i, planned := range in.phases {
		if planned.start != nil && *planned.start != start && i > 0 {
			return nil, apierror.Invalid(planned.param+"[start_date]", "The start date of a phase has to be the end date of the phase before.")
		}
		next, err := planned.from(t, start)
		if err != nil {
			return nil, err
		}
		phases, start = append(phases, next), next.EndDate
	}
	return phases, nil
}

// from is the phase that begins at a moment.
func (x plannedPhase) from(t *state.Tx, start int64) (phase, error) {
	var all []*catalog.Price
	var items []phaseItem
	for _, in := range x.items {
		terms, err := in.terms(t)
		if err != nil {
			return phase{}, err
		}
		item := phaseItem{Price: terms.ID, TaxRates: []string{}}
		if item.Quantity, err = terms.Quantity(in.Quantity, in.Param); err != nil {
			return phase{}, err
		}
		if item.Metadata, err = in.metadata.ApplyTo(map[string]string{}); err != nil {
			return phase{}, err
		}
		if err := in.taxRates.ApplyTo(t, &item.TaxRates); err != nil {
			return phase{}, err
		}
		all, items = append(all, terms), append(items, item)
	}
	if err := SameRhythm(all); err != nil {
		return phase{}, err
	}
	made := newPhase(all[0].Currency, start, x.endAfter(start, all[0].Recurring))
	if made.EndDate <= start {
		return phase{}, apierror.Invalid(x.param+"[end_date]", "The end date of a phase has to be after its start date.")
	}
	made.Items, made.ProrationBehavior = items, x.proration
	form.SetNullable(&made.Description, x.description)
	if made.TrialEnd = x.trialEnd; x.trial {
		made.TrialEnd = &made.EndDate
	}
	if made.TrialEnd != nil && (*made.TrialEnd < start || *made.TrialEnd > made.EndDate) {
		return phase{}, apierror.Invalid(x.param+"[trial_end]", "The trial of a phase has to end within it.")
	}
	var err error
	made.Metadata, err = x.metadata.ApplyTo(made.Metadata)
	return made, err
}

func (x plannedPhase) endAfter(start int64, terms *billing.Recurring) int64 {
	if x.end != nil {
		return *x.end
	}
	times := form.OrDefault(x.iterations, 1)
	return billing.AddIntervals(time.Unix(start, 0).UTC(), terms.Interval, int(times*terms.IntervalCount)).Unix()
}
