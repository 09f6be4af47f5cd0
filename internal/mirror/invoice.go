package mirror

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Invoice is what is shown of an invoice in Stripe. It is JSON in results of steps.
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
	Unsupported      []string              `json:"unsupported,omitempty"`
	// AsOf is when Stripe was asked.
	AsOf time.Time `json:"as_of"`
}

// InvoiceStatus returns the status of an invoice in Stripe.
func InvoiceStatus(i *stripe.Invoice) billing.InvoiceStatus {
	return billing.InvoiceStatus(strings.ToUpper(string(i.Status)))
}

// ReadInvoice reads an invoice of Stripe's, which was requested at asOf. It fails
// when a part of the answer is not JSON as expected.
func ReadInvoice(i *stripe.Invoice, asOf time.Time) (*Invoice, error) {
	raw, err := rawOf(i.LastResponse, i)
	if err != nil {
		return nil, err
	}
	unsupported, err := unsupportedIn("invoice", raw)
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
		Unsupported:      unsupported,
		AsOf:             asOf,
	}, err
}

// invoices shows invoices.
type invoices struct{ *core }

func (m *invoices) refresh(ctx context.Context, stripeID string) error {
	was, err := store.OrNil(m.store.Reader.Invoice.Query().Where(invoice.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if was != nil {
		if err := invoiceBusy(ctx, m.store.Reader, was); err != nil {
			return err
		}
	}
	asOf := m.clock()
	i, err := m.stripe.Invoices.Get(stripeID, &stripe.InvoiceParams{Params: read(ctx)})
	if stripeapi.IsGone(err) {
		return m.drop(ctx, stripeID)
	}
	if err != nil {
		return err
	}
	return m.mirror(ctx, versions{}.with(was), i, asOf)
}

// mirror makes the row what Stripe said as of a time.
func (m *invoices) mirror(ctx context.Context, before versions, i *stripe.Invoice, asOf time.Time) error {
	seen, err := ReadInvoice(i, asOf)
	if err != nil {
		return err
	}
	owner, err := m.ownerOf(ctx, i)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := lockInvoice(ctx, tx, i.ID)
		if err != nil {
			return err
		}
		if err := stillInvoice(ctx, tx, before, i.ID, row); err != nil {
			return err
		}
		_, err = m.showRow(ctx, tx, owner, row, seen)
		return changedIfUnique(err)
	})
}

// versions are what the rows of invoices were before Stripe was asked, by their
// ids in Stripe.
type versions map[string]time.Time

func (v versions) with(rows ...*ent.Invoice) versions {
	for _, row := range rows {
		if row != nil && row.StripeID != nil {
			v[*row.StripeID] = row.UpdatedAt
		}
	}
	return v
}

// latest are the versions of a subscription's newest invoices, one of
// which Stripe reports with it.
func (m *invoices) latest(ctx context.Context, subscriptionID string) (versions, error) {
	const most = 10
	rows, err := m.store.Reader.Invoice.Query().
		Where(invoice.SubscriptionID(subscriptionID)).
		Order(ent.Desc(invoice.FieldCreatedAt)).
		Limit(most).
		All(ctx)
	return versions{}.with(rows...), err
}

// stillInvoice returns errChanged when the locked row of an invoice is not what
// it was before Stripe was asked, and ErrBusy when an operation is changing it.
func stillInvoice(ctx context.Context, tx *store.Tx, before versions, stripeID string, row *ent.Invoice) error {
	was, known := before[stripeID]
	if row == nil {
		return nil
	}
	if !known {
		return errChanged
	}
	if err := unchanged(was, row.UpdatedAt); err != nil {
		return err
	}
	return invoiceBusy(ctx, tx.Reader(), row)
}

// invoiceBusy returns ErrBusy while an operation on an invoice or on its
// subscription is unfinished: at its end both are shown as Stripe has them.
func invoiceBusy(ctx context.Context, r *store.Reader, row *ent.Invoice) error {
	if err := busy(ctx, r, row.StripeOperationID); err != nil || row.SubscriptionID == nil {
		return err
	}
	s, err := r.Subscription.Get(ctx, *row.SubscriptionID)
	if err != nil {
		return err
	}
	return busy(ctx, r, s.StripeOperationID)
}

// lockInvoice reads the row of an invoice under lock; nil when there is none,
// and then nobody else makes one until the transaction ends.
func lockInvoice(ctx context.Context, tx *store.Tx, stripeID string) (*ent.Invoice, error) {
	if err := tx.LockName(ctx, stripeID); err != nil {
		return nil, err
	}
	return store.OrNil(tx.Invoice.Query().Where(invoice.StripeID(stripeID), store.ForUpdate).Only(ctx))
}

// ownerOf finds out whose invoice it is. One that is known stays where it
// is, even when its customer is no longer in Stripe.
func (m *invoices) ownerOf(ctx context.Context, i *stripe.Invoice) (InvoiceOwner, error) {
	row, err := store.OrNil(m.store.Reader.Invoice.Query().Where(invoice.StripeID(i.ID)).Only(ctx))
	if err != nil {
		return InvoiceOwner{}, err
	}
	if row != nil {
		return InvoiceOwner{CustomerID: row.CustomerID, SubscriptionID: row.SubscriptionID}, nil
	}
	if i.Customer == nil {
		return InvoiceOwner{}, errNotOurs
	}
	customer, err := m.customers.row(ctx, i.Customer.ID)
	if err != nil {
		return InvoiceOwner{}, err
	}
	owner := InvoiceOwner{CustomerID: customer.ID}
	if i.Subscription != nil {
		id, err := m.subscriptions.row(ctx, i.Subscription.ID)
		if err != nil {
			return InvoiceOwner{}, err
		}
		owner.SubscriptionID = &id
	}
	return owner, nil
}

// drop forgets a draft that was deleted in Stripe.
func (m *invoices) drop(ctx context.Context, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Invoice.Delete().Where(invoice.StripeID(stripeID), invoice.StatusEQ(billing.InvoiceDraft)).Exec(ctx)
		return err
	})
}

// InvoiceOwner names the rows that an invoice belongs to.
type InvoiceOwner struct {
	CustomerID     string
	SubscriptionID *string
}

// ShowInvoice makes the row of an invoice equal to a report, creates it if there is
// none, and returns its id. It is for the end of an operation on the invoice or on
// its subscription: until then no other report is shown, so this one is the newest.
// It fails only when the database does.
func (m *Mirror) ShowInvoice(ctx context.Context, tx *store.Tx, of InvoiceOwner, s *Invoice) (string, error) {
	return m.invoices.showReport(ctx, tx, of, s)
}

func (m *invoices) showReport(ctx context.Context, tx *store.Tx, of InvoiceOwner, s *Invoice) (string, error) {
	row, err := lockInvoice(ctx, tx, s.StripeID)
	if err != nil {
		return "", err
	}
	return m.showRow(ctx, tx, of, row, s)
}

// showRow makes a locked row what Stripe reported, or makes one when that
// is nil, and returns its id.
func (m *invoices) showRow(ctx context.Context, tx *store.Tx, of InvoiceOwner, row *ent.Invoice, s *Invoice) (string, error) {
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
	showUnsupported(m, s.Unsupported)
	if s.HostedInvoiceURL != "" {
		m.SetHostedInvoiceURL(s.HostedInvoiceURL)
	}
}

func (m *invoices) read(ctx context.Context, id string) (json.RawMessage, error) {
	i, err := m.stripe.Invoices.Get(id, &stripe.InvoiceParams{Params: read(ctx)})
	return rawUnlessGone(i.LastResponse, i.Deleted, err)
}

func (m *invoices) compare(ctx context.Context, raw json.RawMessage) (*compared, error) {
	i, err := decodeObject(raw, func(i *stripe.Invoice, r *stripe.APIResponse) { i.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Invoice.Query().Where(invoice.StripeID(i.ID)).Only(ctx))
	if row == nil || err != nil {
		of := ""
		if i.Customer != nil {
			of = i.Customer.ID
		}
		return m.extraOf(ctx, of, nil, err)
	}
	c := &compared{rowID: row.ID, version: row.UpdatedAt}
	if c.busy, err = isBusy(invoiceBusy(ctx, m.store.Reader, row)); err != nil || c.busy {
		return c, err
	}
	seen, err := ReadInvoice(i, m.clock())
	if err != nil {
		return nil, err
	}
	update := m.drafts.Invoice.UpdateOne(row)
	seen.copyTo(update.Mutation())
	c.changes, err = changesOf(ctx, update.Mutation())
	return c, err
}

func (m *invoices) linked(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Invoice.Query().
		Where(invoice.StripeIDNotNil(), invoice.IDGT(after)).Order(invoice.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Invoice) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *invoices) show(ctx context.Context, raw json.RawMessage, asOf time.Time) error {
	i, err := decodeObject(raw, func(i *stripe.Invoice, r *stripe.APIResponse) { i.LastResponse = r })
	if err != nil {
		return err
	}
	return m.mirror(ctx, versions{}, i, asOf)
}
