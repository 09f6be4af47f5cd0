package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// subscriptionChange is what a request asks to change about a subscription.
type subscriptionChange struct {
	items              []itemChange
	proration          string
	prorationDate      *int64
	behavior           string
	trialEnd           *int64
	collection         *string
	daysDue            *int64
	pause              *pauseCollection
	clearPause         bool
	clearCancelAt      bool
	anchorNow          bool
	terms              SubscriptionTerms
	touchesBilling     bool // more than labels: refused before the first payment
	touchesMoreThanEnd bool // more than what may still change on a canceled subscription
}

// itemChange adds an item, or changes or deletes the one with the given id.
type itemChange struct {
	id, price *string
	inline    *catalog.Inline // instead of a price that exists
	param     string          // the name of the element, for errors
	quantity  *int64
	deleted   bool
	metadata  form.MetadataChange
	taxRates  tax.Choice
}

// labelParams may change at any time before the end, endParams even after it.
var (
	labelParams = map[string]bool{"default_payment_method": true, "payment_settings": true, "description": true, "off_session": true, "trial_settings": true}
	endParams   = map[string]bool{"cancellation_details": true, "metadata": true, "expand": true}
)

func readSubscriptionChange(p *form.Params, now int64) subscriptionChange {
	in := subscriptionChange{
		proration:     form.OrDefault(p.Choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations"),
		behavior:      form.OrDefault(p.Choice("payment_behavior", BehaviorAllow, behaviorDefault, BehaviorError, behaviorPending), BehaviorAllow),
		trialEnd:      readTrialEnd(p, now),
		collection:    p.Choice("collection_method", ChargeAutomatically, sendInvoices),
		prorationDate: p.Integer("proration_date"),
		daysDue:       p.Between("days_until_due", 0, 365),
		clearPause:    p.Cleared("pause_collection"), clearCancelAt: p.Cleared("cancel_at"),
		anchorNow: form.OrDefault(p.Choice("billing_cycle_anchor", "now", "unchanged"), "unchanged") == "now",
		terms:     readSubscriptionTerms(p),
	}
	in.terms.cancellation = readCancellation(p)
	if in.clearCancelAt {
		p.Take("cancel_at")
	} else {
		in.terms.cancelAt = ReadFuture(p, "cancel_at", now)
	}
	if pause := p.Object("pause_collection"); pause != nil {
		in.pause = &pauseCollection{ResumesAt: pause.Integer("resumes_at")}
		if behavior := pause.Choice("behavior", "keep_as_draft", "mark_uncollectible", "void"); behavior != nil {
			in.pause.Behavior = *behavior
		} else {
			pause.Missing("behavior")
		}
	}
	if in.behavior == behaviorPending {
		p.Fail(apierror.Invalid("payment_behavior", "The sandbox does not model pending updates"))
	}
	for _, item := range p.Objects("items") {
		in.items = append(in.items, readItemChange(item))
	}
	for _, key := range p.Fields.Order {
		in.touchesMoreThanEnd = in.touchesMoreThanEnd || !endParams[key]
		in.touchesBilling = in.touchesBilling || !endParams[key] && !labelParams[key]
	}
	return in
}

func readItemChange(p *form.Params) itemChange {
	price, inline := readItemPrice(p)
	return itemChange{
		id: p.Text("id", form.MaxText), price: price, inline: inline, param: p.Path,
		quantity: p.Between("quantity", 0, 1_000_000), deleted: form.OrDefault(p.Boolean("deleted"), false), metadata: p.Metadata(),
		taxRates: tax.Read(p, "tax_rates"),
	}
}

func updateSubscription(c *state.Request) (any, error) {
	in := readSubscriptionChange(c.Params, c.Now)
	if err := c.Params.Done(append(subscriptionUnmodelled, "add_invoice_items", "backdate_start_date", "trial_from_plan")...); err != nil {
		return nil, err
	}
	sub, err := SubscriptionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if err := checkUpdatable(sub, in); err != nil {
		return nil, err
	}
	payer, err := state.Find[customer.Customer](c.Tx, "customer", sub.Customer, apierror.NotFound("customer", sub.Customer, "customer"))
	if err != nil && !sub.Ended() {
		return nil, err
	}
	if err := applyTerms(c.Tx, sub, in.terms, payer); err != nil {
		return nil, err
	}
	sub.applyCollection(in)
	sub.ScheduleEnd(in.terms.cancelAtPeriodEnd, in.terms.cancelAt, c.Now)
	if in.clearCancelAt {
		sub.UnscheduleEnd()
	}
	if err := sub.redeemLater(c.Tx, in.terms.Discount); err != nil {
		return nil, err
	}
	declined, err := applyBilling(c.Tx, sub, in)
	if err != nil {
		return nil, err
	}
	if declined != nil && in.behavior == BehaviorError {
		return nil, apierror.NothingLeft(declined, "subscription")
	}
	return SubscriptionByID(c.Tx, sub.ID)
}

// checkUpdatable refuses what the subscription's status does not allow any more, or not yet.
func checkUpdatable(sub *Subscription, in subscriptionChange) error {
	switch {
	case sub.Ended() && in.touchesMoreThanEnd:
		return apierror.Invalid("", "A canceled subscription can only update its cancellation_details and metadata.").
			WithCode("invalid_canceled_subscription_fields")
	case sub.Status == StatusIncomplete && in.touchesBilling:
		return apierror.Invalid("", "You cannot update a subscription in `incomplete` status in this way. Pay its first invoice, or cancel it.").
			WithCode("status_transition_invalid")
	case sub.Schedule != nil && (in.terms.cancelAt != nil || in.terms.cancelAtPeriodEnd != nil || in.clearCancelAt):
		return managedBySchedule(sub)
	case in.terms.cancelAt != nil && form.OrDefault(in.terms.cancelAtPeriodEnd, false):
		return apierror.Invalid("cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	}
	return nil
}

func (x *Subscription) applyCollection(in subscriptionChange) {
	form.Set(&x.CollectionMethod, in.collection)
	if in.daysDue != nil {
		x.DaysUntilDue = in.daysDue
	}
	if x.CollectionMethod == ChargeAutomatically {
		x.DaysUntilDue = nil
	}
	if in.pause != nil || in.clearPause {
		x.PauseCollection = in.pause
	}
}

// ScheduleEnd sets when the subscription is to end by itself, or takes that back. The
// moment it was first asked for stands.
func (x *Subscription) ScheduleEnd(atPeriodEnd *bool, at *int64, now int64) {
	switch {
	case at != nil:
		x.CancelAtPeriodEnd, x.CancelAt = false, at
	case atPeriodEnd == nil:
		return
	case *atPeriodEnd:
		end := x.CurrentPeriodEnd
		x.CancelAtPeriodEnd, x.CancelAt = true, &end
	default:
		if x.CancelAtPeriodEnd {
			x.UnscheduleEnd()
		}
		return
	}
	if x.CanceledAt == nil {
		reason := ReasonRequested
		x.CanceledAt, x.CancellationDetails.Reason = &now, &reason
	}
}

// UnscheduleEnd takes a planned end back.
func (x *Subscription) UnscheduleEnd() {
	x.CancelAtPeriodEnd, x.CancelAt, x.CanceledAt, x.CancellationDetails.Reason = false, nil, nil, nil
}

// applyBilling stores the change and bills what follows from new items, a new trial end
// or a new anchor.
func applyBilling(t *state.Tx, sub *Subscription, in subscriptionChange) (declined *apierror.Error, err error) {
	restart := in.anchorNow
	if len(in.items) > 0 {
		newRhythm, err := changeItems(t, sub, in)
		if err != nil {
			return nil, err
		}
		restart = restart || newRhythm
	}
	if end := in.trialEnd; end != nil {
		if *end > t.Now {
			sub.Status, sub.TrialEnd = StatusTrialing, end
			sub.BillingCycleAnchor, sub.CurrentPeriodEnd = *end, *end
			if sub.TrialStart == nil {
				sub.TrialStart = &t.Now
			}
			if sub.CancelAtPeriodEnd {
				sub.CancelAt = end // the end of a period that the trial has moved
			}
		} else if sub.Status == StatusTrialing {
			stopped, err := stopTrial(t, sub)
			if err != nil || stopped {
				return nil, err
			}
			sub.Status, sub.TrialEnd, restart = StatusActive, &t.Now, true
		}
	}
	if err := t.Update(sub, "customer.subscription.updated"); err != nil {
		return nil, err
	}
	switch {
	case sub.Status == StatusTrialing:
		return nil, nil
	case restart:
		return renew(t, sub, ReasonUpdate)
	case len(in.items) > 0 && in.proration == "always_invoice":
		return collectPending(t, sub)
	}
	return nil, nil
}

// changeItems applies the item changes, and leaves prorations pending where the request
// wants them. It reports whether the billing rhythm became another one, which begins a
// new period.
func changeItems(t *state.Tx, sub *Subscription, in subscriptionChange) (newRhythm bool, err error) {
	before, err := pricesOf(t, sub)
	if err != nil {
		return false, err
	}
	old := *sub
	old.Items.Data = append([]subscriptionItem(nil), sub.Items.Data...)
	for _, change := range in.items {
		if err := changeItem(t, sub, change); err != nil {
			return false, err
		}
	}
	if len(sub.Items.Data) == 0 {
		return false, apierror.Invalid("items", "A subscription must have at least one active plan. To cancel a subscription, please use the cancel API endpoint on the subscription.")
	}
	after, err := pricesOf(t, sub)
	if err != nil {
		return false, err
	}
	if err := SameRhythm(after); err != nil {
		return false, err
	}
	if after[0].Currency != sub.Currency {
		return false, apierror.Invalid("items", "The currency of a subscription cannot change: it is `%s`, the new price's is `%s`.", sub.Currency, after[0].Currency)
	}
	was, is := before[0].Recurring, after[0].Recurring
	newRhythm = was.Interval != is.Interval || was.IntervalCount != is.IntervalCount
	if in.proration == "none" || sub.Status == StatusTrialing {
		return newRhythm, nil
	}
	at, err := prorationMoment(&old, in.prorationDate, t.Now)
	if err != nil {
		return newRhythm, err
	}
	return newRhythm, prorate(t, &old, sub, newRhythm, at)
}

// prorationMoment is when a change counts from: now, or another moment of the period.
func prorationMoment(sub *Subscription, asked *int64, now int64) (int64, error) {
	if asked == nil {
		return now, nil
	}
	if *asked < sub.CurrentPeriodStart || *asked > sub.CurrentPeriodEnd {
		return 0, apierror.Invalid("proration_date", "Cannot specify `proration_date` outside of the current billing period.")
	}
	return *asked, nil
}

func pricesOf(t *state.Tx, sub *Subscription) ([]*catalog.Price, error) {
	var all []*catalog.Price
	for _, item := range sub.Items.Data {
		terms, err := catalog.PriceByID(t, item.Price)
		if err != nil {
			return nil, err
		}
		all = append(all, terms)
	}
	return all, nil
}

// changeItem applies one element of the items parameter.
func changeItem(t *state.Tx, sub *Subscription, change itemChange) error {
	if change.id == nil {
		if change.price == nil && change.inline == nil {
			return apierror.Invalid(change.param+"[price]", "Missing required param: %s[price].", change.param).WithCode("parameter_missing")
		}
		_, err := addItems(t, sub, []NewItem{{
			Price: form.OrDefault(change.price, ""), Inline: change.inline, Param: change.param + "[price]", Quantity: change.quantity, metadata: change.metadata,
			taxRates: change.taxRates,
		}})
		return err
	}
	i := slices.IndexFunc(sub.Items.Data, func(item subscriptionItem) bool { return item.ID == *change.id })
	switch {
	case i < 0:
		return apierror.UnknownReference("subscription_item", *change.id, change.param+"[id]")
	case change.deleted:
		sub.Items.Data = append(sub.Items.Data[:i:i], sub.Items.Data[i+1:]...)
		return nil
	case change.price != nil || change.inline != nil:
		if err := changePrice(t, sub, i, change); err != nil {
			return err
		}
	}
	item := &sub.Items.Data[i]
	terms, err := catalog.PriceByID(t, item.Price)
	if err != nil {
		return err
	}
	asked := change.quantity
	if asked == nil && !terms.Metered() {
		asked = item.Quantity
	}
	if item.Quantity, err = terms.Quantity(asked, change.param+"[quantity]"); err != nil {
		return err
	}
	if err := change.taxRates.ApplyTo(t, &item.TaxRates); err != nil {
		return err
	}
	item.Metadata, err = change.metadata.ApplyTo(item.Metadata)
	return err
}

// changePrice puts the item at an index on another price, which no other item of the
// subscription may have.
func changePrice(t *state.Tx, sub *Subscription, index int, change itemChange) error {
	terms, err := NewItem{Price: form.OrDefault(change.price, ""), Inline: change.inline, Param: change.param + "[price]"}.terms(t)
	if err != nil {
		return err
	}
	for i, other := range sub.Items.Data {
		if i != index && other.Price == terms.ID {
			return samePriceTwice(terms.ID)
		}
	}
	sub.Items.Data[index].Price = terms.ID
	return nil
}
