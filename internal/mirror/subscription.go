package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/price"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// Subscription is a subscription as Stripe reported it, as far as it
// is mirrored here.
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
	// AsOf is when Stripe was asked.
	AsOf time.Time `json:"as_of"`
}

// ReadSubscription reads Stripe's subscription, which was asked for at a time. The
// invoice comes along when it was expanded.
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
		snap.Invoice = ReadInvoice(i, asOf)
	}
	return snap, nil
}

// moment reads Stripe's seconds; 0 is none.
func moment(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

func (m *Mirror) refreshSubscription(ctx context.Context, stripeID string) error {
	was, err := store.OrNil(m.store.Client.Subscription.Query().Where(subscription.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	var before versions
	if was != nil {
		if err := subscriptionBusy(ctx, m.store.Client, was); err != nil {
			return err
		}
		if before, err = m.latestInvoices(ctx, was.ID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	params := &stripe.SubscriptionParams{Params: read(ctx)}
	params.AddExpand("latest_invoice")
	s, err := m.stripe.Subscriptions.Get(stripeID, params)
	if stripeapi.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	snap, err := ReadSubscription(s, asOf)
	if err != nil {
		return err
	}
	priceRow, err := m.subscribedPrice(ctx, s)
	if err != nil {
		return err
	}
	if was == nil {
		return m.createSubscriptionRow(ctx, s, snap, priceRow)
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.Subscription.Query().Where(subscription.ID(was.ID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
			return err
		}
		if err := subscriptionBusy(ctx, tx.Client, row); err != nil {
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
		if row.PriceID != priceRow.ID {
			if row, err = tx.Subscription.UpdateOne(row).
				SetPriceID(priceRow.ID).SetProductID(priceRow.ProductID).Save(ctx); err != nil {
				return err
			}
		}
		return changedIfUnique(m.ShowSubscription(ctx, tx, row, snap, nil))
	})
}

// subscriptionBusy returns ErrBusy while an operation on a subscription or on
// one of its invoices is unfinished, which ends with Stripe's word on both.
func subscriptionBusy(ctx context.Context, client *ent.Client, row *ent.Subscription) error {
	if err := busy(ctx, client, row.StripeOperationID); err != nil {
		return err
	}
	invoices, err := client.Invoice.Query().
		Where(invoice.SubscriptionID(row.ID), invoice.StripeOperationIDNotNil()).
		All(ctx)
	for _, i := range invoices {
		if err := busy(ctx, client, i.StripeOperationID); err != nil {
			return err
		}
	}
	return err
}

// createSubscriptionRow shows a subscription here that was created in Stripe.
func (m *Mirror) createSubscriptionRow(ctx context.Context, s *stripe.Subscription, snap *Subscription, priceRow *ent.Price) error {
	customer, err := m.customerRow(ctx, s.Customer.ID)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := pending(ctx, tx, s.Metadata); err != nil {
			return err
		}
		row, err := tx.Subscription.Create().
			SetCustomerID(customer.ID).
			SetPriceID(priceRow.ID).
			SetProductID(priceRow.ProductID).
			SetStatus(snap.Status).
			SetCollection(billing.CollectionMethod(strings.ToUpper(string(s.CollectionMethod)))).
			SetCreatedAt(time.Unix(s.Created, 0).UTC()).
			Save(ctx)
		if err != nil {
			return err
		}
		return changedIfUnique(m.ShowSubscription(ctx, tx, row, snap, nil))
	})
}

// subscribedPrice is the row of the price that a subscription is on. One with
// several items is shown by its first.
func (m *Mirror) subscribedPrice(ctx context.Context, s *stripe.Subscription) (*ent.Price, error) {
	if s.Items == nil || len(s.Items.Data) == 0 || s.Items.Data[0].Price == nil {
		return nil, unmirrorable("The subscription %s has no price.", s.ID)
	}
	stripeID := s.Items.Data[0].Price.ID
	query := m.store.Client.Price.Query().Where(price.StripeID(stripeID))
	row, err := query.Clone().Only(ctx)
	if !ent.IsNotFound(err) {
		return row, err
	}
	if err := m.refreshPrice(ctx, stripeID); err != nil {
		return nil, err
	}
	return query.Only(ctx)
}

// subscriptionRow is the id of a subscription's row, which is made if it must
// be.
func (m *Mirror) subscriptionRow(ctx context.Context, stripeID string) (string, error) {
	query := m.store.Client.Subscription.Query().Where(subscription.StripeID(stripeID))
	id, err := query.Clone().OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	if err := m.refreshSubscription(ctx, stripeID); err != nil {
		return "", err
	}
	return query.OnlyID(ctx)
}

// ShowSubscription makes the row what Stripe reported, whatever the state
// table says: Stripe is right about what has happened. A change of state is
// written down, and so is whether the table knows it. The caller makes sure that
// the report is the newest. The operation is the one that has brought it; where
// it is the row's own, it ends with this.
func (m *Mirror) ShowSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *Subscription, operationID *string) error {
	if row.Status == billing.SubscriptionRevoked && s.Status == billing.SubscriptionCanceled {
		s.Status = billing.SubscriptionRevoked // to Stripe, one that was revoked here is canceled
	}
	own := operationID != nil && row.StripeOperationID != nil && *row.StripeOperationID == *operationID
	update := tx.Subscription.UpdateOne(row)
	if own {
		stripesync.Settled(update.Mutation())
	}
	update.SetStatus(s.Status).SetCancelAtPeriodEnd(s.CancelAtPeriodEnd)
	setTime(s.CancelAt, update.SetCancelAt, update.ClearCancelAt)
	setTime(s.CanceledAt, update.SetCanceledAt, update.ClearCanceledAt)
	setTime(s.EndedAt, update.SetEndedAt, update.ClearEndedAt)
	setTime(s.CurrentPeriodStart, update.SetCurrentPeriodStart, update.ClearCurrentPeriodStart)
	setTime(s.CurrentPeriodEnd, update.SetCurrentPeriodEnd, update.ClearCurrentPeriodEnd)
	setTime(s.TrialEnd, update.SetTrialEnd, update.ClearTrialEnd)
	if s.StripeID != "" {
		update.SetStripeID(s.StripeID)
	}
	if s.Invoice != nil {
		id, err := m.ShowInvoice(ctx, tx, InvoiceOwner{CustomerID: row.CustomerID, SubscriptionID: &row.ID}, s.Invoice)
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

func setTime[U any](t *time.Time, set func(time.Time) U, unset func() U) {
	if t != nil {
		set(*t)
	} else {
		unset()
	}
}

// recordTransition writes down what changed between the row and the report.
func (m *Mirror) recordTransition(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *Subscription, operationID *string) error {
	create := tx.SubscriptionTransition.Create().
		SetSubscriptionID(row.ID).
		SetTo(s.Status).
		SetNillableOperationID(operationID).
		SetAt(m.clock())
	if row.StripeID == nil { // its beginning
		return create.SetCause(billing.EventActivate).Exec(ctx)
	}
	cause, changed := billing.EventBetween(
		billing.Reported{Status: row.Status, CancelAtPeriodEnd: row.CancelAtPeriodEnd},
		billing.Reported{Status: s.Status, CancelAtPeriodEnd: s.CancelAtPeriodEnd},
	)
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

// EndSubscriptions shows a customer's live subscriptions as canceled, as
// they are in Stripe once the customer is deleted there.
func (m *Mirror) EndSubscriptions(ctx context.Context, tx *store.Tx, customerID string, operationID *string) error {
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
		snapshot := snapshotOf(row, now)
		snapshot.Status, snapshot.EndedAt = billing.SubscriptionCanceled, &now
		if snapshot.CanceledAt == nil {
			snapshot.CanceledAt = &now
		}
		if err := m.ShowSubscription(ctx, tx, row, snapshot, operationID); err != nil {
			return err
		}
	}
	return nil
}

// snapshotOf is the subscription as it stands here.
func snapshotOf(row *ent.Subscription, asOf time.Time) *Subscription {
	s := &Subscription{
		AsOf:   asOf,
		Status: row.Status, CancelAtPeriodEnd: row.CancelAtPeriodEnd, CancelAt: row.CancelAt,
		CanceledAt: row.CanceledAt, EndedAt: row.EndedAt, TrialEnd: row.TrialEnd,
		CurrentPeriodStart: row.CurrentPeriodStart, CurrentPeriodEnd: row.CurrentPeriodEnd,
	}
	if row.StripeID != nil {
		s.StripeID = *row.StripeID
	}
	return s
}
