package catalog

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// ArchivePrice is the input of [Catalog.ArchivePrice].
type ArchivePrice struct {
	PriceID        string
	IdempotencyKey *string
}

// ArchivePrice archives a price; subscriptions to it continue. It returns
// PRICE_IS_DEFAULT for the default price of a product, which Stripe does not
// archive, and PRICE_NOT_ACTIVE for a price that is pending or archived.
func (c *Catalog) ArchivePrice(ctx context.Context, in ArchivePrice) (PriceResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "archivePrice", Key: in.IdempotencyKey, Input: in,
		Check: func() error { return checkPriceID(in.PriceID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			product, row, err := c.lockArchivable(ctx, tx, in.PriceID)
			if err != nil {
				return nil, err
			}
			id := stripesync.NewID()
			if err := showPending(ctx, tx, product.ID, id); err != nil {
				return nil, err
			}
			return c.priceArchival.Begin(ctx, tx, stripesync.Beginning[priceArchival]{
				ID: id, Subject: product.ID, Scope: product.ID,
				Params: priceArchival{ProductID: product.ID, Old: oldPrice{ID: row.ID, StripeID: *row.StripeID}},
				Steps:  []stripesync.StepOf[priceArchival]{archivePrice},
			})
		},
	})
	product, err := c.productResult(ctx, op, rejection)
	result := PriceResult{Product: product.Product, Operation: op}
	if op == nil || result.Product == nil {
		return result, err
	}
	p, err := c.priceArchival.ParamsOf(op)
	if err != nil {
		return result, err
	}
	if _, result.Price, err = c.prices(ctx, "", p.Old.ID); err != nil {
		return result, err
	}
	return result, rejection
}

// lockArchivable reads a price that can be archived, and its product under
// lock.
func (c *Catalog) lockArchivable(ctx context.Context, tx *store.Tx, id string) (*ent.Product, *ent.Price, error) {
	row, err := tx.Price.Get(ctx, id)
	if err != nil {
		return nil, nil, billing.At(store.OrNotFound(err, "price", id), "priceId")
	}
	product, err := c.lockProduct(ctx, tx, row.ProductID, "priceId")
	if err != nil {
		return nil, nil, err
	}
	if row, err = ActivePrice(ctx, tx, id, "priceId"); err != nil {
		return nil, nil, err
	}
	if product.DefaultPriceID != nil && *product.DefaultPriceID == row.ID {
		return nil, nil, billing.Errorf(billing.CodePriceIsDefault,
			"The price is the default of %q; make another one the default first.", product.Name).
			At("priceId").About(product.ID)
	}
	return product, row, nil
}

// priceArchival is the frozen input of the operation.
type priceArchival struct {
	ProductID string   `json:"product_id"`
	Old       oldPrice `json:"old"`
}

// archivePrice sends POST /v1/prices/{id}. A price that Stripe does not have counts as
// archived. As the only step, it is undone only after a lost answer and a refusal, by the
// same request, which puts the price on sale again.
var archivePrice = &stripesync.Step[priceArchival, stripesync.Nothing]{
	Name: "archive_price",
	Do: func(c *stripesync.Call[priceArchival]) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, archiveIfPresent(c, c.Params.Old.StripeID)
	},
	Undo: func(c *stripesync.Call[priceArchival], _ *stripesync.Nothing) error {
		return putOnSale(c, c.Params.Old.StripeID)
	},
}

func priceArchivalOperation() *stripesync.Operation[priceArchival] {
	return &stripesync.Operation[priceArchival]{
		Kind:  billing.KindArchivePrice,
		Steps: []stripesync.StepOf[priceArchival]{archivePrice},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceArchival]) error {
			if err := retirePrice(ctx, tx, e.Params.Old.ID, false, e.Now); err != nil {
				return err
			}
			return endProduct(ctx, tx, e.Params.ProductID, e.Now, nil)
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[priceArchival]) error {
			return markProduct(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(_ context.Context, _ *store.Tx, e *stripesync.Ending[priceArchival]) ([]stripesync.Object, error) {
			return []stripesync.Object{{Type: "price", ID: e.Params.Old.StripeID}}, nil
		},
		Mark: markProduct,
	}
}
