package mirror

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Gone asks Stripe whether it has deleted an object that a request was rejected
// for, and shows that here. A deleted customer is unlinked even during an operation
// on it, which then creates it anew. For objects of every other type Gone refreshes
// the row and returns false. Its errors are those of [Mirror.Refresh].
func (m *Mirror) Gone(ctx context.Context, objectType, stripeID string) (bool, error) {
	if objectType != "customer" {
		_, err := m.refreshObject(ctx, objectType, stripeID)
		return false, err
	}
	c, err := m.stripe.Customers.Get(stripeID, &stripe.CustomerParams{Params: read(ctx)})
	if !stripeapi.IsGone(err) && (err != nil || !c.Deleted) {
		return false, err
	}
	return true, m.store.InTx(store.WithDeleted(ctx), func(ctx context.Context, tx *store.Tx) error {
		row, err := store.OrNil(tx.Customer.Query().Where(customer.StripeID(stripeID), store.ForUpdate).Only(ctx))
		if err != nil {
			return err
		}
		if row == nil {
			return remember(ctx, tx, stripeID, nil)
		}
		return m.customers.unlink(ctx, tx, row)
	})
}

// unlink keeps a customer here that was deleted in Stripe, without its
// counterpart. Its subscriptions ended with it.
func (m *customers) unlink(ctx context.Context, tx *store.Tx, row *ent.Customer) error {
	if err := m.subscriptions.endAll(ctx, tx, row.ID, nil); err != nil {
		return err
	}
	if err := remember(ctx, tx, *row.StripeID, &row.ID); err != nil {
		return err
	}
	update := tx.Customer.UpdateOne(row).ClearStripeID().SetStripeSyncedAt(m.clock()).ClearStripeUnsupported()
	underWay, err := unfinished(ctx, tx.Reader(), row.StripeOperationID)
	if err != nil {
		return err
	}
	if !underWay {
		update.SetStripeStatus(billing.SyncUnlinked).ClearStripeError().ClearStripeOperationID()
	}
	return update.Exec(ctx)
}

// remember keeps the id of an object that Stripe has deleted, with the row that
// was its counterpart, if there was one.
func remember(ctx context.Context, tx *store.Tx, stripeID string, rowID *string) error {
	known, err := store.OrNil(tx.GoneObject.Get(ctx, stripeID))
	switch {
	case err != nil:
		return err
	case known == nil:
		return changedIfUnique(tx.GoneObject.Create().SetID(stripeID).SetNillableRowID(rowID).Exec(ctx))
	case known.RowID == nil && rowID != nil:
		return tx.GoneObject.UpdateOne(known).SetRowID(*rowID).Exec(ctx)
	}
	return nil
}

// Remember stores the id of an object that an operation has deleted in Stripe, so
// that later events about it still find its row. It fails only when the database
// does.
func Remember(ctx context.Context, tx *store.Tx, stripeID, rowID string) error {
	return remember(ctx, tx, stripeID, &rowID)
}

// NoteIfDeleted asks about an object that Stripe says it has created, when it has
// given that answer before: somebody may have deleted the object since. [IsGone] is
// true for it then. NoteIfDeleted fails when Stripe does not answer, and when the
// database does not.
func NoteIfDeleted(ctx context.Context, s *store.Store, answer *stripe.APIResponse, stripeID string, ask func() (deleted bool, err error)) error {
	if !stripeapi.Replayed(answer) {
		return nil
	}
	deleted, err := ask()
	if !stripeapi.IsGone(err) && (err != nil || !deleted) {
		return stripeapi.Untold(err)
	}
	return s.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return remember(ctx, tx, stripeID, nil) })
}

// IsGone reports whether Stripe is known to have deleted an object. It fails only
// when the database does.
func IsGone(ctx context.Context, tx *store.Tx, stripeID string) (bool, error) {
	known, err := store.OrNil(tx.GoneObject.Get(ctx, stripeID))
	return known != nil, err
}

// formerly is the row that an object deleted in Stripe was the counterpart of; nil
// when none is known.
func formerly(ctx context.Context, r *store.Reader, stripeID string) (*string, error) {
	known, err := store.OrNil(r.GoneObject.Get(ctx, stripeID))
	if known == nil || err != nil {
		return nil, err
	}
	return known.RowID, nil
}
