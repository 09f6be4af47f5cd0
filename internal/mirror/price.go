package mirror

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
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

func (m *Mirror) refreshPrice(ctx context.Context, stripeID string) error {
	was, err := store.OrNil(m.store.Client.Price.Query().Where(price.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if was != nil {
		if err := busy(ctx, m.store.Client, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	p, err := m.stripe.Prices.Get(stripeID, &stripe.PriceParams{Params: read(ctx)})
	if stripeapi.IsGone(err) {
		return nil // a price is never deleted while a row here knows it
	}
	if err != nil {
		return err
	}
	if err := checkMirrorable(p); err != nil {
		return err
	}
	productID, err := m.productRow(ctx, p.Product.ID)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		parent, err := tx.Product.Query().Where(product.ID(productID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := busy(ctx, tx.Client, parent.StripeOperationID); err != nil {
			return err
		}
		if err := takeLookupKey(ctx, tx, p); err != nil {
			return err
		}
		if was == nil {
			return m.createPriceRow(ctx, tx, parent.ID, p)
		}
		return m.updatePriceRow(ctx, tx, was, p, asOf)
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

func (m *Mirror) createPriceRow(ctx context.Context, tx *store.Tx, productID string, p *stripe.Price) error {
	if err := pending(ctx, tx, p.Metadata); err != nil {
		return err
	}
	create := tx.Price.Create().
		SetProductID(productID).SetStripeID(p.ID).
		SetUnitAmount(p.UnitAmount).SetCurrency(strings.ToUpper(string(p.Currency))).
		SetNickname(p.Nickname).SetNillableLookupKey(stripeapi.NonEmpty(p.LookupKey)).
		SetStatus(priceStatus(p)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
	if p.Recurring != nil {
		create.SetInterval(billing.BillingInterval(strings.ToUpper(string(p.Recurring.Interval)))).
			SetIntervalCount(int(p.Recurring.IntervalCount))
	}
	if !p.Active {
		create.SetArchivedAt(m.clock())
	}
	stripesync.Synced(create.Mutation(), m.clock())
	return changedIfUnique(create.Exec(ctx))
}

func (m *Mirror) updatePriceRow(ctx context.Context, tx *store.Tx, was *ent.Price, p *stripe.Price, asOf time.Time) error {
	row, err := tx.Price.Get(ctx, was.ID)
	if err != nil {
		return err
	}
	if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
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
		update.SetArchivedAt(m.clock())
	}
	if err := reported(ctx, tx, update.Mutation(), row.Stripe(), asOf); err != nil {
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
