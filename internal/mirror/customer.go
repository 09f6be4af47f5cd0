package mirror

import (
	"context"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

func (m *Mirror) refreshCustomer(ctx context.Context, stripeID string) error {
	all := store.WithDeleted(ctx)
	was, err := store.OrNil(m.store.Client.Customer.Query().Where(customer.StripeID(stripeID)).Only(all))
	if err != nil {
		return err
	}
	if was != nil {
		if err := busy(ctx, m.store.Client, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	c, err := m.stripe.Customers.Get(stripeID, &stripe.CustomerParams{Params: read(ctx)})
	if stripeapi.IsGone(err) || err == nil && c.Deleted {
		return m.unlinkCustomer(all, was)
	}
	if err != nil {
		return err
	}
	return m.store.InTx(all, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return m.createCustomerRow(ctx, tx, c)
		}
		row, err := m.unchangedCustomer(ctx, tx, was)
		if err != nil {
			return err
		}
		update := tx.Customer.UpdateOne(row).SetName(c.Name).SetMetadata(ours(c.Metadata))
		if c.Email != row.Email {
			if err := emailUsable(ctx, tx, c.Email, row.ID); err != nil {
				return err
			}
			update.SetEmail(c.Email)
		}
		if err := reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
			return err
		}
		return update.Exec(ctx)
	})
}

// unchangedCustomer locks a customer's row that Stripe was asked about.
func (m *Mirror) unchangedCustomer(ctx context.Context, tx *store.Tx, was *ent.Customer) (*ent.Customer, error) {
	row, err := tx.Customer.Query().Where(customer.ID(was.ID), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, err
	}
	if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
		return nil, err
	}
	return row, busy(ctx, tx.Client, row.StripeOperationID)
}

// createCustomerRow shows a customer here that was created in Stripe.
func (m *Mirror) createCustomerRow(ctx context.Context, tx *store.Tx, c *stripe.Customer) error {
	if err := pending(ctx, tx, c.Metadata); err != nil {
		return err
	}
	// An operation may have linked the customer while Stripe was asked; its own
	// e-mail is not somebody else's then.
	linked, err := tx.Customer.Query().Where(customer.StripeID(c.ID)).Exist(ctx)
	if err != nil {
		return err
	}
	if linked {
		return errChanged
	}
	if err := emailUsable(ctx, tx, c.Email, ""); err != nil {
		return err
	}
	create := tx.Customer.Create().
		SetStripeID(c.ID).SetEmail(c.Email).SetName(c.Name).
		SetMetadata(ours(c.Metadata)).SetCreatedAt(time.Unix(c.Created, 0).UTC())
	stripesync.Synced(create.Mutation(), m.clock())
	return changedIfUnique(create.Exec(ctx))
}

// emailUsable refuses what Stripe allows and this database does not: a
// customer without an e-mail, and two with the same.
func emailUsable(ctx context.Context, tx *store.Tx, email, exceptID string) error {
	if email == "" {
		return unmirrorable("The customer has no e-mail in Stripe; here each one needs one.")
	}
	err := store.CheckEmailFree(ctx, tx, email, exceptID)
	if billing.IsCode(err, billing.CodeEmailTaken) {
		return unmirrorable("Another customer has the same e-mail here.")
	}
	return err
}

// unlinkCustomer keeps the customer here that was deleted in Stripe, without
// its counterpart. Its subscriptions ended with it.
func (m *Mirror) unlinkCustomer(ctx context.Context, was *ent.Customer) error {
	if was == nil {
		return nil
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := m.unchangedCustomer(ctx, tx, was)
		if err != nil {
			return err
		}
		if err := m.EndSubscriptions(ctx, tx, row.ID, nil); err != nil {
			return err
		}
		return tx.Customer.UpdateOne(row).
			ClearStripeID().SetStripeStatus(billing.SyncUnlinked).SetStripeSyncedAt(m.clock()).
			ClearStripeError().ClearStripeOperationID().Exec(ctx)
	})
}

// customerRow is a customer's row, which is made if it must be.
func (m *Mirror) customerRow(ctx context.Context, stripeID string) (*ent.Customer, error) {
	ctx = store.WithDeleted(ctx)
	query := m.store.Client.Customer.Query().Where(customer.StripeID(stripeID))
	row, err := query.Clone().Only(ctx)
	if !ent.IsNotFound(err) {
		return row, err
	}
	if err := m.refreshCustomer(ctx, stripeID); err != nil {
		return nil, err
	}
	row, err = query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, unmirrorable("Its customer %s does not exist in Stripe any more.", stripeID)
	}
	return row, err
}
