package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// removeCustomer deletes a customer on both sides. Stripe ends its
// subscriptions at once.
func removeCustomer() *Operation[customerParams] {
	return &Operation[customerParams]{
		Steps: []Step[customerParams]{{Name: "delete_customer", Do: deleteCustomer, Keep: true}},
		Finish: func(ctx context.Context, tx *store.Tx, d *customerDone) error {
			if err := d.Engine.mirror.EndSubscriptions(ctx, tx, d.Params.CustomerID, &d.ID); err != nil {
				return err
			}
			return endCustomer(ctx, tx, d, func(u *ent.CustomerUpdateOne, _ *ent.Customer) {
				u.SetDeletedAt(d.Engine.clock()).
					ClearStripeID().SetStripeStatus(billing.SyncUnlinked).SetStripeSyncedAt(d.Engine.clock())
			})
		},
		Discard: discardCustomer,
	}
}

func deleteCustomer(c *customerCall) (Result, error) {
	id, err := customerInStripe(c)
	if err != nil || id == "" {
		return nil, err
	}
	_, err = c.Stripe.Customers.Del(id, &stripe.CustomerParams{Params: c.Write()})
	if stripeapi.IsGone(err) {
		return nil, nil
	}
	if f := stripeapi.AsFailure(err); f == nil || f.Outcome != stripeapi.Rejected {
		return nil, err
	}
	// An earlier request, whose answer was lost, may have deleted it.
	refusal := err
	now, err := c.Stripe.Customers.Get(id, &stripe.CustomerParams{Params: c.Read()})
	if err == nil && !now.Deleted {
		err = refusal
	}
	return nil, err
}

// DeleteCustomer begins to delete a customer in the caller's transaction.
func (e *Engine) DeleteCustomer(ctx context.Context, tx *store.Tx, row *ent.Customer) (*ent.Operation, error) {
	return e.beginCustomer(ctx, tx, beginning{
		kind: billing.KindDeleteCustomer, params: customerParams{CustomerID: row.ID}, steps: []string{"delete_customer"},
	}, row)
}
