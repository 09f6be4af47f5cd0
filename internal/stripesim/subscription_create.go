package stripesim

import "slices"

// What becomes of a subscription whose payment does not go through at once.
const (
	behaviorAllow   = "allow_incomplete"    // it stays, incomplete or past due
	behaviorDefault = "default_incomplete"  // the first payment is left to the frontend
	behaviorError   = "error_if_incomplete" // the request is refused and leaves nothing
	behaviorPending = "pending_if_incomplete"
)

const (
	maxTrialDays  = 730
	maxItems      = 20
	secondsPerDay = int64(24 * 60 * 60)
)

// subscriptionUnmodelled are Stripe's parameters of a subscription that the sandbox leaves out.
var subscriptionUnmodelled = []string{
	"add_invoice_items", "application_fee_percent", "automatic_tax", "backdate_start_date", "billing_cycle_anchor_config",
	"billing_thresholds", "coupon", "default_source", "default_tax_rates", "invoice_settings", "on_behalf_of",
	"payment_settings[payment_method_options]", "pending_invoice_item_interval", "promotion_code", "transfer_data", "trial_from_plan",
}

// newSubscription is what a request for a subscription asks for.
type newSubscription struct {
	customer   string
	items      []newItem
	currency   *string
	trialDays  *int64
	trialEnd   *int64
	collection string
	daysDue    *int64
	behavior   string
	terms      subscriptionTerms
}

type newItem struct {
	price    string
	param    string // the full name of the price parameter, for errors
	quantity *int64 // nil: 1, or none of what is metered
	metadata metadataChange
}

// subscriptionTerms are what creation and update have in common.
type subscriptionTerms struct {
	description, defaultMethod *string
	cancelAtPeriodEnd          *bool
	cancelAt                   *int64
	cancellation               cancellationChange
	missingPaymentMethod       *string
	saveMethod                 *string
	methodTypes                []string
	methodTypesGiven           bool
	metadata                   metadataChange
}

func readSubscriptionTerms(p *params) subscriptionTerms {
	terms := subscriptionTerms{
		description: p.clearable("description", 500), defaultMethod: p.clearable("default_payment_method", maxText),
		cancelAtPeriodEnd: p.boolean("cancel_at_period_end"), metadata: p.metadata(),
	}
	terms.missingPaymentMethod = readMissingMethod(p)
	if settings := p.object("payment_settings"); settings != nil {
		terms.saveMethod = settings.choice("save_default_payment_method", "off", "on_subscription")
		terms.methodTypes, terms.methodTypesGiven = settings.texts("payment_method_types")
	}
	p.choice("proration_behavior", "always_invoice", "create_prorations", "none")
	p.boolean("off_session")
	return terms
}

// readMissingMethod reads what the end of a trial comes to when nothing is there to pay with.
func readMissingMethod(p *params) *string {
	if settings := p.object("trial_settings"); settings != nil {
		if end := settings.object("end_behavior"); end != nil {
			return end.choice("missing_payment_method", "cancel", "create_invoice", "pause")
		}
	}
	return nil
}

func readNewSubscription(p *params, now int64) newSubscription {
	in := newSubscription{
		customer: p.required("customer", maxText), currency: p.text("currency", 3),
		trialDays: p.between("trial_period_days", 0, maxTrialDays), trialEnd: readTrialEnd(p, now),
		collection: orDefault(p.choice("collection_method", chargeAutomatically, sendInvoices), chargeAutomatically),
		daysDue:    p.between("days_until_due", 0, 365),
		behavior:   orDefault(p.choice("payment_behavior", behaviorAllow, behaviorDefault, behaviorError, behaviorPending), behaviorAllow),
		terms:      readSubscriptionTerms(p),
	}
	in.terms.cancelAt = readFuture(p, "cancel_at", now)
	for _, item := range p.objects("items") {
		in.items = append(in.items, newItem{
			price: item.required("price", maxText), param: item.name("price"),
			quantity: item.between("quantity", 0, 1_000_000), metadata: item.metadata(),
		})
	}
	switch {
	case len(in.items) == 0:
		p.missing("items")
	case len(in.items) > maxItems:
		p.fail(invalid("items", "A subscription can have up to %d items.", maxItems))
	case in.trialDays != nil && in.trialEnd != nil:
		p.fail(invalid("trial_end", "You may only specify one of these parameters: trial_period_days, trial_end."))
	case in.behavior == behaviorPending:
		p.fail(invalid("payment_behavior", "`payment_behavior=pending_if_incomplete` can only be used to update a subscription."))
	case in.collection == sendInvoices && in.daysDue == nil:
		p.fail(invalid("days_until_due", "You must pass `days_until_due` when `collection_method` is `send_invoice`."))
	case in.collection == chargeAutomatically && in.daysDue != nil:
		p.fail(invalid("days_until_due", "You can only pass `days_until_due` when `collection_method` is `send_invoice`."))
	}
	return in
}

// readTrialEnd reads the moment a trial ends; the word "now" is the call's own time.
func readTrialEnd(p *params, now int64) *int64 {
	if f := p.fields.children["trial_end"]; f != nil && f.value == "now" {
		p.take("trial_end")
		return &now
	}
	return readFuture(p, "trial_end", now)
}

// readFuture reads a moment that is still to come.
func readFuture(p *params, key string, now int64) *int64 {
	moment := p.integer(key)
	if moment != nil && *moment <= now {
		p.fail(invalid(p.name(key), "Invalid timestamp: must be an integer Unix timestamp in the future."))
	}
	return moment
}

func createSubscription(c *call) (any, error) {
	in := readNewSubscription(c.params, c.now)
	if err := c.params.done(append(subscriptionUnmodelled, "billing_cycle_anchor")...); err != nil {
		return nil, err
	}
	return c.subscribe(in)
}

// subscribe starts a subscription, as far as its payment behavior lets it.
func (c *tx) subscribe(in newSubscription) (*subscription, error) {
	payer, err := find[customer](c, "customer", in.customer, notFound("customer", in.customer, "customer"))
	if err != nil {
		return nil, err
	}
	sub := c.newSubscription(in)
	sub.TestClock = payer.TestClock
	terms, err := c.addItems(sub, in.items)
	if err != nil {
		return nil, err
	}
	if err := c.claimCurrency(payer, sub, in.currency); err != nil {
		return nil, err
	}
	if err := c.applyTerms(sub, in.terms, payer); err != nil {
		return nil, err
	}
	sub.startWith(terms, in)
	if err := c.checkPayable(sub, payer, in, terms); err != nil {
		return nil, err
	}
	if err := c.begin(sub, payer, in.behavior); err != nil {
		return nil, err
	}
	return c.subscriptionByID(sub.ID)
}

func (c *tx) newSubscription(in newSubscription) *subscription {
	sub := &subscription{
		record: c.newRecord("subscription", "sub_1"), Customer: in.customer,
		BillingCycleAnchor: c.now, StartDate: c.now, CurrentPeriodStart: c.now,
		CollectionMethod: in.collection, DaysUntilDue: in.daysDue, Metadata: map[string]string{},
		TrialSettings: trialSettings{trialEndBehavior{"create_invoice"}},
	}
	sub.PaymentSettings.SaveDefaultPaymentMethod = new(string)
	*sub.PaymentSettings.SaveDefaultPaymentMethod = "off"
	sub.Items = sublist[subscriptionItem]{Object: "list", URL: "/v1/subscription_items?subscription=" + sub.ID}
	return sub
}

// addItems adds the requested items, and returns their prices.
func (c *tx) addItems(sub *subscription, items []newItem) ([]*price, error) {
	var all []*price
	for _, in := range items {
		terms, err := c.subscribable(in.price, in.param)
		if err != nil {
			return nil, err
		}
		all = append(all, terms)
		metadata, err := in.metadata.applyTo(nil)
		if err != nil {
			return nil, err
		}
		quantity, err := terms.quantity(in.quantity, in.param)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(sub.Items.Data, func(other subscriptionItem) bool { return other.Price == terms.ID }) {
			return nil, samePriceTwice(terms.ID)
		}
		sub.Items.Data = append(sub.Items.Data, subscriptionItem{
			ID: newID("si_"), Object: "subscription_item", Created: c.now, Metadata: metadata,
			Price: terms.ID, Quantity: quantity, Subscription: sub.ID,
		})
	}
	return all, sameRhythm(all)
}

func samePriceTwice(id string) *apiError {
	return invalid("plan", "Cannot create a Subscription with multiple Subscription Items with the same Price: %s.", id)
}

func (x *price) metered() bool { return x.Recurring != nil && x.Recurring.UsageType == usageMetered }

// quantity is how many units an item of the price has: one unless the request says more, and none of what is metered.
func (x *price) quantity(asked *int64, param string) (*int64, error) {
	if x.metered() {
		if asked != nil {
			return nil, invalid(param, "You cannot set the quantity for metered plans.")
		}
		return nil, nil
	}
	one := int64(1)
	if asked == nil {
		asked = &one
	}
	return asked, nil
}

// subscribable is a price that a subscription can be put on: active and recurring.
func (c *tx) subscribable(id, param string) (*price, error) {
	terms, err := find[price](c, "price", id, unknownReference("price", id, param))
	switch {
	case err != nil:
		return nil, err
	case !terms.Active:
		return nil, invalid(param, "The price specified is inactive. This field only accepts active prices.")
	case terms.Recurring == nil:
		return nil, invalid(param, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return terms, nil
}

// sameRhythm refuses items that would have to be billed at different times or in different currencies.
func sameRhythm(all []*price) error {
	for _, terms := range all {
		switch {
		case terms.Recurring.Interval != all[0].Recurring.Interval || terms.Recurring.IntervalCount != all[0].Recurring.IntervalCount:
			return invalid("items", "If you specify more than one price, they must have the same billing interval and interval count.")
		case terms.Currency != all[0].Currency:
			return invalid("items", "All prices on a subscription must have the same `currency`.")
		}
	}
	return nil
}

// claimCurrency settles in what currency the customer pays, once and for all.
func (c *tx) claimCurrency(payer *customer, sub *subscription, asked *string) error {
	first, err := c.priceByID(sub.Items.Data[0].Price)
	if err != nil {
		return err
	}
	sub.Currency = first.Currency
	switch {
	case asked != nil && *asked != sub.Currency:
		return invalid("currency", "The price specified only supports `%s`. This doesn't match the expected currency: `%s`.", sub.Currency, *asked)
	case payer.Currency == nil:
		payer.Currency = &sub.Currency
		return c.update(payer, "customer.updated")
	case *payer.Currency != sub.Currency:
		return invalid("", "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency %s", *payer.Currency)
	}
	return nil
}

// applyTerms sets what the request says about a subscription, new or not.
func (c *tx) applyTerms(sub *subscription, in subscriptionTerms, payer *customer) (err error) {
	setNullable(&sub.Description, in.description)
	set(&sub.TrialSettings.EndBehavior.MissingPaymentMethod, in.missingPaymentMethod)
	if in.saveMethod != nil {
		sub.PaymentSettings.SaveDefaultPaymentMethod = in.saveMethod
	}
	if in.methodTypesGiven {
		sub.PaymentSettings.PaymentMethodTypes = in.methodTypes
	}
	if id := in.defaultMethod; id != nil && *id != "" {
		method, err := c.chosenMethod(*id, payer, "default_payment_method")
		if err != nil {
			return err
		}
		sub.DefaultPaymentMethod = &method.ID
	} else if id != nil {
		sub.DefaultPaymentMethod = nil
	}
	in.cancellation.applyTo(sub)
	sub.Metadata, err = in.metadata.applyTo(sub.Metadata)
	return err
}

// startWith sets the first period and the status that the subscription starts in.
func (x *subscription) startWith(terms []*price, in newSubscription) {
	trialEnd := in.trialEnd
	if days := orDefault(in.trialDays, 0); days > 0 {
		end := x.Created + days*secondsPerDay
		trialEnd = &end
	}
	switch {
	case trialEnd != nil && *trialEnd > x.Created:
		x.Status, x.TrialStart, x.TrialEnd = statusTrialing, &x.Created, trialEnd
		x.BillingCycleAnchor, x.CurrentPeriodEnd = *trialEnd, *trialEnd
	default:
		x.Status = statusActive
		x.CurrentPeriodEnd = periodEnd(x.Created, x.Created, terms[0].Recurring)
		if in.collection == chargeAutomatically && x.amount(terms) > 0 {
			x.Status = statusIncomplete
		}
	}
	x.scheduleEnd(in.terms.cancelAtPeriodEnd, in.terms.cancelAt, x.Created)
}

// amount is what a whole period costs.
func (x *subscription) amount(terms []*price) (total int64) {
	for i, item := range x.Items.Data {
		total += terms[i].cost(item.Quantity)
	}
	return total
}

// checkPayable refuses a subscription that has to be paid now by a customer who has nothing to pay with.
func (c *tx) checkPayable(sub *subscription, payer *customer, in newSubscription, terms []*price) error {
	if sub.Status != statusIncomplete || in.behavior == behaviorDefault || sub.amount(terms)+payer.Balance <= 0 {
		return nil
	}
	method, err := c.methodOf(sub.DefaultPaymentMethod, payer)
	if err == nil && method == nil {
		return noPaymentMethod()
	}
	return err
}

// begin stores the subscription with its first invoice, and collects that as far as the payment behavior says.
func (c *tx) begin(sub *subscription, payer *customer, behavior string) error {
	lines, err := c.periodLines(sub)
	if err != nil {
		return err
	}
	due := c.newInvoice(newID("in_1"), sub, payer, reasonCreate, lines)
	sub.LatestInvoice = &due.ID
	if err := c.prepareSetup(sub, payer); err != nil {
		return err
	}
	if err := c.create(sub, "customer.subscription.created"); err != nil {
		return err
	}
	if sub.Status == statusTrialing && *sub.TrialEnd-c.now <= trialNotice {
		if err := c.emit("customer.subscription.trial_will_end", sub, nil); err != nil {
			return err
		}
	}
	if err := c.create(due, "invoice.created"); err != nil {
		return err
	}
	if behavior == behaviorDefault && sub.CollectionMethod == chargeAutomatically {
		return c.finalize(due)
	}
	declined, err := c.collect(due)
	if err != nil || declined == nil || behavior != behaviorError {
		return err
	}
	return nothingLeft(declined, "subscription")
}

// prepareSetup makes the setup intent by which a customer leaves a payment method for a subscription that asks for
// nothing yet.
func (c *tx) prepareSetup(sub *subscription, payer *customer) error {
	if sub.CollectionMethod != chargeAutomatically || sub.Status == statusIncomplete {
		return nil
	}
	method, err := c.methodOf(sub.DefaultPaymentMethod, payer)
	if err != nil || method != nil {
		return err
	}
	intent := c.newSetupIntent(&payer.ID)
	sub.PendingSetupIntent = &intent.ID
	return c.create(intent, "setup_intent.created")
}

// nothingLeft turns a declined payment into a refusal of the whole request: what it did is undone.
func nothingLeft(declined *apiError, subject string) *apiError {
	refusal := *declined
	if refusal.DeclineCode == "" && refusal.status != 400 {
		refusal = *actionRequired(subject)
	}
	refusal.keepsWork, refusal.Charge, refusal.PaymentIntent = false, "", nil
	return &refusal
}
