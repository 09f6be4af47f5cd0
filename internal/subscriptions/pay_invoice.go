package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// PayInvoice is the input of [Subscriptions.PayInvoice].
type PayInvoice struct {
	InvoiceID      string
	PaymentMethod  *string // nil: the subscription's or the customer's default
	IdempotencyKey *string
}

func (in PayInvoice) check() error {
	return billing.First(checkPaymentMethod(in.PaymentMethod), checkInvoiceID(in.InvoiceID))
}

// PayInvoice collects the amount that remains of an invoice, which makes a PAST_DUE
// subscription ACTIVE. It returns INVALID_TRANSITION for an invoice that is neither
// OPEN nor UNCOLLECTIBLE, and CARD_DECLINED, AUTHENTICATION_REQUIRED or
// PAYMENT_METHOD_REQUIRED when the payment fails.
func (s *Subscriptions) PayInvoice(ctx context.Context, in PayInvoice) (InvoiceResult, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "payInvoice", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lockUnpaid(ctx, tx, in.InvoiceID)
			if err != nil {
				return nil, err
			}
			p := payment{bill: billOf(row), PaymentMethod: billing.ValueOr(in.PaymentMethod, "")}
			steps := []stripesync.StepOf[payment]{pay}
			if p.PaymentMethod != "" {
				steps = []stripesync.StepOf[payment]{attachPayment, pay}
			}
			return beginOnInvoice(ctx, tx, s.payment, p, steps...)
		},
	})
	return s.invoiceResult(ctx, op, rejection)
}

// payment is the frozen input of the operation.
type payment struct {
	bill
	PaymentMethod string `json:"payment_method,omitempty"`
}

func (p payment) paymentMethod() string { return p.PaymentMethod }

// attachPayment sends GET /v1/payment_methods/{id}, and then POST .../attach unless the
// method is the customer's already. It has Keep: after a refusal of pay it stays DONE, and
// nothing is detached. A refusal of it, or of its GET, rejects the change. When Stripe has
// no such customer, GET /v1/customers/{id} follows; if that is gone, link_customer is put
// before it, and it is done again: where Stripe answers the POST, which names another
// customer under the same key, with idempotency_error, GET and POST with the next key.
var (
	linkPayer     = customers.LinkStep[payment]()
	attachPayment = attachStep(linkPayer)
)

// pay sends POST /v1/invoices/{id}/pay. It has no undo, as it is the last step, and Finish
// rejects nothing. After a refusal GET /v1/invoices/{id} follows, and the step is done if
// the invoice is paid; after a refusal of that GET the operation waits. Spend is an update of the
// customer that changes nothing.
var pay = &stripesync.Step[payment, report]{
	Name: "pay_invoice",
	Do: func(c *stripesync.Call[payment]) (report, error) {
		return changeInvoice(c, billing.InvoicePaid, func() (*stripe.Invoice, error) {
			params := &stripe.InvoicePayParams{
				Params: c.Write(), PaymentMethod: stripeapi.NonEmpty(attachPayment.Of(c.Op).PaymentMethod),
			}
			params.AddExpand("subscription")
			return c.Stripe.Invoices.Pay(c.Params.StripeID, params)
		})
	},
	Spend: spendKey[payment],
	Keep:  true,
}

func (s *Subscriptions) paymentOperation() *stripesync.Operation[payment] {
	return &stripesync.Operation[payment]{
		Kind:  billing.KindPayInvoice,
		Steps: []stripesync.StepOf[payment]{linkPayer, attachPayment, pay},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[payment]) error {
			if err := customers.KeepLink(ctx, tx, e.Params.CustomerID, linkPayer.Of(e.Operation), e.Now); err != nil {
				return err
			}
			return s.showInvoice(ctx, tx, e.Operation, e.Params.bill, pay.Of(e.Operation))
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[payment]) error {
			if err := customers.KeepLink(ctx, tx, e.Params.CustomerID, linkPayer.Of(e.Operation), e.Now); err != nil {
				return err
			}
			return s.showRejectedInvoice(ctx, tx, e.Operation, e.Params.bill, pay.Of(e.Operation))
		},
		Resolve: touchedInvoice[payment],
		Mark:    markInvoice,
	}
}
