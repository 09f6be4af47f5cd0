package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// archivePrice takes a price off sale that is not its product's default.
func archivePrice() *Operation[catalogParams] {
	return &Operation[catalogParams]{
		Steps: []Step[catalogParams]{{Name: "archive_price", Do: archiveOldPrice, Undo: reactivateOldPrice}},
		Finish: func(ctx context.Context, tx *store.Tx, d *catalogDone) error {
			if err := retirePrice(ctx, tx, d); err != nil {
				return err
			}
			return endProduct(tx, d).Exec(ctx)
		},
		Discard: discardCatalog,
	}
}

// ArchivePrice begins to archive a price in the caller's transaction.
func (e *Engine) ArchivePrice(ctx context.Context, tx *store.Tx, product *ent.Product, price *ent.Price) (*ent.Operation, error) {
	p := catalogParams{
		ProductID: product.ID, ProductStripeID: *product.StripeID,
		Old: &oldPrice{ID: price.ID, StripeID: *price.StripeID},
	}
	return e.beginCatalog(ctx, tx, billing.KindArchivePrice, p, product.ID, archivePrice().Steps[0])
}
