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
	if row != nil {
		if err := e.busy(ctx, e.store.Client, row.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := e.clock()
	p, err := e.stripe.Products.Get(stripeID, &stripe.ProductParams{Params: read(ctx)})
	if gone(err) || err == nil && p.Deleted {
		return e.dropProduct(ctx, row)
	}
	if err != nil {
		return err
	}
	was, err := e.mirrorProduct(ctx, row, p, asOf)
	if err != nil || p.DefaultPrice == nil {
		return err
	}
	return e.mirrorDefaultPrice(ctx, was, p.DefaultPrice.ID)
}

// mirrorProduct makes the row what Stripe said as of a time, its default price
// apart, which may need a row of its own first. It returns the row.
func (e *Engine) mirrorProduct(ctx context.Context, was *ent.Product, p *stripe.Product, asOf time.Time) (row *ent.Product, err error) {
	err = e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			if err := e.pending(ctx, tx, p.Metadata); err != nil {
				return err
			}
			create := tx.Product.Create().
				SetStripeID(p.ID).SetName(p.Name).SetDescription(p.Description).SetActive(p.Active).
				SetMetadata(ours(p.Metadata)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
			synced(create.Mutation(), e)
			row, err = create.Save(ctx)
			return changedIfUnique(err)
		}
		if row, err = e.unchangedProduct(ctx, tx, was); err != nil {
			return err
		}
		update := tx.Product.UpdateOne(row).
			SetName(p.Name).SetDescription(p.Description).SetActive(p.Active).SetMetadata(ours(p.Metadata))
		if p.DefaultPrice == nil {
			update.ClearDefaultPriceID()
		}
		if err := e.reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
			return err
		}
		row, err = update.Save(ctx)
		return err
	})
	return row, err
}

// unchangedProduct locks a product's row that Stripe was asked about.
func (e *Engine) unchangedProduct(ctx context.Context, tx *store.Tx, was *ent.Product) (*ent.Product, error) {
	row, err := tx.Product.Query().Where(product.ID(was.ID), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, err
	}
	if err := (version{was.UpdatedAt}).check(row.UpdatedAt); err != nil {
		return nil, err
	}
	return row, e.busy(ctx, tx.Client, row.StripeOperationID)
}

func (e *Engine) mirrorDefaultPrice(ctx context.Context, was *ent.Product, priceID string) error {
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
		row, err := e.unchangedProduct(ctx, tx, was)
		if err != nil {
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
		row, err := e.unchangedProduct(ctx, tx, was)
		if err != nil {
			return err
		}
		return tx.Product.UpdateOne(row).SetActive(false).ClearDefaultPriceID().
			ClearStripeID().SetStripeStatus(billing.SyncUnlinked).Exec(ctx)
	})
}

func (e *Engine) refreshPrice(ctx context.Context, stripeID string) error {
	was, err := orNil(e.store.Client.Price.Query().Where(price.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if was != nil {
		if err := e.busy(ctx, e.store.Client, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := e.clock()
	p, err := e.stripe.Prices.Get(stripeID, &stripe.PriceParams{Params: read(ctx)})
	if gone(err) {
		return nil // a price is never deleted while a row here knows it
	}
	if err != nil {
		return err
	}
	if err := checkMirrorable(p); err != nil {
		return err
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
		if err := e.busy(ctx, tx.Client, parent.StripeOperationID); err != nil {
			return err
		}
		if err := takeLookupKey(ctx, tx, p); err != nil {
			return err
		}
		if was == nil {
			return e.createPriceRow(ctx, tx, parent.ID, p)
		}
		return e.updatePriceRow(ctx, tx, was, p, asOf)
	})
}

// checkMirrorable refuses prices that are not so many minor units each.
func checkMirrorable(p *stripe.Price) error {
	switch {
	case p.Product == nil:
		return unmirrorable("The price %s has no product.", p.ID)
	case p.BillingScheme == stripe.PriceBillingSchemeTiered:
		return unmirrorable("The price %s has tiers; only prices per unit are kept here.", p.ID)
	case p.CustomUnitAmount != nil, float64(p.UnitAmount) != p.UnitAmountDecimal:
		return unmirrorable("The price %s is not a whole number of minor units.", p.ID)
	}
	return nil
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
	if _, err := e.mirrorProduct(ctx, nil, p, e.clock()); err != nil {
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

func (e *Engine) updatePriceRow(ctx context.Context, tx *store.Tx, was *ent.Price, p *stripe.Price, asOf time.Time) error {
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
	if err := e.reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
		return err
	}
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
