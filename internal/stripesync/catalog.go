package stripesync

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// catalogParams is the frozen input of the operations on a product. Ids in
// Stripe are empty for what the operation creates itself.
type catalogParams struct {
	ProductID       string        `json:"product_id"`
	ProductStripeID string        `json:"product_stripe_id,omitempty"`
	Product         *ProductPatch `json:"product,omitempty"`
	Price           *newPrice     `json:"price,omitempty"`
	// Old is the price that is archived.
	Old *oldPrice `json:"old,omitempty"`
	// DefaultPrice is the product's default price in Stripe before.
	DefaultPrice string `json:"default_price,omitempty"`
}

// ProductPatch is what changes about a product; nil stays as it is.
type ProductPatch struct {
	Name        *string           `json:"name,omitempty"`
	Description *string           `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Active      *bool             `json:"active,omitempty"`
}

type newPrice struct {
	ID         string             `json:"id"`
	UnitAmount int64              `json:"unit_amount"`
	Currency   string             `json:"currency"`
	Recurring  *billing.Recurring `json:"recurring,omitempty"`
	Nickname   string             `json:"nickname,omitempty"`
	LookupKey  string             `json:"lookup_key,omitempty"`
}

type oldPrice struct {
	ID        string `json:"id"`
	StripeID  string `json:"stripe_id"`
	LookupKey string `json:"lookup_key,omitempty"` // moves to the new price
}

type (
	catalogCall = Call[catalogParams]
	catalogDone = Done[catalogParams]
)

// productInStripe is the product's id in Stripe, also when an earlier step has
// only just created it.
func productInStripe(c *catalogCall) string {
	if c.Params.ProductStripeID != "" {
		return c.Params.ProductStripeID
	}
	return c.Result("create_product", "product")
}

var (
	createProductStep = Step[catalogParams]{
		Name: "create_product", Do: createProduct, Find: findProduct, Undo: removeProduct,
	}
	createPriceStep = Step[catalogParams]{
		Name: "create_price", Do: createPrice, Find: findPrice, Undo: archiveNewPrice,
	}
	setDefaultPriceStep = Step[catalogParams]{
		Name: "set_default_price", Do: setDefaultPrice, Undo: restoreDefaultPrice,
	}
	archiveOldPriceStep = Step[catalogParams]{
		Name: "archive_old_price", Do: archiveOldPrice, Undo: reactivateOldPrice,
	}
)

func createPrice(c *catalogCall) (Result, error) {
	p := c.Params.Price
	params := &stripe.PriceParams{
		Params:     c.Write(),
		Metadata:   c.Metadata(p.ID, nil),
		Product:    stripe.String(productInStripe(c)),
		UnitAmount: stripe.Int64(p.UnitAmount),
		Currency:   stripe.String(stripeapi.Lower(p.Currency)),
	}
	if p.Recurring != nil {
		params.Recurring = &stripe.PriceRecurringParams{
			Interval:      stripe.String(stripeapi.Lower(string(p.Recurring.Interval))),
			IntervalCount: stripe.Int64(int64(p.Recurring.IntervalCount)),
		}
	}
	if p.Nickname != "" {
		params.Nickname = stripe.String(p.Nickname)
	}
	if p.LookupKey != "" {
		params.LookupKey = stripe.String(p.LookupKey)
		params.TransferLookupKey = stripe.Bool(c.Params.Old != nil)
	}
	price, err := c.Stripe.Prices.New(params)
	if err != nil {
		return nil, err
	}
	return Result{"price": price.ID}, nil
}

func findPrice(c *catalogCall) (Result, bool, error) {
	prices := c.Stripe.Prices.List(&stripe.PriceListParams{
		ListParams: c.List(), Product: stripe.String(productInStripe(c)),
	})
	for prices.Next() {
		if c.IsMine(prices.Price().Metadata) {
			return Result{"price": prices.Price().ID}, true, nil
		}
	}
	return nil, false, prices.Err()
}

// archiveNewPrice undoes createPrice as far as Stripe allows: a price cannot
// be deleted.
func archiveNewPrice(c *catalogCall) (Result, error) {
	params := &stripe.PriceParams{Params: c.Write(), Active: stripe.Bool(false)}
	switch old := c.Params.Old; {
	case old != nil && old.LookupKey != "":
		_, err := c.Stripe.Prices.Update(old.StripeID, &stripe.PriceParams{
			Params:            c.Write("lookup_key"),
			LookupKey:         stripe.String(old.LookupKey),
			TransferLookupKey: stripe.Bool(true),
		})
		if err != nil {
			return nil, err
		}
	case c.Params.Price.LookupKey != "":
		params.LookupKey = stripe.String("") // free for another price
	}
	_, err := c.Stripe.Prices.Update(c.Result("create_price", "price"), params)
	return nil, err
}

func setDefaultPrice(c *catalogCall) (Result, error) {
	return nil, changeDefaultPrice(c, c.Result("create_price", "price"))
}

// restoreDefaultPrice sets the default price back; an empty one unsets it.
func restoreDefaultPrice(c *catalogCall) (Result, error) {
	return nil, changeDefaultPrice(c, c.Params.DefaultPrice)
}

func changeDefaultPrice(c *catalogCall, price string) error {
	_, err := c.Stripe.Products.Update(productInStripe(c), &stripe.ProductParams{
		Params: c.Write(), DefaultPrice: stripe.String(price),
	})
	return err
}

func archiveOldPrice(c *catalogCall) (Result, error) { return nil, activateOldPrice(c, false) }

func reactivateOldPrice(c *catalogCall) (Result, error) { return nil, activateOldPrice(c, true) }

func activateOldPrice(c *catalogCall, active bool) error {
	_, err := c.Stripe.Prices.Update(c.Params.Old.StripeID, &stripe.PriceParams{
		Params: c.Write(), Active: stripe.Bool(active),
	})
	return err
}

// showPrice puts the new price on sale here.
func showPrice(ctx context.Context, tx *store.Tx, d *catalogDone) error {
	update := tx.Price.UpdateOneID(d.Params.Price.ID).
		SetStatus(billing.PriceActive).
		SetStripeID(d.Result("create_price", "price"))
	if key := d.Params.Price.LookupKey; key != "" {
		update.SetLookupKey(key)
	}
	mirror.Synced(update.Mutation(), d.Engine.clock())
	return update.Exec(ctx)
}

// dropPrice takes the new price back. Where Stripe has it, archived, it is
// kept so here too.
func dropPrice(ctx context.Context, tx *store.Tx, d *catalogDone) error {
	if d.Params.Price == nil {
		return nil
	}
	id := d.Result("create_price", "price")
	if id == "" {
		return tx.Price.DeleteOneID(d.Params.Price.ID).Exec(ctx)
	}
	update := tx.Price.UpdateOneID(d.Params.Price.ID).
		SetStatus(billing.PriceArchived).SetArchivedAt(d.Engine.clock()).SetStripeID(id)
	mirror.Synced(update.Mutation(), d.Engine.clock())
	return update.Exec(ctx)
}

// retirePrice shows the old price as archived.
func retirePrice(ctx context.Context, tx *store.Tx, d *catalogDone) error {
	update := tx.Price.UpdateOneID(d.Params.Old.ID).
		SetStatus(billing.PriceArchived).SetArchivedAt(d.Engine.clock())
	if d.Params.Old.LookupKey != "" {
		update.ClearLookupKey()
	}
	mirror.Synced(update.Mutation(), d.Engine.clock())
	return update.Exec(ctx)
}

// endProduct begins the update of the product's row at the end of an operation.
func endProduct(tx *store.Tx, d *catalogDone) *ent.ProductUpdateOne {
	update := tx.Product.UpdateOneID(d.Params.ProductID)
	mirror.Synced(update.Mutation(), d.Engine.clock())
	return update
}

// discardCatalog takes back the intent of an operation on a product that
// exists.
func discardCatalog(ctx context.Context, tx *store.Tx, d *catalogDone) error {
	if err := dropPrice(ctx, tx, d); err != nil {
		return err
	}
	return markFailed(ctx, tx, d.Operation, *d.LastError, true)
}

// beginCatalog begins an operation on a product and shows that it is under
// way.
func (e *Engine) beginCatalog(ctx context.Context, tx *store.Tx, kind billing.OperationKind, p catalogParams, subject string, steps ...Step[catalogParams]) (*ent.Operation, error) {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.Name
	}
	b := beginning{
		id: billing.NewID(billing.OperationPrefix), kind: kind, subject: subject, scope: p.ProductID,
		newScope: p.ProductStripeID == "", params: p, steps: names,
	}
	if err := tx.Product.UpdateOneID(p.ProductID).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(b.id).Exec(ctx); err != nil {
		return nil, err
	}
	if p.Price != nil {
		if err := tx.Price.UpdateOneID(p.Price.ID).SetStripeOperationID(b.id).Exec(ctx); err != nil {
			return nil, err
		}
	}
	return e.begin(ctx, tx, b)
}

func freezePrice(p *ent.Price, lookupKey string) *newPrice {
	return &newPrice{
		ID: p.ID, UnitAmount: p.UnitAmount, Currency: p.Currency, Recurring: Recurring(p),
		Nickname: p.Nickname, LookupKey: lookupKey,
	}
}

// Recurring is a price's period; nil for one that is paid once.
func Recurring(p *ent.Price) *billing.Recurring {
	if p.Interval == nil {
		return nil
	}
	return &billing.Recurring{Interval: *p.Interval, IntervalCount: p.IntervalCount}
}

// PricesOf reads the price that an operation on a product creates, and the one
// that it archives. Each is nil when there is none, or when it was discarded.
func (e *Engine) PricesOf(ctx context.Context, op *ent.Operation) (created, archived *ent.Price, err error) {
	var p catalogParams
	if err := json.Unmarshal(op.Params, &p); err != nil {
		return nil, nil, fmt.Errorf("read the input of operation %s: %w", op.ID, err)
	}
	var ids []string
	if p.Price != nil {
		ids = append(ids, p.Price.ID)
	}
	if p.Old != nil {
		ids = append(ids, p.Old.ID)
	}
	rows, err := e.store.Client.Price.Query().Where(price.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		if p.Price != nil && row.ID == p.Price.ID {
			created = row
		} else {
			archived = row
		}
	}
	return created, archived, nil
}
