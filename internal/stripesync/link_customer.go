package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// linkCustomer creates a customer in Stripe that has none there: one that was
// deleted in Stripe, or that Stripe refused at first.
func linkCustomer() *Operation[customerParams] {
	return &Operation[customerParams]{
		Steps: []Step[customerParams]{linkCustomerStep[customerParams]()},
		Finish: func(ctx context.Context, tx *store.Tx, d *customerDone) error {
			return endCustomer(ctx, tx, d, func(*ent.CustomerUpdateOne, *ent.Customer) {})
		},
		Discard: discardCustomer,
	}
}

// LinkCustomer begins to create a customer in Stripe again, in the caller's
// transaction.
func (e *Engine) LinkCustomer(ctx context.Context, tx *store.Tx, row *ent.Customer) (*ent.Operation, error) {
	return e.beginCustomer(ctx, tx, beginning{
		kind: billing.KindLinkCustomer, params: customerParams{CustomerID: row.ID}, steps: []string{"link_customer"},
	}, row)
}
