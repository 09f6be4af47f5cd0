package catalog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// newPrice is a price that an operation creates.
type newPrice struct {
	ID string `json:"id"`
	billing.PriceTerms
	// CurrencyOptions are the amounts in other currencies, which the price that is
	// replaced has.
	CurrencyOptions []billing.Money `json:"currency_options,omitempty"`
}

// UnmarshalJSON also reads what versions up to 0.1 have stored.
func (p *newPrice) UnmarshalJSON(b []byte) error {
	type plain newPrice
	var old struct {
		UnitAmount *int64  `json:"unit_amount"`
		LookupKey  *string `json:"lookup_key"`
	}
	if err := json.Unmarshal(b, (*plain)(p)); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &old); err != nil {
		return err
	}
	if old.UnitAmount != nil {
		p.UnitAmount = *old.UnitAmount
	}
	if old.LookupKey != nil {
		p.LookupKey = old.LookupKey
	}
	return nil
}

// createdPrice is what a step that creates a price results in: its id in
// Stripe.
type createdPrice struct {
	Price string `json:"price,omitempty"`
}

// postPrice creates a price of a product in Stripe. transfer says that the
// lookup key may be another price's, which loses it.
func postPrice[P any](c *stripesync.Call[P], p newPrice, productStripeID string, transfer bool) (createdPrice, error) {
	params := &stripe.PriceParams{
		Params:     c.Write(),
		Metadata:   c.Metadata(p.ID, nil),
		Product:    stripe.String(productStripeID),
		UnitAmount: stripe.Int64(p.UnitAmount),
		Currency:   stripe.String(stripeapi.Lower(p.Currency)),
	}
	if p.Recurring != nil {
		params.Recurring = &stripe.PriceRecurringParams{
			Interval:      stripe.String(stripeapi.Lower(p.Recurring.Interval)),
			IntervalCount: stripe.Int64(int64(p.Recurring.IntervalCount)),
		}
	}
	for _, option := range p.CurrencyOptions {
		if params.CurrencyOptions == nil {
			params.CurrencyOptions = map[string]*stripe.PriceCurrencyOptionsParams{}
		}
		params.CurrencyOptions[stripeapi.Lower(option.Currency)] = &stripe.PriceCurrencyOptionsParams{UnitAmount: stripe.Int64(option.Amount)}
	}
	params.Nickname = stripeapi.NonEmpty(billing.ValueOr(p.Nickname, ""))
	if p.LookupKey != nil {
		params.LookupKey = p.LookupKey
		params.TransferLookupKey = stripe.Bool(transfer)
	}
	created, err := c.Stripe.Prices.New(params)
	if err != nil {
		return createdPrice{}, err
	}
	return createdPrice{Price: created.ID}, notePriceIfDeleted(c, created.LastResponse, created.ID)
}

// notePriceIfDeleted looks, when Stripe repeats an answer, whether the price that it
// speaks of is still there.
func notePriceIfDeleted[P any](c *stripesync.Call[P], answer *stripe.APIResponse, id string) error {
	return mirror.NoteIfDeleted(c, c.Store, answer, id, func() (bool, error) {
		now, err := c.Stripe.Prices.Get(id, &stripe.PriceParams{Params: c.Read()})
		return now.Deleted, err
	})
}

// asDefault is the price as it is created with its product.
func (p *newPrice) asDefault() *stripe.ProductDefaultPriceDataParams {
	data := &stripe.ProductDefaultPriceDataParams{
		UnitAmount: stripe.Int64(p.UnitAmount), Currency: stripe.String(stripeapi.Lower(p.Currency)),
	}
	if p.Recurring != nil {
		data.Recurring = &stripe.ProductDefaultPriceDataRecurringParams{
			Interval:      stripe.String(stripeapi.Lower(p.Recurring.Interval)),
			IntervalCount: stripe.Int64(int64(p.Recurring.IntervalCount)),
		}
	}
	return data
}

// findPrice looks for the price that an operation has created in Stripe.
func findPrice[P any](c *stripesync.Call[P], productStripeID string) (createdPrice, bool, error) {
	prices := c.Stripe.Prices.List(&stripe.PriceListParams{ListParams: c.List(), Product: stripe.String(productStripeID)})
	for prices.Next() {
		if c.IsMine(prices.Price().Metadata) {
			return createdPrice{Price: prices.Price().ID}, true, nil
		}
	}
	return createdPrice{}, false, prices.Err()
}

// spendKey uses a step's idempotency key up on a product, which stays as it is.
func spendKey[P any](c *stripesync.Call[P], productStripeID string) error {
	_, err := c.Stripe.Products.Update(productStripeID, &stripe.ProductParams{Params: c.Write()})
	return err
}

// withdrawPrice undoes postPrice as far as Stripe allows: a price cannot be
// deleted, but archived, and its lookup key, if it has one, freed for another one.
func withdrawPrice[P any](c *stripesync.Call[P], id string, lookupKey *string) error {
	params := &stripe.PriceParams{Params: c.Write(), Active: stripe.Bool(false)}
	if lookupKey != nil {
		params.LookupKey = stripe.String("")
	}
	_, err := c.Stripe.Prices.Update(id, params)
	return err
}

// takeOffSale archives a price in Stripe.
func takeOffSale[P any](c *stripesync.Call[P], id string) error {
	_, err := c.Stripe.Prices.Update(id, &stripe.PriceParams{Params: c.Write(), Active: stripe.Bool(false)})
	return err
}

// archiveIfPresent takes a price off sale in Stripe. One that Stripe does not have
// any more is off sale.
func archiveIfPresent[P any](c *stripesync.Call[P], id string) error {
	if err := takeOffSale(c, id); !isPriceGone(err) {
		return err
	}
	return nil
}

// isPriceGone reports whether Stripe rejected a request because it does not have the
// price that is changed.
func isPriceGone(err error) bool { return stripeapi.IsGone(err) || stripeapi.IsMissing(err, "price") }

// putOnSale undoes takeOffSale.
func putOnSale[P any](c *stripesync.Call[P], id string) error {
	_, err := c.Stripe.Prices.Update(id, &stripe.PriceParams{Params: c.Write(), Active: stripe.Bool(true)})
	return err
}

// setDefaultPrice makes a price the default of a product in Stripe; an empty
// one unsets it.
func setDefaultPrice[P any](c *stripesync.Call[P], productStripeID, id string) error {
	_, err := c.Stripe.Products.Update(productStripeID, &stripe.ProductParams{
		Params: c.Write(), DefaultPrice: stripe.String(id),
	})
	return err
}

// checkLookupKeyFree rejects a key that a price here has already, before
// Stripe does.
func checkLookupKeyFree(ctx context.Context, tx *store.Tx, key *string) error {
	if key == nil {
		return nil
	}
	holder, err := tx.Price.Query().Where(price.LookupKey(*key)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return billing.Errorf(billing.CodeInvalidInput, "Another price has the lookup key %q.", *key).About(holder).At("lookupKey")
}

// insertPrice writes the intent of a price, which nobody can subscribe to yet.
func insertPrice(ctx context.Context, tx *store.Tx, productID, operationID string, t billing.PriceTerms) (newPrice, error) {
	create := tx.Price.Create().
		SetProductID(productID).
		SetUnitAmount(t.UnitAmount).
		SetCurrency(t.Currency).
		SetNickname(billing.ValueOr(t.Nickname, "")).
		SetStatus(billing.PricePending).
		SetStripeStatus(billing.SyncPending).
		SetStripeOperationID(operationID)
	if t.Recurring != nil {
		create.SetInterval(t.Recurring.Interval).SetIntervalCount(t.Recurring.IntervalCount)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return newPrice{}, err
	}
	return newPrice{ID: row.ID, PriceTerms: t}, nil
}

// keepCurrencyOptions gives a new price the amounts in other currencies of the one
// that it replaces: Stripe would forget them.
func keepCurrencyOptions(ctx context.Context, tx *store.Tx, p *newPrice, old *ent.Price) error {
	for _, option := range old.CurrencyOptions {
		if option.Currency != p.Currency {
			p.CurrencyOptions = append(p.CurrencyOptions, option)
		}
	}
	if len(p.CurrencyOptions) == 0 {
		return nil
	}
	return tx.Price.Update().Where(price.ID(p.ID)).SetCurrencyOptions(p.CurrencyOptions).Exec(ctx)
}

// showPrice puts a new price on sale here. A lookup key that another price has
// by now was moved in Stripe since the price was created, and stays there. A price
// that Stripe has deleted since then is archived.
func showPrice(ctx context.Context, tx *store.Tx, p newPrice, stripeID string, now time.Time) error {
	update := tx.Price.Update().Where(price.ID(p.ID))
	gone, err := mirror.IsGone(ctx, tx, stripeID)
	if err != nil {
		return err
	}
	if gone {
		if err := mirror.Remember(ctx, tx, stripeID, p.ID); err != nil {
			return err
		}
		stripesync.Synced(update.Mutation(), now)
		return update.SetStatus(billing.PriceArchived).SetArchivedAt(now).SetStripeStatus(billing.SyncUnlinked).Exec(ctx)
	}
	update.SetStatus(billing.PriceActive).SetStripeID(stripeID)
	if p.LookupKey != nil {
		moved, err := tx.Price.Query().Where(price.LookupKey(*p.LookupKey), price.IDNEQ(p.ID)).Exist(ctx)
		if err != nil {
			return err
		}
		if !moved {
			update.SetLookupKey(*p.LookupKey)
		}
	}
	stripesync.Synced(update.Mutation(), now)
	return update.Exec(ctx)
}

// dropPrice takes a new price back. Where Stripe has it, archived, it is kept
// so here too.
func dropPrice(ctx context.Context, tx *store.Tx, p newPrice, stripeID string, now time.Time) error {
	if stripeID == "" {
		return tx.Price.DeleteOneID(p.ID).Exec(ctx)
	}
	update := tx.Price.Update().Where(price.ID(p.ID)).SetStatus(billing.PriceArchived).SetArchivedAt(now)
	stripesync.Synced(update.Mutation(), now)
	gone, err := mirror.IsGone(ctx, tx, stripeID)
	switch {
	case err != nil:
		return err
	case gone: // deleted there meanwhile, which was reported when the row had no id yet
		if err := mirror.Remember(ctx, tx, stripeID, p.ID); err != nil {
			return err
		}
		update.SetStripeStatus(billing.SyncUnlinked)
	default:
		update.SetStripeID(stripeID)
	}
	return update.Exec(ctx)
}

// adoptPrice gives the row of a new price its id in Stripe, if Stripe has that price.
func adoptPrice(ctx context.Context, tx *store.Tx, p newPrice, stripeID string) ([]stripesync.Object, error) {
	if stripeID == "" {
		return nil, nil
	}
	_, err := tx.Price.Update().Where(price.ID(p.ID)).
		SetStripeID(stripeID).SetStripeStatus(billing.SyncSynced).ClearStripeOperationID().Save(ctx)
	return []stripesync.Object{{Type: "price", ID: stripeID}}, err
}

// forgetPrice removes the row of a new price that Stripe does not have.
func forgetPrice(ctx context.Context, tx *store.Tx, p newPrice, stripeID string) error {
	if stripeID != "" {
		return nil
	}
	_, err := tx.Price.Delete().Where(price.ID(p.ID), price.StripeIDIsNil()).Exec(ctx)
	return err
}

// retirePrice shows a price as archived.
func retirePrice(ctx context.Context, tx *store.Tx, id string, losesLookupKey bool, now time.Time) error {
	update := tx.Price.Update().Where(price.ID(id)).SetStatus(billing.PriceArchived).SetArchivedAt(now)
	if losesLookupKey {
		update.ClearLookupKey()
	}
	stripesync.Synced(update.Mutation(), now)
	return update.Exec(ctx)
}

// termsOf are an existing price's.
func termsOf(p *ent.Price) *billing.PriceTerms {
	return &billing.PriceTerms{
		UnitAmount: p.UnitAmount, Currency: p.Currency, Recurring: Recurring(p),
		LookupKey: p.LookupKey, Nickname: stripeapi.NonEmpty(p.Nickname),
	}
}

// Recurring returns how often a price is charged; nil for a one-time price.
func Recurring(p *ent.Price) *billing.Recurring {
	if p.Interval == nil {
		return nil
	}
	return &billing.Recurring{Interval: *p.Interval, IntervalCount: p.IntervalCount}
}

// ActivePrice reads a price with its product. It returns NOT_FOUND when there is no
// such price, and PRICE_NOT_ACTIVE when it is pending or archived, both about an
// input field.
func ActivePrice(ctx context.Context, tx *store.Tx, id, field string) (*ent.Price, error) {
	row, err := tx.Price.Query().Where(price.ID(id)).WithProduct().Only(ctx)
	if err != nil {
		return nil, billing.At(store.OrNotFound(err, "price", id), field)
	}
	if row.Status != billing.PriceActive {
		return nil, billing.Errorf(billing.CodePriceNotActive, "The price is %s.", row.Status).At(field).About(id)
	}
	return row, nil
}
