package mirror

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// products shows products.
type products struct{ *core }

func (m *products) refresh(ctx context.Context, stripeID string) error {
	row, err := store.OrNil(m.store.Reader.Product.Query().Where(product.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if row != nil {
		if err := busy(ctx, m.store.Reader, row.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	p, err := m.stripe.Products.Get(stripeID, &stripe.ProductParams{Params: read(ctx)})
	if stripeapi.IsGone(err) || err == nil && p.Deleted {
		return m.drop(ctx, row, stripeID)
	}
	if err != nil {
		return err
	}
	if row == nil {
		if err := m.takeIn(ctx, "product", p.ID, p.Created); err != nil {
			return err
		}
	}
	return m.mirror(ctx, row, p, p.LastResponse.RawJSON, asOf)
}

func (m *products) mirror(ctx context.Context, row *ent.Product, p *stripe.Product, raw json.RawMessage, asOf time.Time) error {
	was, err := m.mirrorRow(ctx, row, p, raw, asOf)
	if err != nil || p.DefaultPrice == nil {
		return err
	}
	return m.mirrorDefaultPrice(ctx, was, p.DefaultPrice.ID)
}

// mirrorRow makes the row what Stripe said as of a time, its default price
// apart, which may need a row of its own first. It returns the row.
func (m *products) mirrorRow(ctx context.Context, was *ent.Product, p *stripe.Product, raw json.RawMessage, asOf time.Time) (row *ent.Product, err error) {
	err = m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			if err := pending(ctx, tx, p.Metadata); err != nil {
				return err
			}
			create := tx.Product.Create().
				SetStripeID(p.ID).SetName(p.Name).SetDescription(p.Description).SetActive(p.Active).
				SetMetadata(ours(p.Metadata)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
			stripesync.Synced(create.Mutation(), m.clock())
			if err := setUnsupported(create.Mutation(), "product", raw); err != nil {
				return err
			}
			row, err = create.Save(ctx)
			return changedIfUnique(err)
		}
		if row, err = m.lockUnchanged(ctx, tx, was); err != nil {
			return err
		}
		update := tx.Product.UpdateOne(row)
		if err := copyProduct(update.Mutation(), p, raw); err != nil {
			return err
		}
		if err := reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
			return err
		}
		row, err = update.Save(ctx)
		return err
	})
	return row, err
}

// copyProduct writes what Stripe says of a product, but for the row of its default
// price.
func copyProduct(m *ent.ProductMutation, p *stripe.Product, raw json.RawMessage) error {
	m.SetName(p.Name)
	m.SetDescription(p.Description)
	m.SetActive(p.Active)
	m.SetMetadata(ours(p.Metadata))
	if p.DefaultPrice == nil {
		m.ClearDefaultPriceID()
	}
	return setUnsupported(m, "product", raw)
}

// lockUnchanged locks a product's row that Stripe was asked about.
func (m *products) lockUnchanged(ctx context.Context, tx *store.Tx, was *ent.Product) (*ent.Product, error) {
	row, err := tx.Product.Query().Where(product.ID(was.ID), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, err
	}
	if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
		return nil, err
	}
	return row, busy(ctx, tx.Reader(), row.StripeOperationID)
}

func (m *products) mirrorDefaultPrice(ctx context.Context, was *ent.Product, priceID string) error {
	known, err := m.store.Reader.Price.Query().Where(price.StripeID(priceID)).Exist(ctx)
	if err != nil {
		return err
	}
	if !known {
		if err := m.prices.refresh(ctx, priceID); err != nil {
			return err
		}
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.Price.Query().Where(price.StripeID(priceID)).OnlyID(ctx)
		if ent.IsNotFound(err) {
			return errChanged // deleted since the product named it
		}
		if err != nil {
			return err
		}
		row, err := m.lockUnchanged(ctx, tx, was)
		if err != nil {
			return err
		}
		return tx.Product.UpdateOne(row).SetDefaultPriceID(id).Exec(ctx)
	})
}

// drop shows a product that Stripe has deleted as archived. Where none is known,
// its id is remembered all the same, so that nothing is linked to it.
func (m *products) drop(ctx context.Context, was *ent.Product, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return remember(ctx, tx, stripeID, nil)
		}
		row, err := m.lockUnchanged(ctx, tx, was)
		if err != nil {
			return err
		}
		if err := remember(ctx, tx, *row.StripeID, &row.ID); err != nil {
			return err
		}
		return tx.Product.UpdateOne(row).SetActive(false).ClearDefaultPriceID().
			ClearStripeID().SetStripeStatus(billing.SyncUnlinked).ClearStripeUnsupported().Exec(ctx)
	})
}

// row is the id of a product's row, which is made if it must be.
func (m *products) row(ctx context.Context, stripeID string) (string, error) {
	query := m.store.Reader.Product.Query().Where(product.StripeID(stripeID))
	id, err := query.Clone().OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	if former, err := formerly(ctx, m.store.Reader, stripeID); err != nil || former != nil {
		return billing.ValueOr(former, ""), err
	}
	p, err := m.stripe.Products.Get(stripeID, &stripe.ProductParams{Params: read(ctx)})
	switch {
	case stripeapi.IsGone(err) || err == nil && p.Deleted:
		return m.goneRow(ctx, stripeID)
	case err != nil:
		return "", err
	}
	if _, err := m.mirrorRow(ctx, nil, p, p.LastResponse.RawJSON, m.clock()); err != nil {
		return "", err
	}
	return query.OnlyID(ctx)
}

// goneRow is the id of a row for a product that Stripe has deleted and that
// something is still subscribed to, or was.
func (m *products) goneRow(ctx context.Context, stripeID string) (id string, err error) {
	err = m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.Product.Create().SetName("Deleted product " + stripeID).SetActive(false).Save(ctx)
		if err != nil {
			return err
		}
		id = row.ID
		return remember(ctx, tx, stripeID, &id)
	})
	return id, err
}

func (m *products) read(ctx context.Context, id string) (json.RawMessage, error) {
	p, err := m.stripe.Products.Get(id, &stripe.ProductParams{Params: read(ctx)})
	return rawUnlessGone(p.LastResponse, p.Deleted, err)
}

func (m *products) compare(ctx context.Context, raw json.RawMessage) (*compared, error) {
	p, err := decodeObject(raw, func(p *stripe.Product, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Product.Query().Where(product.StripeID(p.ID)).WithDefaultPrice().Only(ctx))
	if row == nil || err != nil {
		return m.extra(ctx, p.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = p.Metadata[stripeapi.MetadataID] == row.ID
	update := m.drafts.Product.UpdateOne(row)
	if err := copyProduct(update.Mutation(), p, raw); err != nil {
		return nil, err
	}
	if c.changes, err = changesOf(ctx, update.Mutation()); err != nil {
		return nil, err
	}
	if here := row.Edges.DefaultPrice; p.DefaultPrice != nil && (here == nil || billing.ValueOr(here.StripeID, "") != p.DefaultPrice.ID) {
		ours := ""
		if here != nil {
			ours = billing.ValueOr(here.StripeID, here.ID)
		}
		c.changes = append(c.changes, change{field: "defaultPrice", ours: ours, stripes: p.DefaultPrice.ID})
	}
	return c, nil
}

func (m *products) linked(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Product.Query().
		Where(product.StripeIDNotNil(), product.IDGT(after)).Order(product.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Product) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *products) show(ctx context.Context, raw json.RawMessage, asOf time.Time) error {
	p, err := decodeObject(raw, func(p *stripe.Product, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return err
	}
	return m.mirror(ctx, nil, p, raw, asOf)
}
