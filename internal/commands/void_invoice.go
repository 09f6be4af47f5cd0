package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/store"
)

// VoidInvoice is the input of [Commands.VoidInvoice].
type VoidInvoice struct {
	InvoiceID      string
	IdempotencyKey *string
}

// VoidInvoice takes an invoice back, for good.
func (c *Commands) VoidInvoice(ctx context.Context, in VoidInvoice) (InvoiceResult, error) {
	op, err := c.run(ctx, mutation{
		name: "voidInvoice", key: in.IdempotencyKey, input: in,
		check: func() error { return checkInvoiceID(in.InvoiceID) },
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockUnpaid(ctx, tx, in.InvoiceID)
			if err != nil {
				return nil, err
			}
			return c.sync.VoidInvoice(ctx, tx, row)
		},
	})
	return c.invoiceResult(ctx, op, err)
}
