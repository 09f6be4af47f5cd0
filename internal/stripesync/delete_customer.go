package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscription"
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
			if err := d.Engine.endSubscriptionsOf(ctx, tx, d.Params.CustomerID, &d.ID); err != nil {
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
	if gone(err) {
		return nil, nil
	}
	if f := failureOf(err); f == nil || f.Outcome != stripeapi.Rejected {
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

// endSubscriptionsOf shows a customer's live subscriptions as canceled, as
// they are in Stripe once the customer is deleted there.
func (e *Engine) endSubscriptionsOf(ctx context.Context, tx *store.Tx, customerID string, operationID *string) error {
	rows, err := tx.Subscription.Query().
		Where(
			subscription.CustomerID(customerID), subscription.EndedAtIsNil(),
			subscription.StripeIDNotNil(), // the others are not in Stripe yet
		).
		All(ctx)
	if err != nil {
		return err
	}
	now := e.clock()
	for _, row := range rows {
		if row.Status.Ended() {
			continue
		}
		snapshot := snapshotOf(row, now)
		snapshot.Status, snapshot.EndedAt = billing.SubscriptionCanceled, &now
		if snapshot.CanceledAt == nil {
			snapshot.CanceledAt = &now
		}
		if err := e.mirrorSubscription(ctx, tx, row, snapshot, operationID); err != nil {
			return err
		}
	}
	return nil
}

// DeleteCustomer begins to delete a customer in the caller's transaction.
func (e *Engine) DeleteCustomer(ctx context.Context, tx *store.Tx, row *ent.Customer) (*ent.Operation, error) {
	return e.beginCustomer(ctx, tx, beginning{
		kind: billing.KindDeleteCustomer, params: customerParams{CustomerID: row.ID}, steps: []string{"delete_customer"},
	}, row)
}
