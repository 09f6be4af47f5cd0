package mirror

import (
	"context"
	"encoding/json"
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
	was, err := store.OrNil(m.store.Reader.Customer.Query().Where(customer.StripeID(stripeID)).Only(all))
	if err != nil {
		return err
	}
	if was != nil {
		if err := busy(ctx, m.store.Reader, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	c, err := m.stripe.Customers.Get(stripeID, &stripe.CustomerParams{Params: read(ctx)})
	if stripeapi.IsGone(err) || err == nil && c.Deleted {
		return m.unlinkCustomer(all, was, stripeID)
	}
	if err != nil {
		return err
	}
	if was == nil {
		if err := m.takeIn(ctx, "customer", c.ID, c.Created); err != nil {
			return err
		}
	}
	return m.mirrorCustomer(all, was, c, c.LastResponse.RawJSON, asOf)
}

// mirrorCustomer makes the row what Stripe said as of a time.
func (m *Mirror) mirrorCustomer(ctx context.Context, was *ent.Customer, c *stripe.Customer, raw json.RawMessage, asOf time.Time) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return m.createCustomerRow(ctx, tx, c, raw)
		}
		row, err := m.unchangedCustomer(ctx, tx, was)
		if err != nil {
			return err
		}
		return m.updateCustomerRow(ctx, tx, row, c, raw, asOf)
	})
}

func (m *Mirror) updateCustomerRow(ctx context.Context, tx *store.Tx, row *ent.Customer, c *stripe.Customer, raw json.RawMessage, asOf time.Time) error {
	update := tx.Customer.UpdateOne(row)
	if err := copyCustomer(update.Mutation(), c, raw); err != nil {
		return err
	}
	if c.Email != row.Email {
		claimed, err := claims(ctx, tx, c.Email, row.ID)
		if err != nil {
			return err
		}
		update.SetEmail(c.Email).SetEmailClaimed(claimed)
	}
	if id := c.Metadata[stripeapi.MetadataExternalID]; id != billing.ValueOr(row.ExternalID, "") {
		free, err := externalIDFree(ctx, tx, id, row.ID)
		if err != nil {
			return err
		}
		if id == "" {
			update.ClearExternalID()
		} else if free {
			update.SetExternalID(id)
		}
	}
	if err := reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
		return err
	}
	return update.Exec(ctx)
}

// copyCustomer writes what Stripe says of a customer, but for what must be unique
// here.
func copyCustomer(m *ent.CustomerMutation, c *stripe.Customer, raw json.RawMessage) error {
	m.SetName(c.Name)
	m.SetMetadata(ours(c.Metadata))
	return setUnsupported(m, "customer", raw)
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
	return row, busy(ctx, tx.Reader(), row.StripeOperationID)
}

// createCustomerRow shows a customer here that was created in Stripe. Where a
// customer waits here to be linked, and this one is its own or has its e-mail, it
// is linked to this one, so that there are not two.
func (m *Mirror) createCustomerRow(ctx context.Context, tx *store.Tx, c *stripe.Customer, raw json.RawMessage) error {
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
	adopted, err := m.adopts(ctx, tx, c)
	if err != nil {
		return err
	}
	if adopted != nil {
		m.logger.InfoContext(ctx, "a customer that was not in Stripe is linked to one that was made there",
			"customer", adopted.ID, "stripe", c.ID)
		if adopted, err = tx.Customer.UpdateOne(adopted).SetStripeID(c.ID).
			SetStripeStatus(billing.SyncSynced).ClearStripeError().Save(ctx); err != nil {
			return changedIfUnique(err)
		}
		return m.updateCustomerRow(ctx, tx, adopted, c, raw, m.clock())
	}
	claimed, err := claims(ctx, tx, c.Email, "")
	if err != nil {
		return err
	}
	create := tx.Customer.Create().
		SetStripeID(c.ID).SetEmail(c.Email).SetEmailClaimed(claimed).SetName(c.Name).
		SetMetadata(ours(c.Metadata)).SetCreatedAt(time.Unix(c.Created, 0).UTC())
	if id := c.Metadata[stripeapi.MetadataExternalID]; id != "" {
		free, err := externalIDFree(ctx, tx, id, "")
		if err != nil {
			return err
		}
		if free {
			create.SetExternalID(id)
		}
	}
	stripesync.Synced(create.Mutation(), m.clock())
	if err := setUnsupported(create.Mutation(), "customer", raw); err != nil {
		return err
	}
	return changedIfUnique(create.Exec(ctx))
}

// adopts is the live customer here without a counterpart in Stripe that a new one
// there belongs to; nil when there is none, or when an operation is about to link
// it.
func (m *Mirror) adopts(ctx context.Context, tx *store.Tx, c *stripe.Customer) (*ent.Customer, error) {
	which := []func() *ent.CustomerQuery{
		func() *ent.CustomerQuery {
			return tx.Customer.Query().Where(customer.ID(c.Metadata[stripeapi.MetadataID]))
		},
	}
	if c.Email != "" {
		which = append(which, func() *ent.CustomerQuery { return tx.Customer.Query().Where(store.HasEmail(c.Email)) })
	}
	for _, query := range which {
		row, err := store.OrNil(query().Where(customer.StripeIDIsNil(), customer.DeletedAtIsNil(), store.ForUpdate).Only(ctx))
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		if underWay, err := unfinished(ctx, tx.Reader(), row.StripeOperationID); err != nil || underWay {
			return nil, err
		}
		return row, nil
	}
	return nil, nil
}

// claims reports whether a customer of Stripe's holds its e-mail here: whether it
// has one that no other live customer holds.
func claims(ctx context.Context, tx *store.Tx, email, exceptID string) (bool, error) {
	if email == "" {
		return false, nil
	}
	err := store.CheckEmailFree(ctx, tx, email, exceptID)
	if billing.IsCode(err, billing.CodeEmailTaken) {
		return false, nil
	}
	return err == nil, err
}

func externalIDFree(ctx context.Context, tx *store.Tx, id, exceptID string) (bool, error) {
	err := store.CheckExternalIDFree(ctx, tx, id, exceptID)
	if billing.IsCode(err, billing.CodeExternalIDTaken) {
		return false, nil
	}
	return err == nil, err
}

// unlinkCustomer keeps the customer here that was deleted in Stripe. Where none
// is known, its id is remembered all the same, so that nothing is linked to it.
func (m *Mirror) unlinkCustomer(ctx context.Context, was *ent.Customer, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return remember(ctx, tx, stripeID, nil)
		}
		row, err := m.unchangedCustomer(ctx, tx, was)
		if err != nil {
			return err
		}
		return m.unlink(ctx, tx, row)
	})
}

// customerRow is a customer's row, which is made if it must be. One that Stripe
// has deleted is still found by the id that it had there.
func (m *Mirror) customerRow(ctx context.Context, stripeID string) (*ent.Customer, error) {
	ctx = store.WithDeleted(ctx)
	query := m.store.Reader.Customer.Query().Where(customer.StripeID(stripeID))
	row, err := query.Clone().Only(ctx)
	if !ent.IsNotFound(err) {
		return row, err
	}
	if former, err := formerly(ctx, m.store.Reader, stripeID); err != nil || former != nil {
		if err != nil {
			return nil, err
		}
		return m.store.Reader.Customer.Get(ctx, *former)
	}
	if err := m.refreshCustomer(ctx, stripeID); err != nil {
		return nil, err
	}
	row, err = query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, errNotOurs // deleted in Stripe before anything of it was known here
	}
	return row, err
}
