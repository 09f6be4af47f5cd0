package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// InvoiceResult is the outcome of a command on an invoice.
type InvoiceResult struct {
	Invoice   *ent.Invoice
	Operation *ent.Operation
}

// lockUnpaid reads an invoice under lock that can still be paid or taken back,
// and its customer's row first, which keeps the order of the customer's
// operations.
func (c *Commands) lockUnpaid(ctx context.Context, tx *store.Tx, id string) (*ent.Invoice, error) {
	row, err := tx.Invoice.Get(ctx, id)
	if err != nil {
		return nil, at(store.OrNotFound(err, "invoice", id), "invoiceId")
	}
	if _, err := tx.Customer.Query().Where(customer.ID(row.CustomerID), store.ForUpdate).Only(store.WithDeleted(ctx)); err != nil {
		return nil, err
	}
	if row, err = tx.Invoice.Query().Where(invoice.ID(id), store.ForUpdate).Only(ctx); err != nil {
		return nil, at(store.OrNotFound(err, "invoice", id), "invoiceId")
	}
	if err := c.notBusy(ctx, tx, row.Stripe()); err != nil {
		return nil, err
	}
	if row.Status != billing.InvoiceOpen && row.Status != billing.InvoiceUncollectible {
		return nil, billing.Errorf(billing.CodeInvalidTransition, "The invoice is %s.", row.Status).At("invoiceId").About(row.ID)
	}
	return row, nil
}

func (c *Commands) invoiceResult(ctx context.Context, op *ent.Operation, refusal error) (InvoiceResult, error) {
	if op == nil {
		return InvoiceResult{}, refusal
	}
	row, err := c.store.Client.Invoice.Get(ctx, op.SubjectID)
	if err != nil {
		return InvoiceResult{}, err
	}
	return InvoiceResult{Invoice: row, Operation: op}, refusal
}

func checkInvoiceID(id string) error {
	return checkID("invoice", billing.InvoicePrefix, id, "invoiceId")
}
