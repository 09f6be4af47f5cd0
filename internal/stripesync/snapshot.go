package stripesync

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// subscriptionSnapshot is a subscription as Stripe reported it, as far as it
// is mirrored here.
type subscriptionSnapshot struct {
	StripeID           string                     `json:"stripe_id"`
	Status             billing.SubscriptionStatus `json:"status"`
	CancelAtPeriodEnd  bool                       `json:"cancel_at_period_end,omitempty"`
	CancelAt           *time.Time                 `json:"cancel_at,omitempty"`
	CanceledAt         *time.Time                 `json:"canceled_at,omitempty"`
	EndedAt            *time.Time                 `json:"ended_at,omitempty"`
	CurrentPeriodStart *time.Time                 `json:"current_period_start,omitempty"`
	CurrentPeriodEnd   *time.Time                 `json:"current_period_end,omitempty"`
	TrialEnd           *time.Time                 `json:"trial_end,omitempty"`
	Invoice            *invoiceSnapshot           `json:"invoice,omitempty"`
	// AsOf is when Stripe was asked.
	AsOf time.Time `json:"as_of"`
}

// invoiceSnapshot is an invoice as Stripe reported it.
type invoiceSnapshot struct {
	StripeID         string                `json:"stripe_id"`
	Number           string                `json:"number,omitempty"`
	Status           billing.InvoiceStatus `json:"status"`
	Currency         string                `json:"currency"`
	Total            int64                 `json:"total"`
	AmountDue        int64                 `json:"amount_due"`
	AmountPaid       int64                 `json:"amount_paid"`
	AmountRemaining  int64                 `json:"amount_remaining"`
	DueDate          *time.Time            `json:"due_date,omitempty"`
	HostedInvoiceURL string                `json:"hosted_invoice_url,omitempty"`
	BillingReason    string                `json:"billing_reason,omitempty"`
	Created          time.Time             `json:"created"`
	// AsOf is when Stripe was asked.
	AsOf time.Time `json:"as_of"`
}

// snapshot reads Stripe's subscription, which was asked for at a time. The
// invoice comes along when it was expanded.
func snapshot(s *stripe.Subscription, asOf time.Time) (*subscriptionSnapshot, error) {
	reason := ""
	if s.CancellationDetails != nil {
		reason = string(s.CancellationDetails.Reason)
	}
	status, err := billing.StripeStatus(string(s.Status), reason)
	if err != nil {
		return nil, err
	}
	snap := &subscriptionSnapshot{
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
		snap.Invoice = snapshotInvoice(i, asOf)
	}
	return snap, nil
}

func invoiceStatus(i *stripe.Invoice) billing.InvoiceStatus {
	return billing.InvoiceStatus(strings.ToUpper(string(i.Status)))
}

func snapshotInvoice(i *stripe.Invoice, asOf time.Time) *invoiceSnapshot {
	return &invoiceSnapshot{
		StripeID:         i.ID,
		Number:           i.Number,
		Status:           invoiceStatus(i),
		Currency:         strings.ToUpper(string(i.Currency)),
		Total:            i.Total,
		AmountDue:        i.AmountDue,
		AmountPaid:       i.AmountPaid,
		AmountRemaining:  i.AmountRemaining,
		DueDate:          moment(i.DueDate),
		HostedInvoiceURL: i.HostedInvoiceURL,
		BillingReason:    string(i.BillingReason),
		Created:          time.Unix(i.Created, 0).UTC(),
		AsOf:             asOf,
	}
}

// moment reads Stripe's seconds; 0 is none.
func moment(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

func (s *subscriptionSnapshot) result() (Result, error) {
	b, err := json.Marshal(s)
	return Result{"subscription": string(b)}, err
}

// seen is the subscription as an operation's steps saw it last; nil when none
// did.
func seen(op *ent.Operation) (*subscriptionSnapshot, error) {
	for i := len(op.Steps) - 1; i >= 0; i-- {
		if text := op.Steps[i].Result["subscription"]; text != "" {
			s := new(subscriptionSnapshot)
			if err := json.Unmarshal([]byte(text), s); err != nil {
				return nil, fmt.Errorf("read what operation %s saw: %w", op.ID, err)
			}
			return s, nil
		}
	}
	return nil, nil
}

// snapshotOf is the subscription as it stands here.
func snapshotOf(row *ent.Subscription, asOf time.Time) *subscriptionSnapshot {
	s := &subscriptionSnapshot{
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

// mirrorSubscription makes the row what Stripe reported, whatever the state
// table says: Stripe is right about what has happened. A change of state is
// written down, and so is whether the table knows it. The operation is the one
// that the report is owed to. Where it is the row's own, it ends with this, and
// nothing newer can have come in between; any other report that is older than
// the row's is passed over.
func (e *Engine) mirrorSubscription(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *subscriptionSnapshot, operationID *string) error {
	if row.Status == billing.SubscriptionRevoked && s.Status == billing.SubscriptionCanceled {
		s.Status = billing.SubscriptionRevoked // to Stripe, one that was revoked here is canceled
	}
	own := operationID != nil && row.StripeOperationID != nil && *row.StripeOperationID == *operationID
	if !own && row.StripeSyncedAt != nil && row.StripeSyncedAt.After(s.AsOf) {
		return nil
	}
	update := tx.Subscription.UpdateOne(row)
	if own {
		settled(update.Mutation())
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
		id, err := e.mirrorInvoice(ctx, tx, invoiceOwner{customerID: row.CustomerID, subscriptionID: &row.ID}, s.Invoice)
		if err != nil {
			return err
		}
		update.SetLatestInvoiceID(id)
	}
	if own {
		update.SetStripeSyncedAt(s.AsOf)
	} else if err := e.reported(ctx, tx, update.Mutation(), row.Stripe(), s.AsOf); err != nil {
		return err
	}
	if err := update.Exec(ctx); err != nil {
		return err
	}
	return e.recordTransition(ctx, tx, row, s, operationID)
}

func setTime[U any](t *time.Time, set func(time.Time) U, unset func() U) {
	if t != nil {
		set(*t)
	} else {
		unset()
	}
}

// recordTransition writes down what changed between the row and the report.
func (e *Engine) recordTransition(ctx context.Context, tx *store.Tx, row *ent.Subscription, s *subscriptionSnapshot, operationID *string) error {
	create := tx.SubscriptionTransition.Create().
		SetSubscriptionID(row.ID).
		SetTo(s.Status).
		SetNillableOperationID(operationID).
		SetAt(e.clock())
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
		e.logger.Warn("Stripe reports a change that the state table does not know; it is followed",
			"subscription", row.ID, "from", row.Status, "to", s.Status, "cause", cause)
		unexpectedTransitions.Inc()
	}
	return create.SetFrom(row.Status).SetCause(cause).SetExpected(expected).Exec(ctx)
}

// invoiceOwner is whose invoice it is.
type invoiceOwner struct {
	customerID     string
	subscriptionID *string
}

// mirrorInvoice makes the row of an invoice what Stripe reported and returns
// its id. A report that is older than the row's is passed over: invoices come
// by themselves and with their subscriptions, and the two may overtake each
// other.
func (e *Engine) mirrorInvoice(ctx context.Context, tx *store.Tx, of invoiceOwner, s *invoiceSnapshot) (string, error) {
	if err := tx.LockName(ctx, s.StripeID); err != nil { // its row may not be there to be locked
		return "", err
	}
	row, err := orNil(tx.Invoice.Query().Where(invoice.StripeID(s.StripeID), store.ForUpdate).Only(ctx))
	if err != nil {
		return "", err
	}
	if row == nil {
		create := tx.Invoice.Create().
			SetCustomerID(of.customerID).
			SetNillableSubscriptionID(of.subscriptionID).
			SetStripeID(s.StripeID).
			SetCurrency(s.Currency).
			SetNillableBillingReason(text(s.BillingReason)).
			SetCreatedAt(s.Created).
			SetStripeStatus(billing.SyncSynced).
			SetStripeSyncedAt(s.AsOf)
		s.copyTo(create.Mutation())
		created, err := create.Save(ctx)
		if err != nil {
			return "", err
		}
		return created.ID, nil
	}
	if row.StripeSyncedAt != nil && row.StripeSyncedAt.After(s.AsOf) {
		return row.ID, nil
	}
	update := tx.Invoice.UpdateOne(row)
	s.copyTo(update.Mutation())
	if err := e.reported(ctx, tx, update.Mutation(), row.Stripe(), s.AsOf); err != nil {
		return "", err
	}
	return row.ID, update.Exec(ctx)
}

// copyTo writes what changes in an invoice's life.
func (s *invoiceSnapshot) copyTo(m *ent.InvoiceMutation) {
	m.SetStatus(s.Status)
	m.SetTotal(s.Total)
	m.SetAmountDue(s.AmountDue)
	m.SetAmountPaid(s.AmountPaid)
	m.SetAmountRemaining(s.AmountRemaining)
	if s.Number != "" {
		m.SetNumber(s.Number)
	}
	if s.DueDate != nil {
		m.SetDueDate(*s.DueDate)
	}
	if s.HostedInvoiceURL != "" {
		m.SetHostedInvoiceURL(s.HostedInvoiceURL)
	}
}

// text is nil for an empty string.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
