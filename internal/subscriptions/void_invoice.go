package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// VoidInvoice is the input of [Subscriptions.VoidInvoice].
type VoidInvoice struct {
	InvoiceID      string
	IdempotencyKey *string
}

// VoidInvoice voids an invoice, which is final. It returns INVALID_TRANSITION for
// an invoice that is neither OPEN nor UNCOLLECTIBLE.
func (s *Subscriptions) VoidInvoice(ctx context.Context, in VoidInvoice) (InvoiceResult, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "voidInvoice", Key: in.IdempotencyKey, Input: in,
		Check: func() error { return checkInvoiceID(in.InvoiceID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lockUnpaid(ctx, tx, in.InvoiceID)
			if err != nil {
				return nil, err
			}
			return beginOnInvoice(ctx, tx, s.voiding, voiding{bill: billOf(row)}, stripesync.StepOf[voiding](void))
		},
	})
	return s.invoiceResult(ctx, op, rejection)
}

// voiding is the frozen input of the operation.
type voiding struct{ bill }

// void sends POST /v1/invoices/{id}/void. It has no undo, as Stripe cannot take it back.
// After a refusal GET /v1/invoices/{id} follows, and the step is done if the invoice is
// void. Spend is an update of the customer that changes nothing.
var void = &stripesync.Step[voiding, report]{
	Name: "void_invoice",
	Do: func(c *stripesync.Call[voiding]) (report, error) {
		return changeInvoice(c, billing.InvoiceVoid, func() (*stripe.Invoice, error) {
			params := &stripe.InvoiceVoidInvoiceParams{Params: c.Write()}
			params.AddExpand("subscription")
			return c.Stripe.Invoices.VoidInvoice(c.Params.StripeID, params)
		})
	},
	Spend: spendKey[voiding],
	Keep:  true,
}

func (s *Subscriptions) voidingOperation() *stripesync.Operation[voiding] {
	return &stripesync.Operation[voiding]{
		Kind:  billing.KindVoidInvoice,
		Steps: []stripesync.StepOf[voiding]{void},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[voiding]) error {
			return s.showInvoice(ctx, tx, e.Operation, e.Params.bill, void.Of(e.Operation))
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[voiding]) error {
			return s.showRejectedInvoice(ctx, tx, e.Operation, e.Params.bill, void.Of(e.Operation))
		},
		Resolve: touchedInvoice[voiding],
		Mark:    markInvoice,
	}
}
