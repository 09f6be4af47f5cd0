package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// What becomes of a subscription whose payment does not go through at once.
const (
	BehaviorAllow   = "allow_incomplete"    // it stays, incomplete or past due
	behaviorDefault = "default_incomplete"  // the first payment is left to the frontend
	BehaviorError   = "error_if_incomplete" // the request is refused and leaves nothing
	behaviorPending = "pending_if_incomplete"
)

// The limits of a subscription.
const (
	MaxTrialDays = 730
	maxItems     = 20
)

// subscriptionUnmodelled are Stripe's parameters of a subscription that the sandbox leaves out.
var subscriptionUnmodelled = []string{
	"application_fee_percent", "automatic_tax", "billing_cycle_anchor_config",
	"billing_thresholds", "default_source", "invoice_settings", "on_behalf_of",
	"payment_settings[payment_method_options]", "pending_invoice_item_interval", "transfer_data",
}

// NewSubscription is what a request for a subscription asks for.
type NewSubscription struct {
	Customer   string
	Items      []NewItem
	currency   *string
	TrialDays  *int64
	TrialEnd   *int64
	Collection string
	daysDue    *int64
	Behavior   string
	extras     []extraItem
	anchor     *int64 // from which billing dates are counted; nil: from the beginning, or the trial's end
	backdate   *int64 // when the subscription began, if that is over
	prorates   bool   // whether a first period that an anchor makes shorter costs its share, and the time since a backdated start
	planTrial  bool
	Terms      SubscriptionTerms
}

// NewItem is an item of a new subscription.
type NewItem struct {
	Price    string
	Inline   *catalog.Inline // instead of a price that exists
	Param    string          // the full name of the price parameter, for errors
	Quantity *int64          // nil: 1, or none of what is metered
	metadata form.MetadataChange
	taxRates tax.Choice
}

// SubscriptionTerms are what creation and update have in common.
type SubscriptionTerms struct {
	Description, DefaultMethod *string
	cancelAtPeriodEnd          *bool
	cancelAt                   *int64
	cancellation               cancellationChange
	MissingPaymentMethod       *string
	saveMethod                 *string
	methodTypes                []string
	methodTypesGiven           bool
	Discount                   discount.Choice
	taxRates                   tax.Choice
	Metadata                   form.MetadataChange
}

func readSubscriptionTerms(p *form.Params) SubscriptionTerms {
	terms := SubscriptionTerms{
		Description: p.Clearable("description", 500), DefaultMethod: p.Clearable("default_payment_method", form.MaxText),
		cancelAtPeriodEnd: p.Boolean("cancel_at_period_end"), Metadata: p.Metadata(), Discount: discount.Read(p), taxRates: tax.Read(p, "default_tax_rates"),
	}
	terms.MissingPaymentMethod = ReadMissingMethod(p)
	if settings := p.Object("payment_settings"); settings != nil {
		terms.saveMethod = settings.Choice("save_default_payment_method", "off", "on_subscription")
		terms.methodTypes, terms.methodTypesGiven = settings.Texts("payment_method_types")
	}
	p.Choice("proration_behavior", "always_invoice", "create_prorations", "none")
	p.Boolean("off_session")
	return terms
}

// ReadMissingMethod reads what the end of a trial comes to when nothing is there to pay with.
func ReadMissingMethod(p *form.Params) *string {
	if settings := p.Object("trial_settings"); settings != nil {
		if end := settings.Object("end_behavior"); end != nil {
			return end.Choice("missing_payment_method", "cancel", "create_invoice", "pause")
		}
	}
	return nil
}

func readNewSubscription(p *form.Params, now int64) NewSubscription {
	in := NewSubscription{
		Customer: p.Required("customer", form.MaxText), currency: p.Text("currency", 3),
		TrialDays: p.Between("trial_period_days", 0, MaxTrialDays), TrialEnd: readTrialEnd(p, now),
		Collection: form.OrDefault(p.Choice("collection_method", ChargeAutomatically, sendInvoices), ChargeAutomatically),
		daysDue:    p.Between("days_until_due", 0, 365),
		Behavior:   form.OrDefault(p.Choice("payment_behavior", BehaviorAllow, behaviorDefault, BehaviorError, behaviorPending), BehaviorAllow),
		Terms:      readSubscriptionTerms(p),
		extras:     readExtraItems(p),
		anchor:     ReadFuture(p, "billing_cycle_anchor", now),
		backdate:   p.Integer("backdate_start_date"),
		planTrial:  form.OrDefault(p.Boolean("trial_from_plan"), false),
		prorates:   form.OrDefault(p.Choice("proration_behavior", "always_invoice", "create_prorations", "none"), "") != "none",
	}
	in.Terms.cancelAt = ReadFuture(p, "cancel_at", now)
	for _, item := range p.Objects("items") {
		id, inline := readItemPrice(item)
		if id == nil && inline == nil {
			item.Missing("price")
		}
		in.Items = append(in.Items, NewItem{
			Price: form.OrDefault(id, ""), Inline: inline, Param: item.Name("price"),
			Quantity: item.Between("quantity", 0, 1_000_000), metadata: item.Metadata(), taxRates: tax.Read(item, "tax_rates"),
		})
	}
	switch {
	case len(in.Items) == 0:
		p.Missing("items")
	case len(in.Items) > maxItems:
		p.Fail(apierror.Invalid("items", "A subscription can have up to %d items.", maxItems))
	case in.planTrial && (in.TrialDays != nil || in.TrialEnd != nil):
		p.Fail(apierror.Invalid("trial_from_plan", "You may only specify one of these parameters: trial_from_plan, trial_end, trial_period_days."))
	case in.anchor != nil && (in.planTrial || in.TrialDays != nil || in.TrialEnd != nil):
		p.Fail(apierror.Invalid("billing_cycle_anchor", "The sandbox does not model `billing_cycle_anchor` together with a trial"))
	case in.backdate != nil && *in.backdate > now:
		p.Fail(apierror.Invalid("backdate_start_date", "Invalid timestamp: `backdate_start_date` must be in the past."))
	case in.backdate != nil && (in.planTrial || in.TrialDays != nil || in.TrialEnd != nil):
		p.Fail(apierror.Invalid("backdate_start_date", "The sandbox does not model `backdate_start_date` together with a trial"))
	case in.TrialDays != nil && in.TrialEnd != nil:
		p.Fail(apierror.Invalid("trial_end", "You may only specify one of these parameters: trial_period_days, trial_end."))
	case in.Behavior == behaviorPending:
		p.Fail(apierror.Invalid("payment_behavior", "`payment_behavior=pending_if_incomplete` can only be used to update a subscription."))
	case in.Collection == sendInvoices && in.daysDue == nil:
		p.Fail(apierror.Invalid("days_until_due", "You must pass `days_until_due` when `collection_method` is `send_invoice`."))
	}
	return in
}

// readTrialEnd reads the moment a trial ends; the word "now" is the call's own time.
func readTrialEnd(p *form.Params, now int64) *int64 {
	if f := p.Fields.Children["trial_end"]; f != nil && f.Value == "now" {
		p.Take("trial_end")
		return &now
	}
	return ReadFuture(p, "trial_end", now)
}

// ReadFuture reads a moment that is still to come.
func ReadFuture(p *form.Params, key string, now int64) *int64 {
	moment := p.Integer(key)
	if moment != nil && *moment <= now {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid timestamp: must be an integer Unix timestamp in the future."))
	}
	return moment
}

func createSubscription(c *state.Request) (any, error) {
	in := readNewSubscription(c.Params, c.Now)
	if err := c.Params.Done(subscriptionUnmodelled...); err != nil {
		return nil, err
	}
	return Subscribe(c.Tx, in)
}

// Subscribe starts a subscription, as far as its payment behavior lets it.
func Subscribe(t *state.Tx, in NewSubscription) (*Subscription, error) {
	payer, err := state.Find[customer.Customer](t, "customer", in.Customer, apierror.NotFound("customer", in.Customer, "customer"))
	if err != nil {
		return nil, err
	}
	sub := buildSubscription(t, in)
	sub.TestClock = payer.TestClock
	terms, err := addItems(t, sub, in.Items)
	if err != nil {
		return nil, err
	}
	if err := claimCurrency(t, payer, sub, in.currency); err != nil {
		return nil, err
	}
	if err := applyTerms(t, sub, in.Terms, payer); err != nil {
		return nil, err
	}
	if in.planTrial {
		in.TrialDays = terms[0].Recurring.TrialPeriodDays
	}
	sub.startWith(terms, in)
	if in.anchor != nil {
		if err := sub.anchorAt(*in.anchor, terms[0].Recurring); err != nil {
			return nil, err
		}
	}
	amount := sub.amount(terms)
	if sub.Status == StatusTrialing {
		amount = 0
	}
	if err := sub.redeem(t, in.Terms.Discount, amount); err != nil {
		return nil, err
	}
	if err := begin(t, sub, payer, in, terms[0]); err != nil {
		return nil, err
	}
	return SubscriptionByID(t, sub.ID)
}

func buildSubscription(t *state.Tx, in NewSubscription) *Subscription {
	sub := &Subscription{
		Record: t.NewRecord("subscription", "sub_1"), Customer: in.Customer,
		BillingCycleAnchor: t.Now, StartDate: t.Now, CurrentPeriodStart: t.Now,
		CollectionMethod: in.Collection, DaysUntilDue: in.daysDue, Metadata: map[string]string{},
		TrialSettings: trialSettings{trialEndBehavior{"create_invoice"}},
	}
	if in.Collection == ChargeAutomatically {
		sub.DaysUntilDue = nil // Stripe takes the parameter, and has no use for it
	}
	if in.backdate != nil {
		sub.StartDate = *in.backdate
	}
	sub.PaymentSettings.SaveDefaultPaymentMethod = new(string)
	*sub.PaymentSettings.SaveDefaultPaymentMethod = "off"
	sub.Items = state.Sublist[subscriptionItem]{Object: "list", URL: "/v1/subscription_items?subscription=" + sub.ID}
	return sub
}

// terms are the price of an item: one that exists, or the one that the request describes.
func (x NewItem) terms(t *state.Tx) (*catalog.Price, error) {
	if x.Inline == nil {
		return subscribable(t, x.Price, x.Param)
	}
	made, err := x.Inline.Make(t)
	if err == nil && made.Recurring == nil {
		err = apierror.Invalid(x.Param, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return made, err
}

// readItemPrice reads the price of an item: named as a price or as the plan that it
// once was, or described.
func readItemPrice(item *form.Params) (id *string, inline *catalog.Inline) {
	price, plan := item.Text("price", form.MaxText), item.Text("plan", form.MaxText)
	if price == nil {
		price = plan
	}
	return price, catalog.ReadInline(item, "price_data")
}

// addItems adds the requested items, and returns their prices.
func addItems(t *state.Tx, sub *Subscription, items []NewItem) ([]*catalog.Price, error) {
	var all []*catalog.Price
	for _, in := range items {
		terms, err := in.terms(t)
		if err != nil {
			return nil, err
		}
		all = append(all, terms)
		metadata, err := in.metadata.ApplyTo(nil)
		if err != nil {
			return nil, err
		}
		quantity, err := terms.Quantity(in.Quantity, in.Param)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(sub.Items.Data, func(other subscriptionItem) bool { return other.Price == terms.ID }) {
			return nil, samePriceTwice(terms.ID)
		}
		added := subscriptionItem{
			ID: state.NewID("si_"), Object: "subscription_item", Created: t.Now, Metadata: metadata,
			Price: terms.ID, Quantity: quantity, Subscription: sub.ID,
		}
		if err := in.taxRates.ApplyTo(t, &added.TaxRates); err != nil {
			return nil, err
		}
		sub.Items.Data = append(sub.Items.Data, added)
	}
	return all, SameRhythm(all)
}

func samePriceTwice(id string) *apierror.Error {
	return apierror.Invalid("plan", "Cannot create a Subscription with multiple Subscription Items with the same Price: %s.", id)
}

// subscribable is a price that a subscription can be put on: active and recurring.
func subscribable(t *state.Tx, id, param string) (*catalog.Price, error) {
	terms, err := state.Find[catalog.Price](t, "price", id, apierror.UnknownReference("price", id, param))
	switch {
	case err != nil:
		return nil, err
	case !terms.Active:
		return nil, apierror.Invalid(param, "The price specified is inactive. This field only accepts active prices.")
	case terms.Recurring == nil:
		return nil, apierror.Invalid(param, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return terms, nil
}

// SameRhythm refuses items that would have to be billed at different times or in
// different currencies.
func SameRhythm(all []*catalog.Price) error {
	for _, terms := range all {
		switch {
		case terms.Recurring.Interval != all[0].Recurring.Interval || terms.Recurring.IntervalCount != all[0].Recurring.IntervalCount:
			return apierror.Invalid("items", "If you specify more than one price, they must have the same billing interval and interval count.")
		case terms.Currency != all[0].Currency:
			return apierror.Invalid("items", "All prices on a subscription must have the same `currency`.")
		}
	}
	return nil
}

// claimCurrency settles in what currency the customer pays, once and for all.
func claimCurrency(t *state.Tx, payer *customer.Customer, sub *Subscription, asked *string) error {
	first, err := catalog.PriceByID(t, sub.Items.Data[0].Price)
	if err != nil {
		return err
	}
	sub.Currency = first.Currency
	switch {
	case asked != nil && *asked != sub.Currency:
		return apierror.Invalid("currency", "The price specified only supports `%s`. This doesn't match the expected currency: `%s`.", sub.Currency, *asked)
	case payer.Currency == nil:
		payer.Currency = &sub.Currency
		return t.Update(payer, "customer.updated")
	case *payer.Currency != sub.Currency:
		return apierror.Invalid("", "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency %s", *payer.Currency)
	}
	return nil
}

// applyTerms sets what the request says about a subscription, new or not.
func applyTerms(t *state.Tx, sub *Subscription, in SubscriptionTerms, payer *customer.Customer) (err error) {
	form.SetNullable(&sub.Description, in.Description)
	form.Set(&sub.TrialSettings.EndBehavior.MissingPaymentMethod, in.MissingPaymentMethod)
	if in.saveMethod != nil {
		sub.PaymentSettings.SaveDefaultPaymentMethod = in.saveMethod
	}
	if in.methodTypesGiven {
		sub.PaymentSettings.PaymentMethodTypes = in.methodTypes
	}
	if id := in.DefaultMethod; id != nil && *id != "" {
		method, err := customer.ChosenMethod(t, *id, payer, "default_payment_method")
		if err != nil {
			return err
		}
		sub.DefaultPaymentMethod = &method.ID
	} else if id != nil {
		sub.DefaultPaymentMethod = nil
	}
	if err := in.taxRates.ApplyTo(t, &sub.DefaultTaxRates); err != nil {
		return err
	}
	in.cancellation.applyTo(sub)
	sub.Metadata, err = in.Metadata.ApplyTo(sub.Metadata)
	return err
}

// startWith sets the first period and the status that the subscription starts in.
func (x *Subscription) startWith(terms []*catalog.Price, in NewSubscription) {
	trialEnd := in.TrialEnd
	if days := form.OrDefault(in.TrialDays, 0); days > 0 {
		end := x.Created + days*billing.SecondsPerDay
		trialEnd = &end
	}
	switch {
	case trialEnd != nil && *trialEnd > x.Created:
		x.Status, x.TrialStart, x.TrialEnd = StatusTrialing, &x.Created, trialEnd
		x.BillingCycleAnchor, x.CurrentPeriodEnd = *trialEnd, *trialEnd
	default:
		x.Status = StatusActive
		x.CurrentPeriodEnd = billing.PeriodEnd(x.Created, x.Created, terms[0].Recurring)
		if in.Collection == ChargeAutomatically && x.amount(terms) > 0 {
			x.Status = StatusIncomplete
		}
	}
	x.ScheduleEnd(in.Terms.cancelAtPeriodEnd, in.Terms.cancelAt, x.Created)
}

// amount is what a whole period costs.
func (x *Subscription) amount(terms []*catalog.Price) (total int64) {
	for i, item := range x.Items.Data {
		total += terms[i].Cost(item.Quantity)
	}
	return total
}

// checkPayable refuses a subscription that has to be paid now by a customer who has
// nothing to pay with.
func checkPayable(t *state.Tx, sub *Subscription, payer *customer.Customer, behavior string, first *Invoice) error {
	if sub.Status != StatusIncomplete || behavior == behaviorDefault || first.Total+payer.Balance <= 0 {
		return nil
	}
	method, err := MethodOf(t, sub.DefaultPaymentMethod, payer)
	if err == nil && method == nil {
		return apierror.NoPaymentMethod()
	}
	return err
}

// begin stores the subscription with its first invoice, and collects that as far as the
// payment behavior says.
func begin(t *state.Tx, sub *Subscription, payer *customer.Customer, in NewSubscription, first *catalog.Price) error {
	due, err := firstInvoice(t, sub, payer, in, first)
	if err != nil {
		return err
	}
	if err := checkPayable(t, sub, payer, in.Behavior, due); err != nil {
		return err
	}
	sub.LatestInvoice = &due.ID
	if err := prepareSetup(t, sub, payer); err != nil {
		return err
	}
	if err := t.Create(sub, "customer.subscription.created"); err != nil {
		return err
	}
	if sub.Status == StatusTrialing && *sub.TrialEnd-t.Now <= trialNotice {
		if err := t.Emit("customer.subscription.trial_will_end", sub, nil); err != nil {
			return err
		}
	}
	if err := t.Create(due, "invoice.created"); err != nil {
		return err
	}
	if in.Behavior == behaviorDefault && sub.CollectionMethod == ChargeAutomatically {
		return Finalize(t, due)
	}
	declined, err := collectInvoice(t, due)
	if err != nil || declined == nil || in.Behavior != BehaviorError {
		return err
	}
	return apierror.NothingLeft(declined, "subscription")
}

// prepareSetup makes the setup intent by which a customer leaves a payment method for a
// subscription that asks for nothing yet.
func prepareSetup(t *state.Tx, sub *Subscription, payer *customer.Customer) error {
	if sub.CollectionMethod != ChargeAutomatically || sub.Status == StatusIncomplete {
		return nil
	}
	method, err := MethodOf(t, sub.DefaultPaymentMethod, payer)
	if err != nil || method != nil {
		return err
	}
	intent := NewSetupIntent(t, &payer.ID)
	sub.PendingSetupIntent = &intent.ID
	return t.Create(intent, "setup_intent.created")
}
