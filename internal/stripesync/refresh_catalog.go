package stripesync

import (
	"context"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

func (e *Engine) refreshProduct(ctx context.Context, stripeID string) error {
	row, err := orNil(e.store.Client.Product.Query().Where(product.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	p, err := e.stripe.Products.Get(stripeID, &stripe.ProductParams{Params: read(ctx)})
	if absent(err) || err == nil && p.Deleted {
		return e.dropProduct(ctx, row)
	}
	if err != nil {
		return err
	}
	if err := e.mirrorProduct(ctx, row, p); err != nil {
		return err
	}
	if p.DefaultPrice == nil {
		return nil
	}
	return e.mirrorDefaultPrice(ctx, stripeID, p.DefaultPrice.ID)
}

// mirrorProduct makes the row what Stripe says, its default price apart, which
// may need a row of its own first.
func (e *Engine) mirrorProduct(ctx context.Context, was *ent.Product, p *stripe.Product) error {
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			if err := e.pending(ctx, tx, p.Metadata); err != nil {
				return err
			}
			create := tx.Product.Create().
				SetStripeID(p.ID).SetName(p.Name).SetDescription(p.Description).SetActive(p.Active).
				SetMetadata(ours(p.Metadata)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
			synced(create.Mutation(), e)
			return changedIfUnique(create.Exec(ctx))
		}
		row, err := tx.Product.Query().Where(product.ID(was.ID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := (version{was.UpdatedAt}).check(row.UpdatedAt); err != nil {
			return err
		}
		if err := e.busy(ctx, tx, row.StripeOperationID); err != nil {
			return err
		}
		update := tx.Product.UpdateOne(row).
			SetName(p.Name).SetDescription(p.Description).SetActive(p.Active).SetMetadata(ours(p.Metadata))
		if p.DefaultPrice == nil {
			update.ClearDefaultPriceID()
		}
		synced(update.Mutation(), e)
		return update.Exec(ctx)
	})
}

func (e *Engine) mirrorDefaultPrice(ctx context.Context, productID, priceID string) error {
	known, err := e.store.Client.Price.Query().Where(price.StripeID(priceID)).Exist(ctx)
	if err != nil {
		return err
	}
	if !known {
		if err := e.refreshPrice(ctx, priceID); err != nil {
			return err
		}
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.Price.Query().Where(price.StripeID(priceID)).OnlyID(ctx)
		if err != nil {
			return err
		}
		row, err := tx.Product.Query().Where(product.StripeID(productID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := e.busy(ctx, tx, row.StripeOperationID); err != nil {
			return err
		}
		return tx.Product.UpdateOne(row).SetDefaultPriceID(id).Exec(ctx)
	})
}

// dropProduct shows a product that Stripe has deleted as archived.
func (e *Engine) dropProduct(ctx context.Context, was *ent.Product) error {
	if was == nil {
		return nil
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Product.UpdateOneID(was.ID).SetActive(false).ClearDefaultPriceID().
			ClearStripeID().SetStripeStatus(billing.SyncUnlinked).Exec(ctx)
	})
}

func (e *Engine) refreshPrice(ctx context.Context, stripeID string) error {
	was, err := orNil(e.store.Client.Price.Query().Where(price.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	p, err := e.stripe.Prices.Get(stripeID, &stripe.PriceParams{Params: read(ctx)})
	if absent(err) {
		return nil // a price is never deleted while a row here knows it
	}
	if err != nil {
		return err
	}
	if p.BillingScheme == stripe.PriceBillingSchemeTiered || p.Product == nil {
		return unmirrorable("The price %s has tiers; only prices per unit are kept here.", p.ID)
	}
	productID, err := e.productRow(ctx, p.Product.ID)
	if err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		parent, err := tx.Product.Query().Where(product.ID(productID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := e.busy(ctx, tx, parent.StripeOperationID); err != nil {
			return err
		}
		if err := takeLookupKey(ctx, tx, p); err != nil {
			return err
		}
		if was == nil {
			return e.createPriceRow(ctx, tx, parent.ID, p)
		}
		return e.updatePriceRow(ctx, tx, was, p)
	})
}

// productRow is the id of a product's row, which is made if it must be.
func (e *Engine) productRow(ctx context.Context, stripeID string) (string, error) {
	query := e.store.Client.Product.Query().Where(product.StripeID(stripeID))
	id, err := query.Clone().OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	p, err := e.stripe.Products.Get(stripeID, &stripe.ProductParams{Params: read(ctx)})
	if err != nil {
		return "", err
	}
	if err := e.mirrorProduct(ctx, nil, p); err != nil {
		return "", err
	}
	return query.OnlyID(ctx)
}

func (e *Engine) createPriceRow(ctx context.Context, tx *store.Tx, productID string, p *stripe.Price) error {
	if err := e.pending(ctx, tx, p.Metadata); err != nil {
		return err
	}
	create := tx.Price.Create().
		SetProductID(productID).SetStripeID(p.ID).
		SetUnitAmount(p.UnitAmount).SetCurrency(strings.ToUpper(string(p.Currency))).
		SetNickname(p.Nickname).SetNillableLookupKey(text(p.LookupKey)).
		SetStatus(priceStatus(p)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
	if p.Recurring != nil {
		create.SetInterval(billing.BillingInterval(strings.ToUpper(string(p.Recurring.Interval)))).
			SetIntervalCount(int(p.Recurring.IntervalCount))
	}
	if !p.Active {
		create.SetArchivedAt(e.clock())
	}
	synced(create.Mutation(), e)
	return changedIfUnique(create.Exec(ctx))
}

func (e *Engine) updatePriceRow(ctx context.Context, tx *store.Tx, was *ent.Price, p *stripe.Price) error {
	row, err := tx.Price.Get(ctx, was.ID)
	if err != nil {
		return err
	}
	if err := (version{was.UpdatedAt}).check(row.UpdatedAt); err != nil {
		return err
	}
	update := tx.Price.UpdateOne(row).SetNickname(p.Nickname).SetStatus(priceStatus(p))
	if p.LookupKey != "" {
		update.SetLookupKey(p.LookupKey)
	} else {
		update.ClearLookupKey()
	}
	switch {
	case p.Active:
		update.ClearArchivedAt()
	case row.ArchivedAt == nil:
		update.SetArchivedAt(e.clock())
	}
	synced(update.Mutation(), e)
	return update.Exec(ctx)
}

// takeLookupKey takes a price's lookup key away from the row that had it
// before: Stripe has moved it.
func takeLookupKey(ctx context.Context, tx *store.Tx, p *stripe.Price) error {
	if p.LookupKey == "" {
		return nil
	}
	return tx.Price.Update().
		Where(price.LookupKey(p.LookupKey), price.Or(price.StripeIDIsNil(), price.StripeIDNEQ(p.ID))).
		ClearLookupKey().
		Exec(ctx)
}

func priceStatus(p *stripe.Price) billing.PriceStatus {
	if p.Active {
		return billing.PriceActive
	}
	return billing.PriceArchived
}

// changedIfUnique says that a row exists by now which did not before.
func changedIfUnique(err error) error {
	if store.IsUnique(err) {
		return errChanged
	}
	return err
}
