package mirror

import (
	"context"
	"encoding/json"
	"strconv"
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

// priceExpansions are the properties of a price that Stripe tells only when it
// is asked to.
var priceExpansions = []string{"tiers", "currency_options"}

// prices shows prices.
type prices struct{ *core }

func (m *prices) refresh(ctx context.Context, stripeID string) error {
	was, err := store.OrNil(m.store.Reader.Price.Query().Where(price.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if was != nil {
		if err := busy(ctx, m.store.Reader, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := m.clock()
	params := &stripe.PriceParams{Params: read(ctx)}
	for _, name := range priceExpansions {
		params.AddExpand(name)
	}
	p, err := m.stripe.Prices.Get(stripeID, params)
	if stripeapi.IsGone(err) || err == nil && p.Deleted {
		return m.drop(ctx, was, stripeID)
	}
	if err != nil {
		return err
	}
	return m.mirror(ctx, was, p, p.LastResponse.RawJSON, asOf)
}

// mirror makes the row what Stripe said as of a time.
func (m *prices) mirror(ctx context.Context, was *ent.Price, p *stripe.Price, raw json.RawMessage, asOf time.Time) error {
	terms, err := readPrice(raw)
	if err != nil {
		return err
	}
	productID, err := m.products.row(ctx, p.Product.ID)
	if err != nil {
		return err
	}
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		parent, err := tx.Product.Query().Where(product.ID(productID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := busy(ctx, tx.Reader(), parent.StripeOperationID); err != nil {
			return err
		}
		if err := takeLookupKey(ctx, tx, p); err != nil {
			return err
		}
		if was == nil {
			return m.create(ctx, tx, parent.ID, p, terms, raw)
		}
		return m.update(ctx, tx, was, p, terms, raw, asOf)
	})
}

// priceInStripe is what a price charges, as Stripe writes it. stripe-go cannot tell an
// amount of zero from none, nor read a decimal number exactly.
type priceInStripe struct {
	UnitAmount        *int64  `json:"unit_amount"`
	UnitAmountDecimal *string `json:"unit_amount_decimal"`
	BillingScheme     string  `json:"billing_scheme"`
	TiersMode         *string `json:"tiers_mode"`
	Recurring         *struct {
		UsageType string `json:"usage_type"`
	} `json:"recurring"`
	Tiers []struct {
		UpTo       *int64 `json:"up_to"`
		UnitAmount *int64 `json:"unit_amount"`
		FlatAmount *int64 `json:"flat_amount"`
	} `json:"tiers"`
	Currency        string `json:"currency"`
	CurrencyOptions map[string]struct {
		UnitAmount *int64 `json:"unit_amount"`
	} `json:"currency_options"`
}

func readPrice(raw json.RawMessage) (*priceInStripe, error) {
	var p priceInStripe
	return &p, json.Unmarshal(raw, &p)
}

// copyTo writes what the price charges. What Stripe was not asked to tell, tiers
// say, stays as it is.
func (p *priceInStripe) copyTo(m *ent.PriceMutation) {
	m.SetUnitAmount(billing.ValueOr(p.UnitAmount, 0))
	m.SetUnitAmountKnown(p.UnitAmount != nil)
	if d := p.UnitAmountDecimal; d != nil && (p.UnitAmount == nil || *d != strconv.FormatInt(*p.UnitAmount, 10)) {
		m.SetUnitAmountDecimal(*d)
	} else {
		m.ClearUnitAmountDecimal()
	}
	m.SetBillingScheme(billing.SchemePerUnit)
	if p.BillingScheme == "tiered" {
		m.SetBillingScheme(billing.SchemeTiered)
	}
	if p.TiersMode != nil {
		m.SetTiersMode(billing.TiersMode(strings.ToUpper(*p.TiersMode)))
	} else {
		m.ClearTiersMode()
	}
	m.SetUsageType(billing.UsageLicensed)
	if p.Recurring != nil && p.Recurring.UsageType == "metered" {
		m.SetUsageType(billing.UsageMetered)
	}
	if p.Tiers != nil {
		tiers := make([]billing.PriceTier, len(p.Tiers))
		for i, t := range p.Tiers {
			tiers[i] = billing.PriceTier{UpTo: t.UpTo, UnitAmount: p.money(t.UnitAmount), FlatAmount: p.money(t.FlatAmount)}
		}
		m.SetTiers(tiers)
	}
	if p.CurrencyOptions != nil {
		m.SetCurrencyOptions(p.otherCurrencies())
	}
}

// money is an amount in the price's own currency; nil for none.
func (p *priceInStripe) money(amount *int64) *billing.Money {
	if amount == nil {
		return nil
	}
	return &billing.Money{Amount: *amount, Currency: strings.ToUpper(p.Currency)}
}

// otherCurrencies are the price's amounts in currencies that are not its own, in
// the order of their names.
func (p *priceInStripe) otherCurrencies() []billing.Money {
	others := []billing.Money{}
	for currency, option := range sorted(p.CurrencyOptions) {
		if currency != p.Currency && option.UnitAmount != nil {
			others = append(others, billing.Money{Amount: *option.UnitAmount, Currency: strings.ToUpper(currency)})
		}
	}
	return others
}

func (m *prices) create(ctx context.Context, tx *store.Tx, productID string, p *stripe.Price, terms *priceInStripe, raw json.RawMessage) error {
	if err := pending(ctx, tx, p.Metadata); err != nil {
		return err
	}
	create := tx.Price.Create().
		SetProductID(productID).SetStripeID(p.ID).
		SetCurrency(strings.ToUpper(string(p.Currency))).
		SetNickname(p.Nickname).SetNillableLookupKey(stripeapi.NonEmpty(p.LookupKey)).
		SetStatus(priceStatus(p)).SetCreatedAt(time.Unix(p.Created, 0).UTC())
	terms.copyTo(create.Mutation())
	if p.Recurring != nil {
		create.SetInterval(billing.BillingInterval(strings.ToUpper(string(p.Recurring.Interval)))).
			SetIntervalCount(int(p.Recurring.IntervalCount))
	}
	if !p.Active {
		create.SetArchivedAt(m.clock())
	}
	stripesync.Synced(create.Mutation(), m.clock())
	if err := setUnsupported(create.Mutation(), "price", raw); err != nil {
		return err
	}
	return changedIfUnique(create.Exec(ctx))
}

func (m *prices) update(ctx context.Context, tx *store.Tx, was *ent.Price, p *stripe.Price, terms *priceInStripe, raw json.RawMessage, asOf time.Time) error {
	row, err := tx.Price.Get(ctx, was.ID)
	if err != nil {
		return err
	}
	if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
		return err
	}
	update := tx.Price.UpdateOne(row)
	if err := copyPrice(update.Mutation(), p, terms, raw); err != nil {
		return err
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

// copyPrice writes what Stripe says of a price.
func copyPrice(m *ent.PriceMutation, p *stripe.Price, terms *priceInStripe, raw json.RawMessage) error {
	m.SetNickname(p.Nickname)
	m.SetStatus(priceStatus(p))
	terms.copyTo(m)
	if p.LookupKey != "" {
		m.SetLookupKey(p.LookupKey)
	} else {
		m.ClearLookupKey()
	}
	return setUnsupported(m, "price", raw)
}

// drop takes a price off sale that Stripe has deleted, which only the
// dashboard can, and only while nothing uses it.
func (m *prices) drop(ctx context.Context, was *ent.Price, stripeID string) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if was == nil {
			return remember(ctx, tx, stripeID, nil)
		}
		parent, err := tx.Product.Query().Where(product.ID(was.ProductID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := busy(ctx, tx.Reader(), parent.StripeOperationID); err != nil {
			return err
		}
		row, err := tx.Price.Get(ctx, was.ID)
		if err != nil {
			return err
		}
		if err := unchanged(was.UpdatedAt, row.UpdatedAt); err != nil {
			return err
		}
		if parent.DefaultPriceID != nil && *parent.DefaultPriceID == row.ID {
			if err := tx.Product.UpdateOne(parent).ClearDefaultPriceID().Exec(ctx); err != nil {
				return err
			}
		}
		if err := remember(ctx, tx, *row.StripeID, &row.ID); err != nil {
			return err
		}
		update := tx.Price.UpdateOne(row).
			SetStatus(billing.PriceArchived).ClearLookupKey().
			ClearStripeID().SetStripeStatus(billing.SyncUnlinked).SetStripeSyncedAt(m.clock())
		if row.ArchivedAt == nil {
			update.SetArchivedAt(m.clock())
		}
		return update.Exec(ctx)
	})
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

func (m *prices) read(ctx context.Context, id string) (json.RawMessage, error) {
	params := &stripe.PriceParams{Params: read(ctx)}
	for _, name := range priceExpansions {
		params.AddExpand(name)
	}
	p, err := m.stripe.Prices.Get(id, params)
	return rawUnlessGone(p.LastResponse, p.Deleted, err)
}

func (m *prices) compare(ctx context.Context, raw json.RawMessage) (*compared, error) {
	p, err := decodeObject(raw, func(p *stripe.Price, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Price.Query().Where(price.StripeID(p.ID)).WithProduct().Only(ctx))
	if row == nil || err != nil {
		return m.extra(ctx, p.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID, row.Edges.Product.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = p.Metadata[stripeapi.MetadataID] == row.ID
	terms, err := readPrice(raw)
	if err != nil {
		return nil, err
	}
	update := m.drafts.Price.UpdateOne(row)
	if err := copyPrice(update.Mutation(), p, terms, raw); err != nil {
		return nil, err
	}
	c.changes, err = changesOf(ctx, update.Mutation())
	return c, err
}

func (m *prices) linked(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Price.Query().
		Where(price.StripeIDNotNil(), price.IDGT(after)).Order(price.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Price) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *prices) show(ctx context.Context, raw json.RawMessage, asOf time.Time) error {
	p, err := decodeObject(raw, func(p *stripe.Price, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return err
	}
	return m.mirror(ctx, nil, p, raw, asOf)
}
