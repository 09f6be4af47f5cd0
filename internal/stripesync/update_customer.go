package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// changeCustomer changes what is known of a customer.
func changeCustomer() *Operation[customerParams] {
	return &Operation[customerParams]{
		Steps: []Step[customerParams]{
			linkCustomerStep[customerParams](),
			{Name: "update_customer", Do: patchCustomer, Undo: unpatchCustomer},
		},
		Finish: func(ctx context.Context, tx *store.Tx, d *customerDone) error {
			patch := d.Params.Patch
			if patch.Email != nil { // somebody may have taken it meanwhile
				if err := store.CheckEmailFree(ctx, tx, *patch.Email, d.Params.CustomerID); err != nil {
					return err
				}
			}
			return endCustomer(ctx, tx, d, func(u *ent.CustomerUpdateOne, row *ent.Customer) {
				u.SetNillableEmail(patch.Email).SetNillableName(patch.Name)
				if patch.Metadata != nil {
					u.SetMetadata(billing.MergeMetadata(row.Metadata, patch.Metadata))
				}
			})
		},
		Discard: discardCustomer,
	}
}

func patchCustomer(c *customerCall) (Result, error) { return nil, sendPatch(c, *c.Params.Patch) }

// unpatchCustomer tells Stripe again what still stands here.
func unpatchCustomer(c *customerCall) (Result, error) {
	row, err := c.Store.Client.Customer.Get(c, c.Params.CustomerID)
	if err != nil {
		return nil, err
	}
	back := CustomerPatch{Metadata: valuesBefore(c.Params.Patch.Metadata, row.Metadata)}
	if c.Params.Patch.Email != nil {
		back.Email = &row.Email
	}
	if c.Params.Patch.Name != nil {
		back.Name = &row.Name
	}
	return nil, sendPatch(c, back)
}

func sendPatch(c *customerCall, patch CustomerPatch) error {
	id, err := customerInStripe(c)
	if err != nil {
		return err
	}
	params := &stripe.CustomerParams{Params: c.Write(), Email: patch.Email, Name: patch.Name}
	params.Metadata = patch.Metadata
	_, err = c.Stripe.Customers.Update(id, params)
	return err
}

// UpdateCustomer begins a change of a customer in the caller's transaction.
func (e *Engine) UpdateCustomer(ctx context.Context, tx *store.Tx, row *ent.Customer, patch CustomerPatch) (*ent.Operation, error) {
	steps := []string{"update_customer"}
	if row.StripeID == nil {
		steps = []string{"link_customer", "update_customer"}
	}
	return e.beginCustomer(ctx, tx, beginning{
		kind: billing.KindUpdateCustomer, params: customerParams{CustomerID: row.ID, Patch: &patch}, steps: steps,
	}, row)
}
