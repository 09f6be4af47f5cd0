package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// Subscription is what is shown of a subscription in Stripe. It is JSON in results
// of steps.
type Subscription struct {
	StripeID           string                     `json:"stripe_id"`
	Status             billing.SubscriptionStatus `json:"status"`
	CancelAtPeriodEnd  bool                       `json:"cancel_at_period_end,omitempty"`
	CancelAt           *time.Time                 `json:"cancel_at,omitempty"`
	CanceledAt         *time.Time                 `json:"canceled_at,omitempty"`
	EndedAt            *time.Time                 `json:"ended_at,omitempty"`
	CurrentPeriodStart *time.Time                 `json:"current_period_start,omitempty"`
	CurrentPeriodEnd   *time.Time                 `json:"current_period_end,omitempty"`
	TrialEnd           *time.Time                 `json:"trial_end,omitempty"`
	Invoice            *Invoice                   `json:"invoice,omitempty"`
	// Terms is nil in reports that do not include it.
	Terms *Terms `json:"terms,omitempty"`
	// AsOf is when Stripe was asked.
	AsOf time.Time `json:"as_of"`
}

// Terms is what a subscription charges for, and how.
type Terms struct {
	Items       []Item                   `json:"items"`
	Currency    string                   `json:"currency"`
	Collection  billing.CollectionMethod `json:"collection"`
	Metadata    map[string]string        `json:"metadata,omitempty"`
	Pause       *Pause                   `json:"pause,omitempty"`
	Unsupported []string                 `json:"unsupported,omitempty"`
}

// Item is an item of a subscription, by ids in Stripe.
type Item struct {
	StripeID      string   `json:"stripe_id"`
	PriceStripeID string   `json:"price"`
	Quantity      *int64   `json:"quantity,omitempty"` // nil when it is metered
	Unsupported   []string `json:"unsupported,omitempty"`
}

// Pause is the pause of a subscription's payment collection.
type Pause struct {
	Behavior billing.PauseBehavior `json:"behavior"`
	Until    *time.Time            `json:"until,omitempty"`
}

// ending reports whether the subscription is scheduled to be canceled, at the end
// of its period or at a date.
func (s *Subscription) ending() bool { return s.CancelAtPeriodEnd || s.CancelAt != nil }

// ReadSubscription reads a subscription of Stripe's, which was requested at asOf,
// with the latest invoice if that was expanded. It fails for a status that is
// unknown here, and when a part of the answer is not JSON as expected.
func ReadSubscription(s *stripe.Subscription, asOf time.Time) (*Subscription, error) {
	reason := ""
	if s.CancellationDetails != nil {
		reason = string(s.CancellationDetails.Reason)
	}
	status, err := billing.StripeStatus(string(s.Status), reason)
	if err != nil {
		return nil, err
	}
	snap := &Subscription{
		StripeID:           s.ID,
		Status:             status,
		CancelAtPeriodEnd:  s.CancelAtPeriodEnd,
		CancelAt:           moment(s.CancelAt),
		CanceledAt:         moment(s.CanceledAt),
		EndedAt:            moment(s.EndedAt),
		CurrentPeriodStart: moment(s.CurrentPeriodStart),
		CurrentPeriodEnd:   moment(s.CurrentPeriodEnd),
		TrialEnd:           moment(s.TrialEnd),
		AsOf:               asOf,
	}
	if i := s.LatestInvoice; i != nil && i.Status != "" { // expanded
		if snap.Invoice, err = ReadInvoice(i, asOf); err != nil {
			return nil, err
		}
	}
	snap.Terms, err = readTerms(s)
	return snap, err
}

func readTerms(s *stripe.Subscription) (*Terms, error) {
	terms := &Terms{
		Currency:   strings.ToUpper(string(s.Currency)),
		Collection: billing.CollectionMethod(strings.ToUpper(string(s.CollectionMethod))),
		Metadata:   ours(s.Metadata),
	}
	if p := s.PauseCollection; p != nil {
		terms.Pause = &Pause{Behavior: billing.PauseBehavior(strings.ToUpper(string(p.Behavior))), Until: moment(p.ResumesAt)}
	}
	raw, err := rawOf(s.LastResponse, s)
	if err != nil {
		return nil, err
	}
	if terms.Unsupported, err = unsupportedIn("subscription", raw); err != nil {
		return nil, err
	}
	if s.Items == nil {
		return terms, nil
	}
	for _, i := range s.Items.Data {
		item, err := readItem(i)
		if err != nil {
			return nil, err
		}
		terms.Items = append(terms.Items, item)
	}
	return terms, nil
}

func readItem(i *stripe.SubscriptionItem) (Item, error) {
	item := Item{StripeID: i.ID}
	if i.Price != nil {
		item.PriceStripeID = i.Price.ID
	}
	metered := i.Price != nil && i.Price.Recurring != nil && i.Price.Recurring.UsageType == stripe.PriceRecurringUsageTypeMetered
	if !metered {
		item.Quantity = &i.Quantity
	}
	raw, err := rawOf(nil, i)
	if err != nil {
		return item, err
	}
	item.Unsupported, err = unsupportedIn("subscription_item", raw)
	return item, err
}

// moment reads Stripe's seconds; 0 is none.
func moment(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

// subscriptions shows subscriptions, with their items.
type subscriptions struct{ *core }

func (m *subscriptions) refresh(ctx context.Context, stripeID string) error {
	was, before, err := m.known(ctx, stripeID)
	if err != nil {
		return err
	}
	asOf := m.clock()
	params := &stripe.SubscriptionParams{Params: read(ctx)}
	params.AddExpand("latest_invoice")
	s, err := m.stripe.Subscriptions.Get(stripeID, params)
	if stripeapi.IsGone(err) {
		return m.endGone(ctx, was, before)
	}
	if err != nil {
		return err
	}
	return m.mirror(ctx, was, before, s, asOf)
}

// known is the row of a subscription that Stripe is going to be asked
// about, nil when there is none, with what its newest invoices are before that.
func (m *subscriptions) known(ctx context.Context, stripeID string) (*ent.Subscription, versions, error) {
	was, err := store.OrNil(m.store.Reader.Subscription.Query().Where(subscription.StripeID(stripeID)).Only(ctx))
	if was == nil || err != nil {
		return nil, nil, err
	}
	if err := subscriptionBusy(ctx, m.store.Reader, was); err != nil {
		return nil, nil, err
	}
	before, err := m.invoices.latest(ctx, was.ID)
	return was, before, err
}

// mirror makes the row what Stripe said as of a time.
func (m *subscriptions) mirror(ctx context.Context, was *ent.Subscription, before versions, s *stripe.Subscription, asOf time.Time) error {
	if err := m.completeItems(ctx, s); err != nil {
		return err
	}
	snap, err := ReadSubscription(s, asOf)
	if err != nil {
		return err
	}
	if err := m.ensurePrices(ctx, s); err != nil {
		return err
	}
	if was == nil {
		return m.create(ctx, s, snap)
	}
	return m.update(ctx, was, before, snap)
}

func (m *subscriptions) update(ctx context.Context, was *ent.Subscription, before versions, snap *Subscription) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.Subscription.Query().Where(subscription.ID(was.ID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
			return err
		}
		if err := subscriptionBusy(ctx, tx.Reader(), row); err != nil {
			return err
		}
		if i := snap.Invoice; i != nil {
			invoiceRow, err := lockInvoice(ctx, tx, i.StripeID)
			if err != nil {
				return err
			}
			if err := stillInvoice(ctx, tx, before, i.StripeID, invoiceRow); err != nil {
				return err
			}
		}
		return changedIfUnique(m.showReport(ctx, tx, row, snap, nil))
	})
}

// endGone shows a subscription as ended that Stripe does not have any more.
func (m *subscriptions) endGone(ctx context.Context, was *ent.Subscription, before versions) error {
	if was == nil || was.Status.Ended() {
		return nil
	}
	return m.update(ctx, was, before, Ended(was, m.clock()))
}

// subscriptionBusy returns ErrBusy while an operation on a subscription or on one
// of its invoices is unfinished: at its end both are shown as Stripe has them.
func subscriptionBusy(ctx context.Context, r *store.Reader, row *ent.Subscription) error {
	if err := busy(ctx, r, row.StripeOperationID); err != nil {
		return err
	}
	invoices, err := r.Invoice.Query().
		Where(invoice.SubscriptionID(row.ID), invoice.StripeOperationIDNotNil()).
		All(ctx)
	for _, i := range invoices {
		if err := busy(ctx, r, i.StripeOperationID); err != nil {
			return err
		}
	}
	return err
}

// create shows a subscription here that was created in Stripe.
func (m *subscriptions) create(ctx context.Context, s *stripe.Subscription, snap *Subscription) error {
	customer, err := m.customers.row(ctx, s.Customer.ID)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := pending(ctx, tx, s.Metadata); err != nil {
			return err
		}
		first, err := firstPrice(ctx, tx, snap.Terms.Items)
		if err != nil {
			return err
		}
		row, err := tx.Subscription.Create().
			SetCustomerID(customer.ID).
			SetPriceID(first.ID).
			SetProductID(first.ProductID).
			SetStatus(snap.Status).
			SetCollection(snap.Terms.Collection).
			SetCreatedAt(time.Unix(s.Created, 0).UTC()).
			Save(ctx)
		if err != nil {
			return err
		}
		return changedIfUnique(m.showReport(ctx, tx, row, snap, nil))
	})
}

// row is the id of a subscription's row, which is made if it must
// be.
func (m *subscriptions) row(ctx context.Context, stripeID string) (string, error) {
	query := m.store.Reader.Subscription.Query().Where(subscription.StripeID(stripeID))
	id, err := query.Clone().OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	if err := m.refresh(ctx, stripeID); err != nil {
		return "", err
	}
	return query.OnlyID(ctx)
}

// ShowSubscription makes the row of a subscription equal to a report, and its items
// and latest invoice too. A change of status is recorded as a transition, expected
// or not: what Stripe reports is shown even if the state table does not have it.
// operationID names the operation that made the report, nil for none; if the row
// names the same operation, that ends there. The caller makes sure that no report
// is newer. It fails only when the database does.
func (m *Mirror) ShowSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *Subscription, operationID *string) error {
	return m.subscriptions.showReport(ctx, tx, row, s, operationID)
}

func (m *subscriptions) showReport(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *Subscription, operationID *string) error {
	s.keepRevoked(row)
	own := operationID != nil && row.StripeOperationID != nil && *row.StripeOperationID == *operationID
	update := tx.Subscription.UpdateOne(row)
	if own {
		stripesync.Settled(update.Mutation())
	}
	s.copyTo(update.Mutation())
	if s.Terms != nil {
		if err := showItemsOf(ctx, tx, update.Mutation(), row, s.Terms, s.AsOf); err != nil {
			return err
		}
	}
	if s.StripeID != "" {
		update.SetStripeID(s.StripeID)
	}
	if s.Invoice != nil {
		id, err := m.invoices.showReport(ctx, tx, InvoiceOwner{CustomerID: row.CustomerID, SubscriptionID: &row.ID}, s.Invoice)
		if err != nil {
			return err
		}
		update.SetLatestInvoiceID(id)
	}
	if own {
		update.SetStripeSyncedAt(s.AsOf)
	} else if err := reported(ctx, tx, update.Mutation(), row.Stripe(), s.AsOf); err != nil {
		return err
	}
	if err := update.Exec(ctx); err != nil {
		return err
	}
	return m.recordTransition(ctx, tx, row, s, operationID)
}

// keepRevoked tells a subscription that was revoked here from one that was canceled:
// to Stripe they are the same.
func (s *Subscription) keepRevoked(row *ent.Subscription) {
	if row.Status == billing.SubscriptionRevoked && s.Status == billing.SubscriptionCanceled {
		s.Status = billing.SubscriptionRevoked
	}
}

// copyTo writes the report, but for what has rows of its own.
func (s *Subscription) copyTo(m *ent.SubscriptionMutation) {
	m.SetStatus(s.Status)
	m.SetCancelAtPeriodEnd(s.CancelAtPeriodEnd)
	setTime(s.CancelAt, m.SetCancelAt, m.ClearCancelAt)
	setTime(s.CanceledAt, m.SetCanceledAt, m.ClearCanceledAt)
	setTime(s.EndedAt, m.SetEndedAt, m.ClearEndedAt)
	setTime(s.CurrentPeriodStart, m.SetCurrentPeriodStart, m.ClearCurrentPeriodStart)
	setTime(s.CurrentPeriodEnd, m.SetCurrentPeriodEnd, m.ClearCurrentPeriodEnd)
	setTime(s.TrialEnd, m.SetTrialEnd, m.ClearTrialEnd)
	if s.Terms != nil {
		s.Terms.copyTo(m)
	}
}

func setTime(t *time.Time, set func(time.Time), unset func()) {
	if t != nil {
		set(*t)
	} else {
		unset()
	}
}

// recordTransition writes down what changed between the row and the report.
func (m *subscriptions) recordTransition(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *Subscription, operationID *string) error {
	create := tx.SubscriptionTransition.Create().
		SetSubscriptionID(row.ID).
		SetTo(s.Status).
		SetNillableOperationID(operationID).
		SetAt(m.clock())
	if row.StripeID == nil { // its beginning
		return create.SetCause(billing.EventActivate).Exec(ctx)
	}
	was := billing.Reported{Status: row.Status, Ending: Ending(row), Paused: row.PausedBehavior != nil}
	is := billing.Reported{Status: s.Status, Ending: s.ending(), Paused: was.Paused}
	if s.Terms != nil {
		is.Paused = s.Terms.Pause != nil
	}
	cause, changed := billing.EventBetween(was, is)
	if !changed {
		return nil
	}
	expected := row.Status.Knows(cause, s.Status)
	if !expected {
		m.logger.Warn("Stripe reports a change that the state table does not know; it is followed",
			"subscription", row.ID, "from", row.Status, "to", s.Status, "cause", cause)
		unexpectedTransitions.Inc()
	}
	return create.SetFrom(row.Status).SetCause(cause).SetExpected(expected).Exec(ctx)
}

// EndSubscriptions shows a customer's live subscriptions as CANCELED, as Stripe
// cancels them when the customer is deleted there. It fails only when the database
// does.
func (m *Mirror) EndSubscriptions(ctx context.Context, tx *store.Tx, customerID string, operationID *string) error {
	return m.subscriptions.endAll(ctx, tx, customerID, operationID)
}

func (m *subscriptions) endAll(ctx context.Context, tx *store.Tx, customerID string, operationID *string) error {
	rows, err := tx.Subscription.Query().
		Where(
			subscription.CustomerID(customerID), subscription.EndedAtIsNil(),
			subscription.StripeIDNotNil(), // the others are not in Stripe yet
		).
		All(ctx)
	if err != nil {
		return err
	}
	now := m.clock()
	for _, row := range rows {
		if row.Status.Ended() {
			continue
		}
		if err := m.showReport(ctx, tx, row, Ended(row, now), operationID); err != nil {
			return err
		}
	}
	return nil
}

// Ending reports whether a subscription is scheduled to be canceled, at the end of
// its period or at a date.
func Ending(row *ent.Subscription) bool { return row.CancelAtPeriodEnd || row.CancelAt != nil }

// Ended returns the report on a subscription that Stripe has canceled with its
// customer, or does not have any more.
func Ended(row *ent.Subscription, now time.Time) *Subscription {
	s := &Subscription{
		AsOf: now, StripeID: billing.ValueOr(row.StripeID, ""),
		Status: billing.SubscriptionCanceled, EndedAt: &now,
		CancelAtPeriodEnd: row.CancelAtPeriodEnd, CancelAt: row.CancelAt, CanceledAt: row.CanceledAt, TrialEnd: row.TrialEnd,
		CurrentPeriodStart: row.CurrentPeriodStart, CurrentPeriodEnd: row.CurrentPeriodEnd,
	}
	if s.CanceledAt == nil {
		s.CanceledAt = &now
	}
	return s
}
