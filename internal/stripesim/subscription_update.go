package stripesim

// subscriptionChange is what a request asks to change about a subscription.
type subscriptionChange struct {
	items              []itemChange
	proration          string
	behavior           string
	trialEnd           *int64
	collection         *string
	daysDue            *int64
	pause              *pauseCollection
	clearPause         bool
	clearCancelAt      bool
	anchorNow          bool
	terms              subscriptionTerms
	touchesBilling     bool // more than labels: refused before the first payment
	touchesMoreThanEnd bool // more than what may still change on a canceled subscription
}

// itemChange adds an item, or changes or deletes the one with the given id.
type itemChange struct {
	id, price *string
	param     string // the name of the element, for errors
	quantity  *int64
	deleted   bool
	metadata  metadataChange
}

// labelParams may change at any time before the end, endParams even after it.
var (
	labelParams = map[string]bool{"default_payment_method": true, "payment_settings": true, "description": true, "off_session": true, "trial_settings": true}
	endParams   = map[string]bool{"cancellation_details": true, "metadata": true, "expand": true}
)

func readSubscriptionChange(p *params, now int64) subscriptionChange {
	in := subscriptionChange{
		proration:  orDefault(p.choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations"),
		behavior:   orDefault(p.choice("payment_behavior", behaviorAllow, behaviorDefault, behaviorError, behaviorPending), behaviorAllow),
		trialEnd:   readTrialEnd(p, now),
		collection: p.choice("collection_method", chargeAutomatically, sendInvoices),
		daysDue:    p.between("days_until_due", 0, 365),
		clearPause: p.cleared("pause_collection"), clearCancelAt: p.cleared("cancel_at"),
		anchorNow: orDefault(p.choice("billing_cycle_anchor", "now", "unchanged"), "unchanged") == "now",
		terms:     readSubscriptionTerms(p),
	}
	p.integer("proration_date")
	in.terms.cancellation = readCancellation(p)
	if in.clearCancelAt {
		p.take("cancel_at")
	} else {
		in.terms.cancelAt = readFuture(p, "cancel_at", now)
	}
	if pause := p.object("pause_collection"); pause != nil {
		in.pause = &pauseCollection{ResumesAt: pause.integer("resumes_at")}
		if behavior := pause.choice("behavior", "keep_as_draft", "mark_uncollectible", "void"); behavior != nil {
			in.pause.Behavior = *behavior
		} else {
			pause.missing("behavior")
		}
	}
	if in.behavior == behaviorPending {
		p.fail(invalid("payment_behavior", "The sandbox does not model pending updates"))
	}
	for _, item := range p.objects("items") {
		in.items = append(in.items, readItemChange(item))
	}
	for _, key := range p.fields.order {
		in.touchesMoreThanEnd = in.touchesMoreThanEnd || !endParams[key]
		in.touchesBilling = in.touchesBilling || !endParams[key] && !labelParams[key]
	}
	return in
}

func readItemChange(p *params) itemChange {
	return itemChange{
		id: p.text("id", maxText), price: p.text("price", maxText), param: p.path,
		quantity: p.between("quantity", 0, 1_000_000), deleted: orDefault(p.boolean("deleted"), false), metadata: p.metadata(),
	}
}

func updateSubscription(c *call) (any, error) {
	in := readSubscriptionChange(c.params, c.now)
	if err := c.params.done(subscriptionUnmodelled...); err != nil {
		return nil, err
	}
	sub, err := c.subscriptionByID(c.id())
	if err != nil {
		return nil, err
	}
	if err := checkUpdatable(sub, in); err != nil {
		return nil, err
	}
	payer, err := find[customer](c.tx, "customer", sub.Customer, notFound("customer", sub.Customer, "customer"))
	if err != nil && !sub.ended() {
		return nil, err
	}
	if err := c.applyTerms(sub, in.terms, payer); err != nil {
		return nil, err
	}
	sub.applyCollection(in)
	sub.scheduleEnd(in.terms.cancelAtPeriodEnd, in.terms.cancelAt, c.now)
	if in.clearCancelAt {
		sub.unscheduleEnd()
	}
	declined, err := c.applyBilling(sub, in)
	if err != nil {
		return nil, err
	}
	if declined != nil && in.behavior == behaviorError {
		return nil, nothingLeft(declined, "subscription")
	}
	return c.subscriptionByID(sub.ID)
}

// checkUpdatable refuses what the subscription's status does not allow any more, or not yet.
func checkUpdatable(sub *subscription, in subscriptionChange) error {
	switch {
	case sub.ended() && in.touchesMoreThanEnd:
		return invalid("", "A canceled subscription can only update its cancellation_details and metadata.").
			withCode("invalid_canceled_subscription_fields")
	case sub.Status == statusIncomplete && in.touchesBilling:
		return invalid("", "You cannot update a subscription in `incomplete` status in this way. Pay its first invoice, or cancel it.").
			withCode("status_transition_invalid")
	case in.terms.cancelAt != nil && orDefault(in.terms.cancelAtPeriodEnd, false):
		return invalid("cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	}
	return nil
}

func (x *subscription) applyCollection(in subscriptionChange) {
	set(&x.CollectionMethod, in.collection)
	if in.daysDue != nil {
		x.DaysUntilDue = in.daysDue
	}
	if x.CollectionMethod == chargeAutomatically {
		x.DaysUntilDue = nil
	}
	if in.pause != nil || in.clearPause {
		x.PauseCollection = in.pause
	}
}

// scheduleEnd sets when the subscription is to end by itself, or takes that back. The moment it was first asked for
// stands.
func (x *subscription) scheduleEnd(atPeriodEnd *bool, at *int64, now int64) {
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
			x.unscheduleEnd()
		}
		return
	}
	if x.CanceledAt == nil {
		reason := reasonRequested
		x.CanceledAt, x.CancellationDetails.Reason = &now, &reason
	}
}

func (x *subscription) unscheduleEnd() {
	x.CancelAtPeriodEnd, x.CancelAt, x.CanceledAt, x.CancellationDetails.Reason = false, nil, nil, nil
}

// applyBilling stores the change and bills what follows from new items, a new trial end or a new anchor.
func (c *tx) applyBilling(sub *subscription, in subscriptionChange) (declined *apiError, err error) {
	restart := in.anchorNow
	if len(in.items) > 0 {
		newRhythm, err := c.changeItems(sub, in)
		if err != nil {
			return nil, err
		}
		restart = restart || newRhythm
	}
	if end := in.trialEnd; end != nil {
		if *end > c.now {
			sub.Status, sub.TrialEnd = statusTrialing, end
			sub.BillingCycleAnchor, sub.CurrentPeriodEnd = *end, *end
			if sub.TrialStart == nil {
				sub.TrialStart = &c.now
			}
		} else if sub.Status == statusTrialing {
			stopped, err := c.stopTrial(sub)
			if err != nil || stopped {
				return nil, err
			}
			sub.Status, sub.TrialEnd, restart = statusActive, &c.now, true
		}
	}
	if err := c.update(sub, "customer.subscription.updated"); err != nil {
		return nil, err
	}
	switch {
	case sub.Status == statusTrialing:
		return nil, nil
	case restart:
		return c.renew(sub, reasonUpdate)
	case len(in.items) > 0 && in.proration == "always_invoice":
		return c.collectPending(sub)
	}
	return nil, nil
}

// changeItems applies the item changes, and leaves prorations pending where the request wants them. It reports whether
// the billing rhythm became another one, which begins a new period.
func (c *tx) changeItems(sub *subscription, in subscriptionChange) (newRhythm bool, err error) {
	before, err := c.pricesOf(sub)
	if err != nil {
		return false, err
	}
	old := *sub
	old.Items.Data = append([]subscriptionItem(nil), sub.Items.Data...)
	for _, change := range in.items {
		if err := c.changeItem(sub, change); err != nil {
			return false, err
		}
	}
	if len(sub.Items.Data) == 0 {
		return false, invalid("items", "A subscription must have at least one active plan. To cancel a subscription, please use the cancel API endpoint on the subscription.")
	}
	after, err := c.pricesOf(sub)
	if err != nil {
		return false, err
	}
	if err := sameRhythm(after); err != nil {
		return false, err
	}
	if after[0].Currency != sub.Currency {
		return false, invalid("items", "The currency of a subscription cannot change: it is `%s`, the new price's is `%s`.", sub.Currency, after[0].Currency)
	}
	was, is := before[0].Recurring, after[0].Recurring
	newRhythm = was.Interval != is.Interval || was.IntervalCount != is.IntervalCount
	if in.proration == "none" || sub.Status == statusTrialing {
		return newRhythm, nil
	}
	return newRhythm, c.prorate(&old, sub, newRhythm)
}

func (c *tx) pricesOf(sub *subscription) ([]*price, error) {
	var all []*price
	for _, item := range sub.Items.Data {
		terms, err := c.priceByID(item.Price)
		if err != nil {
			return nil, err
		}
		all = append(all, terms)
	}
	return all, nil
}

// changeItem applies one element of the items parameter.
func (c *tx) changeItem(sub *subscription, change itemChange) error {
	if change.id == nil {
		if change.price == nil {
			return invalid(change.param+"[price]", "Missing required param: %s[price].", change.param).withCode("parameter_missing")
		}
		_, err := c.addItems(sub, []newItem{{
			price: *change.price, param: change.param + "[price]", quantity: change.quantity, metadata: change.metadata,
		}})
		return err
	}
	for i := range sub.Items.Data {
		item := &sub.Items.Data[i]
		if item.ID != *change.id {
			continue
		}
		if change.deleted {
			sub.Items.Data = append(sub.Items.Data[:i:i], sub.Items.Data[i+1:]...)
			return nil
		}
		if change.price != nil {
			terms, err := c.subscribable(*change.price, change.param+"[price]")
			if err != nil {
				return err
			}
			for j := range sub.Items.Data {
				if j != i && sub.Items.Data[j].Price == terms.ID {
					return samePriceTwice(terms.ID)
				}
			}
			item.Price = terms.ID
		}
		terms, err := c.priceByID(item.Price)
		if err != nil {
			return err
		}
		asked := change.quantity
		if asked == nil && !terms.metered() {
			asked = item.Quantity
		}
		if item.Quantity, err = terms.quantity(asked, change.param+"[quantity]"); err != nil {
			return err
		}
		item.Metadata, err = change.metadata.applyTo(item.Metadata)
		return err
	}
	return unknownReference("subscription_item", *change.id, change.param+"[id]")
}
