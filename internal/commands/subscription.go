package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// SubscriptionResult is the outcome of a command on a subscription.
type SubscriptionResult struct {
	Subscription *ent.Subscription
	// ClientSecret is for confirming the first payment; never stored.
	ClientSecret *string
	Operation    *ent.Operation
}

// lockSubscription reads a subscription under lock, and its customer's row
// first, which keeps the order of the customer's operations.
func (c *Commands) lockSubscription(ctx context.Context, tx *store.Tx, id string) (*ent.Subscription, error) {
	row, err := tx.Subscription.Get(ctx, id)
	if err != nil {
		return nil, at(store.OrNotFound(err, "subscription", id), "subscriptionId")
	}
	if _, err := tx.Customer.Query().Where(customer.ID(row.CustomerID), store.ForUpdate).Only(store.WithDeleted(ctx)); err != nil {
		return nil, err
	}
	if row, err = tx.Subscription.Query().Where(subscription.ID(id), store.ForUpdate).Only(ctx); err != nil {
		return nil, at(store.OrNotFound(err, "subscription", id), "subscriptionId")
	}
	return row, c.notBusy(ctx, tx, row.Stripe())
}

// subscriptionResult reads the subscription that an operation was on, nil when
// it has been discarded.
func (c *Commands) subscriptionResult(ctx context.Context, op *ent.Operation, refusal error) (SubscriptionResult, error) {
	if op == nil {
		return SubscriptionResult{}, refusal
	}
	row, err := c.store.Client.Subscription.Get(ctx, op.SubjectID)
	if err != nil && !ent.IsNotFound(err) {
		return SubscriptionResult{}, err
	}
	return SubscriptionResult{Subscription: row, Operation: op}, refusal
}

func checkSubscriptionID(id string) error {
	return checkID("subscription", billing.SubscriptionPrefix, id, "subscriptionId")
}
