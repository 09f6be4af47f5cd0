// Package catalog changes products and prices, here and in Stripe. Each change has
// a file, which reads from its input to its end: what it takes and when it is
// allowed, its requests to Stripe and how each is undone, and what readers see at
// the end.
//
// An operation is SUCCEEDED when all its steps are DONE. After a refusal by Stripe it is
// FAILED, and so is the refused step; the earlier ones are COMPENSATED, or DONE if they
// have Keep, and the later ones TODO. An undo that Stripe refuses because the object is
// gone counts as done; after any other refusal of an undo the operation is
// NEEDS_ATTENTION, and that step and the earlier ones keep their status.
//
// When an earlier request of the refused step got no answer, or a server error, that
// request is settled first: Spend is called, then Find. An object that Find finds makes
// the step DONE, and the operation goes on. Where Spend shows that the request was
// carried out, the step is sent once more, and Stripe repeats its answer. In that case a
// refused step with neither Find nor Keep is undone too, before the earlier ones, at first
// with its own key. It stays FAILED.
//
// Find is also called before a step gets another key: when Stripe may have forgotten the
// old one, when Stripe repeats a server error for it, when the operation is retried, and
// when a step is done again.
//
// A change that is rejected returns a [billing.Error]. The comment of each change
// names the codes of its own. Besides these, each returns INVALID_INPUT for a
// malformed input field, NOT_FOUND for an object that does not exist,
// OPERATION_IN_PROGRESS when an earlier operation on the product has not finished
// in time, IDEMPOTENCY_KEY_REUSED for a key that was used with another mutation or
// input, and STRIPE_REJECTED when Stripe rejects a request or has deleted the
// product. Stripe being unavailable is not an error: the operation in the result is
// PENDING then, and goes on by itself. Every other error is an internal one.
package catalog

import (
	"context"
	"time"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// Catalog changes products and prices.
type Catalog struct {
	store *store.Store
	sync  *stripesync.Engine

	productCreation *stripesync.Operation[productCreation]
	productUpdate   *stripesync.Operation[productUpdate]
	productArchival *stripesync.Operation[productUpdate]
	priceAddition   *stripesync.Operation[priceAddition]
	priceArchival   *stripesync.Operation[priceArchival]
	priceChange     *stripesync.Operation[priceChange]
}

// New builds the catalogue's changes, and declares their operations to an engine.
func New(s *store.Store, e *stripesync.Engine) *Catalog {
	return &Catalog{
		store: s, sync: e,
		productCreation: stripesync.Declare(e, productCreationOperation()),
		productUpdate:   stripesync.Declare(e, productUpdateOperation(billing.KindUpdateProduct)),
		productArchival: stripesync.Declare(e, productUpdateOperation(billing.KindArchiveProduct)),
		priceAddition:   stripesync.Declare(e, priceAdditionOperation()),
		priceArchival:   stripesync.Declare(e, priceArchivalOperation()),
		priceChange:     stripesync.Declare(e, priceChangeOperation()),
	}
}

// ProductResult is the result of a change to a product.
type ProductResult struct {
	// Product is nil when it has been discarded, or the change never began.
	Product   *ent.Product
	Operation *ent.Operation
}

// PriceResult is the result of a change to a price.
type PriceResult struct {
	Product *ent.Product
	// Price is the new price, or the one that was archived.
	Price *ent.Price
	// PreviousPrice is the one that was replaced.
	PreviousPrice *ent.Price
	Operation     *ent.Operation
}

func checkProductID(id string) error {
	return billing.CheckID("product", billing.ProductPrefix, id, "productId")
}

func checkPriceID(id string) error {
	return billing.CheckID("price", billing.PricePrefix, id, "priceId")
}

// lockProduct reads a product under lock, with no operation on it under way.
func (c *Catalog) lockProduct(ctx context.Context, tx *store.Tx, id, field string) (*ent.Product, error) {
	row, err := tx.Product.Query().Where(product.ID(id), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, billing.At(store.OrNotFound(err, "product", id), field)
	}
	if err := c.sync.NotBusy(ctx, tx, row.Stripe()); err != nil {
		return nil, err
	}
	if row.StripeID == nil {
		return nil, billing.Errorf(billing.CodeStripeRejected, "The product %q was deleted in Stripe.", row.Name).At(field).About(row.ID)
	}
	return row, nil
}

// lockProductOnSale is lockProduct for a change that an archived product does
// not allow: that is PRODUCT_ARCHIVED.
func (c *Catalog) lockProductOnSale(ctx context.Context, tx *store.Tx, id, field string) (*ent.Product, error) {
	row, err := c.lockProduct(ctx, tx, id, field)
	if err == nil && !row.Active {
		err = billing.Errorf(billing.CodeProductArchived, "The product %q is archived.", row.Name).About(row.ID).At(field)
	}
	return row, err
}

// productResult reads the product that an operation was on.
func (c *Catalog) productResult(ctx context.Context, op *ent.Operation, rejection error) (ProductResult, error) {
	if op == nil {
		return ProductResult{}, rejection
	}
	row, err := store.OrNil(c.store.Reader.Product.Get(ctx, op.ScopeID))
	if err != nil {
		return ProductResult{Operation: op}, err
	}
	return ProductResult{Product: row, Operation: op}, rejection
}

// prices reads the prices that an operation creates and archives. Each is nil
// when there is none, or when it was discarded.
func (c *Catalog) prices(ctx context.Context, createdID, archivedID string) (created, archived *ent.Price, err error) {
	rows, err := c.store.Reader.Price.Query().Where(price.IDIn(createdID, archivedID)).All(ctx)
	for _, row := range rows {
		switch row.ID {
		case createdID:
			created = row
		case archivedID:
			archived = row
		}
	}
	return created, archived, err
}

// showPending shows on a product that an operation is under way.
func showPending(ctx context.Context, tx *store.Tx, productID, operationID string) error {
	return tx.Product.Update().Where(product.ID(productID)).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(operationID).Exec(ctx)
}

// markProduct shows on an operation's product how its link stands. A later
// operation that waits for its turn stays in sight.
func markProduct(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(stripesync.Link)) error {
	update := tx.Product.Update().Where(product.ID(op.ScopeID), product.StripeOperationID(op.ID))
	show(update.Mutation())
	return update.Exec(ctx)
}

// endProduct shows a product at the end of an operation: both halves are
// equal, with what a function adds.
func endProduct(ctx context.Context, tx *store.Tx, id string, now time.Time, change func(*ent.ProductUpdate)) error {
	update := tx.Product.Update().Where(product.ID(id))
	stripesync.Synced(update.Mutation(), now)
	if change != nil {
		change(update)
	}
	return update.Exec(ctx)
}
