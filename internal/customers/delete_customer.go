package customers

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// DeleteCustomer is the input of [Customers.DeleteCustomer].
type DeleteCustomer struct {
	CustomerID     string
	IdempotencyKey *string
}

// DeleteCustomer deletes a customer in Stripe, which cancels its live subscriptions
// there and here, and hides its row, which frees the e-mail and the external id. That
// Stripe does not have the customer any more is a success.
func (c *Customers) DeleteCustomer(ctx context.Context, in DeleteCustomer) (Result, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "deleteCustomer", Key: in.IdempotencyKey, Input: in,
		Check: func() error { return CheckID(in.CustomerID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.Lock(ctx, tx, in.CustomerID)
			if err != nil {
				return nil, err
			}
			id := stripesync.NewID()
			if err := showPending(ctx, tx, row, id); err != nil {
				return nil, err
			}
			return c.deletion.Begin(ctx, tx, stripesync.Beginning[deletion]{
				ID: id, Subject: row.ID, Scope: row.ID,
				Params: deletion{CustomerID: row.ID}, Steps: []stripesync.StepOf[deletion]{remove},
			})
		},
	})
	return c.result(ctx, op, rejection)
}

// deletion is the frozen input of the operation.
type deletion struct {
	CustomerID string `json:"customer_id"`
}

// Owner implements [Owned].
func (p deletion) Owner() string { return p.CustomerID }

// remove has no undo: what is deleted in Stripe cannot come back. A refusal because
// Stripe does not have the customer counts as done, and nothing is read. After every
// other one GET /v1/customers/{id} follows, and the step is done if that says that the
// customer is deleted.
var remove = &stripesync.Step[deletion, stripesync.Nothing]{
	Name: "delete_customer",
	Do: func(c *stripesync.Call[deletion]) (none stripesync.Nothing, err error) {
		id, err := InStripe(c, Linked{})
		if err != nil || id == "" {
			return none, err
		}
		answer, err := c.Stripe.Customers.Del(id, &stripe.CustomerParams{Params: c.Write()})
		if stripeapi.IsGone(err) {
			return none, nil
		}
		now, rejection, err := mirror.OrReread(answer, nil, err, func() (*stripe.Customer, error) {
			return c.Stripe.Customers.Get(id, &stripe.CustomerParams{Params: c.Read()})
		})
		if err == nil && !now.Deleted {
			err = rejection
		}
		return none, err
	},
	Keep: true,
}

// rememberCounterpart keeps a deleted customer's id in Stripe, so that what is
// still reported about it, its last invoice say, is shown.
func rememberCounterpart(ctx context.Context, tx *store.Tx, customerID string) error {
	row, err := tx.Customer.Get(store.WithDeleted(ctx), customerID)
	if err != nil || row.StripeID == nil {
		return err
	}
	return mirror.Remember(ctx, tx, *row.StripeID, row.ID)
}

// deletionOperation deletes a customer on both sides. Stripe ends its
// subscriptions at once.
func (c *Customers) deletionOperation() *stripesync.Operation[deletion] {
	return &stripesync.Operation[deletion]{
		Kind:  billing.KindDeleteCustomer,
		Steps: []stripesync.StepOf[deletion]{remove},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[deletion]) error {
			if err := c.mirror.EndSubscriptions(ctx, tx, e.Params.CustomerID, &e.ID); err != nil {
				return err
			}
			if err := rememberCounterpart(ctx, tx, e.Params.CustomerID); err != nil {
				return err
			}
			return finish(ctx, tx, e, e.Params.CustomerID, func(u *ent.CustomerUpdateOne, _ *ent.Customer) {
				u.SetDeletedAt(e.Now).
					ClearStripeID().SetStripeStatus(billing.SyncUnlinked).SetStripeSyncedAt(e.Now)
			})
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[deletion]) error {
			return mark(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[deletion]) ([]stripesync.Object, error) {
			return adopt(ctx, tx, e.Params.CustomerID, Linked{})
		},
		Mark: mark,
	}
}
