package mirror

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// customers shows customers.
type customers struct{ *core }

func (m *customers) refresh(ctx context.Context, stripeID string) error {
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
		return m.drop(all, was, stripeID)
	}
	if err != nil {
		return err
	}
	if was == nil {
		if err := m.takeIn(ctx, "customer", c.ID, c.Created); err != nil {
			return err
		}
	}
	return m.mirror(all, was, c, c.LastResponse.RawJSON, asOf)
}

// mirror makes the row what Stripe said as of a time.
func (m *customers) mirror(ctx context.Context, was *ent.Customer, c *stripe.Customer, raw json.RawMessage, asOf time.Time) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return m.create(ctx, tx, c, raw)
		}
		row, err := m.lockUnchanged(ctx, tx, was)
		if err != nil {
			return err
		}
		return m.update(ctx, tx, row, c, raw, asOf)
	})
}

func (m *customers) update(ctx context.Context, tx *store.Tx, row *ent.Customer, c *stripe.Customer, raw json.RawMessage, asOf time.Time) error {
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

// lockUnchanged locks a customer's row that Stripe was asked about.
func (m *customers) lockUnchanged(ctx context.Context, tx *store.Tx, was *ent.Customer) (*ent.Customer, error) {
	row, err := tx.Customer.Query().Where(customer.ID(was.ID), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, err
	}
	if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
		return nil, err
	}
	return row, busy(ctx, tx.Reader(), row.StripeOperationID)
}

// create shows a customer here that was created in Stripe. Where a
// customer waits here to be linked, and this one is its own or has its e-mail, it
// is linked to this one, so that there are not two.
func (m *customers) create(ctx context.Context, tx *store.Tx, c *stripe.Customer, raw json.RawMessage) error {
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
	if adopted == nil {
		return m.insert(ctx, tx, c, raw)
	}
	m.logger.InfoContext(ctx, "a customer that was not in Stripe is linked to one that was made there",
		"customer", adopted.ID, "stripe", c.ID)
	if adopted, err = tx.Customer.UpdateOne(adopted).SetStripeID(c.ID).
		SetStripeStatus(billing.SyncSynced).ClearStripeError().Save(ctx); err != nil {
		return changedIfUnique(err)
	}
	return m.update(ctx, tx, adopted, c, raw, m.clock())
}

// insert makes a row for a customer that nobody here has made. It claims the e-mail and
// the external id only if they are free.
func (m *customers) insert(ctx context.Context, tx *store.Tx, c *stripe.Customer, raw json.RawMessage) error {
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
func (m *customers) adopts(ctx context.Context, tx *store.Tx, c *stripe.Customer) (*ent.Customer, error) {
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
		// Any operation of the customer's may be about to link it, a new subscription too.
		underWay, err := tx.Operation.Query().Where(operation.ScopeID(row.ID), operation.FinishedAtIsNil()).Exist(ctx)
		if err != nil || underWay {
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

// drop keeps the customer here that was deleted in Stripe. Where none
// is known, its id is remembered all the same, so that nothing is linked to it.
func (m *customers) drop(ctx context.Context, was *ent.Customer, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return remember(ctx, tx, stripeID, nil)
		}
		row, err := m.lockUnchanged(ctx, tx, was)
		if err != nil {
			return err
		}
		return m.unlink(ctx, tx, row)
	})
}

// row is a customer's row, which is made if it must be. One that Stripe
// has deleted is still found by the id that it had there.
func (m *customers) row(ctx context.Context, stripeID string) (*ent.Customer, error) {
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
	if err := m.refresh(ctx, stripeID); err != nil {
		return nil, err
	}
	row, err = query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, errNotOurs // deleted in Stripe before anything of it was known here
	}
	return row, err
}

func (m *customers) read(ctx context.Context, id string) (json.RawMessage, error) {
	c, err := m.stripe.Customers.Get(id, &stripe.CustomerParams{Params: read(ctx)})
	return rawUnlessGone(c.LastResponse, c.Deleted, err)
}

func (m *customers) compare(ctx context.Context, raw json.RawMessage) (*compared, error) {
	cus, err := decodeObject(raw, func(c *stripe.Customer, r *stripe.APIResponse) { c.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Customer.Query().Where(customer.StripeID(cus.ID)).Only(store.WithDeleted(ctx)))
	if row == nil || err != nil {
		return m.extra(ctx, cus.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = cus.Metadata[stripeapi.MetadataID] == row.ID
	update := m.drafts.Customer.UpdateOne(row).SetEmail(cus.Email)
	if err := copyCustomer(update.Mutation(), cus, raw); err != nil {
		return nil, err
	}
	c.changes, err = changesOf(ctx, update.Mutation())
	if id := cus.Metadata[stripeapi.MetadataExternalID]; id != billing.ValueOr(row.ExternalID, "") {
		c.changes = append(c.changes, change{field: "externalId", ours: billing.ValueOr(row.ExternalID, ""), stripes: id})
	}
	return c, err
}

func (m *customers) linked(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Customer.Query().
		Where(customer.StripeIDNotNil(), customer.IDGT(after)).Order(customer.ByID()).Limit(limit).All(store.WithDeleted(ctx))
	return links(rows, func(r *ent.Customer) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *customers) show(ctx context.Context, raw json.RawMessage, asOf time.Time) error {
	c, err := decodeObject(raw, func(c *stripe.Customer, r *stripe.APIResponse) { c.LastResponse = r })
	if err != nil {
		return err
	}
	return m.mirror(ctx, nil, c, raw, asOf)
}
