package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// InvoiceResult is the result of a change to an invoice.
type InvoiceResult struct {
	// Invoice is nil when the change never began.
	Invoice   *ent.Invoice
	Operation *ent.Operation
}

func checkInvoiceID(id string) error {
	return billing.CheckID("invoice", billing.InvoicePrefix, id, "invoiceId")
}

// lockUnpaid reads an invoice under lock that can still be paid or voided, and
// its customer's row first, which keeps the order of the customer's operations.
func (s *Subscriptions) lockUnpaid(ctx context.Context, tx *store.Tx, id string) (*ent.Invoice, error) {
	row, err := tx.Invoice.Get(ctx, id)
	if err != nil {
		return nil, billing.At(store.OrNotFound(err, "invoice", id), "invoiceId")
	}
	if err := lockCustomer(ctx, tx, row.CustomerID); err != nil {
		return nil, err
	}
	if row, err = tx.Invoice.Query().Where(invoice.ID(id), store.ForUpdate).Only(ctx); err != nil {
		return nil, billing.At(store.OrNotFound(err, "invoice", id), "invoiceId")
	}
	if err := s.sync.NotBusy(ctx, tx, row.Stripe()); err != nil {
		return nil, err
	}
	if row.Status != billing.InvoiceOpen && row.Status != billing.InvoiceUncollectible {
		return nil, billing.Errorf(billing.CodeInvalidTransition, "The invoice is %s.", row.Status).At("invoiceId").About(row.ID)
	}
	return row, nil
}

func (s *Subscriptions) invoiceResult(ctx context.Context, op *ent.Operation, rejection error) (InvoiceResult, error) {
	if op == nil {
		return InvoiceResult{}, rejection
	}
	row, err := s.store.Reader.Invoice.Get(ctx, op.SubjectID)
	if err != nil {
		return InvoiceResult{}, err
	}
	return InvoiceResult{Invoice: row, Operation: op}, rejection
}

// bill is an invoice that an operation changes, as part of its frozen input.
type bill struct {
	InvoiceID  string `json:"invoice_id"`
	StripeID   string `json:"stripe_id"`
	CustomerID string `json:"customer_id"`
}

func billOf(row *ent.Invoice) bill {
	return bill{InvoiceID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID}
}

// Owner implements [customers.Owned].
func (b bill) Owner() string { return b.CustomerID }

func (b bill) invoice() bill { return b }

// onInvoice is the frozen input of an operation on an invoice.
type onInvoice interface{ invoice() bill }

// beginOnInvoice shows on an invoice that an operation is under way, and begins
// it.
func beginOnInvoice[P onInvoice](ctx context.Context, tx *store.Tx, o *stripesync.Operation[P], p P, steps ...stripesync.StepOf[P]) (*ent.Operation, error) {
	id, b := stripesync.NewID(), p.invoice()
	if err := tx.Invoice.UpdateOneID(b.InvoiceID).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(id).Exec(ctx); err != nil {
		return nil, err
	}
	return o.Begin(ctx, tx, stripesync.Beginning[P]{
		ID: id, Subject: b.InvoiceID, Scope: b.CustomerID, Params: p, Steps: steps,
	})
}

// changeInvoice sends a change of an invoice. When Stripe refuses it, what was
// wanted may hold already, and that is no rejection. Otherwise the rejection
// comes with what holds.
func changeInvoice[P onInvoice](c *stripesync.Call[P], wanted billing.InvoiceStatus, send func() (*stripe.Invoice, error)) (report, error) {
	asOf := c.SentAt
	answer, err := send()
	var response *stripe.APIResponse
	if err == nil {
		response = answer.LastResponse
	}
	now, rejection, err := mirror.OrReread(answer, response, err, func() (*stripe.Invoice, error) {
		asOf = c.Now()
		params := &stripe.InvoiceParams{Params: c.Read()}
		params.AddExpand("subscription")
		return c.Stripe.Invoices.Get(c.Params.invoice().StripeID, params)
	})
	if err != nil {
		return report{}, err
	}
	var r report
	if r.Invoice.value, err = mirror.ReadInvoice(now, asOf); err != nil {
		return r, err
	}
	if now.Subscription != nil && now.Subscription.Status != "" { // expanded
		if r.Subscription.value, err = mirror.ReadSubscription(now.Subscription, asOf); err != nil {
			return r, err
		}
	}
	if mirror.InvoiceStatus(now) != wanted {
		return r, rejection
	}
	return r, nil
}

// touchedInvoice is the invoice of an operation that needs attention, and its
// subscription.
func touchedInvoice[P onInvoice](ctx context.Context, tx *store.Tx, e *stripesync.Ending[P]) ([]stripesync.Object, error) {
	b := e.Params.invoice()
	objects := []stripesync.Object{{Type: "invoice", ID: b.StripeID}}
	row, err := tx.Invoice.Query().Where(invoice.ID(b.InvoiceID)).WithSubscription().Only(ctx)
	if err != nil {
		return nil, err
	}
	if s := row.Edges.Subscription; s != nil && s.StripeID != nil {
		objects = append(objects, stripesync.Object{Type: "subscription", ID: *s.StripeID})
	}
	return objects, nil
}

// showInvoice shows an invoice at the end of an operation, and its subscription
// if it has one.
func (s *Subscriptions) showInvoice(ctx context.Context, tx *store.Tx, op *ent.Operation, b bill, r report) error {
	if err := s.showInvoiced(ctx, tx, op, r.Subscription.value); err != nil { // first, as everywhere, to lock in one order
		return err
	}
	if _, err := s.mirror.ShowInvoice(ctx, tx, mirror.InvoiceOwner{CustomerID: b.CustomerID}, r.Invoice.value); err != nil {
		return err
	}
	u := tx.Invoice.UpdateOneID(b.InvoiceID)
	stripesync.Settled(u.Mutation())
	return u.Exec(ctx)
}

// showRejectedInvoice shows that a change of an invoice was rejected, and what
// holds, if Stripe has told.
func (s *Subscriptions) showRejectedInvoice(ctx context.Context, tx *store.Tx, op *ent.Operation, b bill, r report) error {
	if r.Invoice.value != nil {
		if err := s.showInvoice(ctx, tx, op, b, r); err != nil {
			return err
		}
		if err := tx.Invoice.UpdateOneID(b.InvoiceID).SetStripeOperationID(op.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return markInvoice(ctx, tx, op, func(l stripesync.Link) { stripesync.Failed(l, *op.LastError, true) })
}

// showInvoiced makes the row of an invoice's subscription what was seen of it.
func (s *Subscriptions) showInvoiced(ctx context.Context, tx *store.Tx, op *ent.Operation, seen *mirror.Subscription) error {
	if seen == nil {
		return nil
	}
	row, err := store.OrNil(tx.Subscription.Query().Where(subscription.StripeID(seen.StripeID), store.ForUpdate).Only(ctx))
	if err != nil || row == nil {
		return err
	}
	return s.mirror.ShowSubscription(ctx, tx, row, seen, &op.ID)
}

// markInvoice shows on an operation's invoice how its link stands. A later
// operation that waits for its turn stays in sight.
func markInvoice(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(stripesync.Link)) error {
	u := tx.Invoice.Update().Where(invoice.ID(op.SubjectID), invoice.StripeOperationID(op.ID))
	show(u.Mutation())
	return u.Exec(ctx)
}
