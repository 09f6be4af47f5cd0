package stripesync

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// invoiceParams is the frozen input of the operations on an invoice.
type invoiceParams struct {
	InvoiceID     string `json:"invoice_id"`
	StripeID      string `json:"stripe_id"`
	CustomerID    string `json:"customer_id"`
	PaymentMethod string `json:"payment_method,omitempty"`
}

func (p invoiceParams) customer() string      { return p.CustomerID }
func (p invoiceParams) paymentMethod() string { return p.PaymentMethod }

type (
	invoiceCall = Call[invoiceParams]
	invoiceDone = Done[invoiceParams]
)

// payInvoice charges what an invoice still asks for. A subscription that was
// overdue is active again with it.
func payInvoice() *Operation[invoiceParams] {
	return &Operation[invoiceParams]{
		Steps: []Step[invoiceParams]{
			attachPaymentMethodStep[invoiceParams](),
			{Name: "pay_invoice", Do: pay, Keep: true},
		},
		Finish:  endInvoice,
		Discard: discardInvoiceChange,
	}
}

// voidInvoice takes an invoice back.
func voidInvoice() *Operation[invoiceParams] {
	return &Operation[invoiceParams]{
		Steps:   []Step[invoiceParams]{{Name: "void_invoice", Do: void, Keep: true}},
		Finish:  endInvoice,
		Discard: discardInvoiceChange,
	}
}

func pay(c *invoiceCall) (Result, error) {
	params := &stripe.InvoicePayParams{
		Params: c.Write(), PaymentMethod: stripeapi.NonEmpty(c.Result("attach_payment_method", "payment_method")),
	}
	params.AddExpand("subscription")
	i, err := c.Stripe.Invoices.Pay(c.Params.StripeID, params)
	return invoiceAfter(c, i, err, billing.InvoicePaid)
}

func void(c *invoiceCall) (Result, error) {
	params := &stripe.InvoiceVoidInvoiceParams{Params: c.Write()}
	params.AddExpand("subscription")
	i, err := c.Stripe.Invoices.VoidInvoice(c.Params.StripeID, params)
	return invoiceAfter(c, i, err, billing.InvoiceVoid)
}

// invoiceAfter is the outcome of a change of an invoice. When Stripe refuses
// it, its word on the state counts: what was wanted may hold already. So it
// does when the answer is only repeated, and may be outdated.
func invoiceAfter(c *invoiceCall, i *stripe.Invoice, err error, wanted billing.InvoiceStatus) (Result, error) {
	if err == nil && !stripeapi.Replayed(i.LastResponse) {
		return invoiceResult(c, i)
	}
	if f := stripeapi.AsFailure(err); err != nil && (f == nil || f.Outcome != stripeapi.Rejected) {
		return nil, err
	}
	refusal := err
	params := &stripe.InvoiceParams{Params: c.Read()}
	params.AddExpand("subscription")
	c.SentAt = c.run.engine.clock()
	if i, err = c.Stripe.Invoices.Get(c.Params.StripeID, params); err != nil {
		return nil, err
	}
	if refusal != nil && mirror.InvoiceStatus(i) != wanted {
		return nil, refusal
	}
	return invoiceResult(c, i)
}

// invoiceResult keeps the invoice, and its subscription if it has one.
func invoiceResult(c *invoiceCall, i *stripe.Invoice) (Result, error) {
	result := Result{}
	if i.Subscription != nil && i.Subscription.Status != "" { // expanded
		s, err := mirror.ReadSubscription(i.Subscription, c.SentAt)
		if err != nil {
			return nil, err
		}
		if result, err = subscriptionResult(s); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(mirror.ReadInvoice(i, c.SentAt))
	result["invoice"] = string(b)
	return result, err
}

// endInvoice mirrors what the last step saw.
func endInvoice(ctx context.Context, tx *store.Tx, d *invoiceDone) error {
	var s mirror.Invoice
	if err := json.Unmarshal([]byte(d.Result(d.Steps[len(d.Steps)-1].Name, "invoice")), &s); err != nil {
		return fmt.Errorf("read what operation %s saw: %w", d.ID, err)
	}
	if err := endInvoicedSubscription(ctx, tx, d); err != nil { // first, as everywhere, to lock in one order
		return err
	}
	if _, err := d.Engine.mirror.ShowInvoice(ctx, tx, mirror.InvoiceOwner{CustomerID: d.Params.CustomerID}, &s); err != nil {
		return err
	}
	update := tx.Invoice.UpdateOneID(d.Params.InvoiceID)
	mirror.Settled(update.Mutation())
	return update.Exec(ctx)
}

// endInvoicedSubscription mirrors the subscription of the invoice.
func endInvoicedSubscription(ctx context.Context, tx *store.Tx, d *invoiceDone) error {
	s, err := seen(d.Operation)
	if err != nil || s == nil {
		return err
	}
	row, err := store.OrNil(tx.Subscription.Query().Where(subscription.StripeID(s.StripeID), store.ForUpdate).Only(ctx))
	if err != nil || row == nil {
		return err
	}
	return d.Engine.mirror.ShowSubscription(ctx, tx, row, s, &d.ID)
}

func discardInvoiceChange(ctx context.Context, tx *store.Tx, d *invoiceDone) error {
	return markFailed(ctx, tx, d.Operation, *d.LastError, true)
}

// PayInvoice begins to charge an invoice in the caller's transaction. An empty
// payment method is the subscription's or the customer's default.
func (e *Engine) PayInvoice(ctx context.Context, tx *store.Tx, row *ent.Invoice, paymentMethod string) (*ent.Operation, error) {
	steps := []string{"pay_invoice"}
	if paymentMethod != "" {
		steps = []string{"attach_payment_method", "pay_invoice"}
	}
	return e.beginInvoice(ctx, tx, billing.KindPayInvoice, row, paymentMethod, steps...)
}

// VoidInvoice begins to take an invoice back in the caller's transaction.
func (e *Engine) VoidInvoice(ctx context.Context, tx *store.Tx, row *ent.Invoice) (*ent.Operation, error) {
	return e.beginInvoice(ctx, tx, billing.KindVoidInvoice, row, "", "void_invoice")
}

func (e *Engine) beginInvoice(ctx context.Context, tx *store.Tx, kind billing.OperationKind, row *ent.Invoice, paymentMethod string, steps ...string) (*ent.Operation, error) {
	b := beginning{
		id: billing.NewID(billing.OperationPrefix), kind: kind, subject: row.ID, scope: row.CustomerID,
		params: invoiceParams{
			InvoiceID: row.ID, StripeID: *row.StripeID, CustomerID: row.CustomerID, PaymentMethod: paymentMethod,
		},
		steps: steps,
	}
	if err := tx.Invoice.UpdateOne(row).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(b.id).Exec(ctx); err != nil {
		return nil, err
	}
	return e.begin(ctx, tx, b)
}
