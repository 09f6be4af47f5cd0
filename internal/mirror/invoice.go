package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Invoice is an invoice as Stripe reported it.
type Invoice struct {
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

// InvoiceStatus is the state of an invoice in Stripe.
func InvoiceStatus(i *stripe.Invoice) billing.InvoiceStatus {
	return billing.InvoiceStatus(strings.ToUpper(string(i.Status)))
}

// ReadInvoice reads Stripe's invoice, which was asked for at a time.
func ReadInvoice(i *stripe.Invoice, asOf time.Time) *Invoice {
	return &Invoice{
		StripeID:         i.ID,
		Number:           i.Number,
		Status:           InvoiceStatus(i),
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

func (m *Mirror) refreshInvoice(ctx context.Context, stripeID string) error {
	asOf := m.clock()
	i, err := m.stripe.Invoices.Get(stripeID, &stripe.InvoiceParams{Params: read(ctx)})
	if stripeapi.IsGone(err) {
		return m.dropInvoice(ctx, stripeID)
	}
	if err != nil {
		return err
	}
	owner, err := m.ownerOf(ctx, i)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := m.ShowInvoice(ctx, tx, owner, ReadInvoice(i, asOf))
		return changedIfUnique(err)
	})
}

// ownerOf finds out whose invoice it is. One that is known stays where it
// is, even when its customer is no longer in Stripe.
func (m *Mirror) ownerOf(ctx context.Context, i *stripe.Invoice) (InvoiceOwner, error) {
	row, err := store.OrNil(m.store.Client.Invoice.Query().Where(invoice.StripeID(i.ID)).Only(ctx))
	if err != nil {
		return InvoiceOwner{}, err
	}
	if row != nil {
		return InvoiceOwner{CustomerID: row.CustomerID, SubscriptionID: row.SubscriptionID}, nil
	}
	if i.Customer == nil {
		return InvoiceOwner{}, unmirrorable("The invoice %s has no customer.", i.ID)
	}
	customer, err := m.customerRow(ctx, i.Customer.ID)
	if err != nil {
		return InvoiceOwner{}, err
	}
	owner := InvoiceOwner{CustomerID: customer.ID}
	if i.Subscription != nil {
		id, err := m.subscriptionRow(ctx, i.Subscription.ID)
		if err != nil {
			return InvoiceOwner{}, err
		}
		owner.SubscriptionID = &id
	}
	return owner, nil
}

// dropInvoice forgets a draft that was deleted in Stripe.
func (m *Mirror) dropInvoice(ctx context.Context, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Invoice.Delete().Where(invoice.StripeID(stripeID), invoice.StatusEQ(billing.InvoiceDraft)).Exec(ctx)
		return err
	})
}

// InvoiceOwner is whose invoice it is.
type InvoiceOwner struct {
	CustomerID     string
	SubscriptionID *string
}

// ShowInvoice makes the row of an invoice what Stripe reported and returns
// its id. A report that is older than the row's is passed over: invoices come
// by themselves and with their subscriptions, and the two may overtake each
// other.
func (m *Mirror) ShowInvoice(ctx context.Context, tx *store.Tx, of InvoiceOwner, s *Invoice) (string, error) {
	if err := tx.LockName(ctx, s.StripeID); err != nil { // its row may not be there to be locked
		return "", err
	}
	row, err := store.OrNil(tx.Invoice.Query().Where(invoice.StripeID(s.StripeID), store.ForUpdate).Only(ctx))
	if err != nil {
		return "", err
	}
	if row == nil {
		create := tx.Invoice.Create().
			SetCustomerID(of.CustomerID).
			SetNillableSubscriptionID(of.SubscriptionID).
			SetStripeID(s.StripeID).
			SetCurrency(s.Currency).
			SetNillableBillingReason(stripeapi.NonEmpty(s.BillingReason)).
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
	if err := reported(ctx, tx, update.Mutation(), row.Stripe(), s.AsOf); err != nil {
		return "", err
	}
	return row.ID, update.Exec(ctx)
}

// copyTo writes what changes in an invoice's life.
func (s *Invoice) copyTo(m *ent.InvoiceMutation) {
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
