package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// PayInvoice is the input of [Commands.PayInvoice].
type PayInvoice struct {
	InvoiceID      string
	PaymentMethod  *string // nil: the subscription's or the customer's default
	IdempotencyKey *string
}

func (in PayInvoice) check() error {
	if in.PaymentMethod != nil {
		if err := billing.CheckText("payment method", *in.PaymentMethod, maxPaymentMethod); err != nil {
			return at(err, "paymentMethod")
		}
	}
	return checkInvoiceID(in.InvoiceID)
}

// PayInvoice charges what an invoice still asks for. An overdue subscription
// is active again with it.
func (c *Commands) PayInvoice(ctx context.Context, in PayInvoice) (InvoiceResult, error) {
	op, err := c.run(ctx, mutation{
		name: "payInvoice", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockUnpaid(ctx, tx, in.InvoiceID)
			if err != nil {
				return nil, err
			}
			return c.sync.PayInvoice(ctx, tx, row, valueOr(in.PaymentMethod, ""))
		},
	})
	return c.invoiceResult(ctx, op, err)
}
