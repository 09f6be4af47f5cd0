package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// UpdateProduct is the input of [Commands.UpdateProduct]. What is nil stays.
type UpdateProduct struct {
	ProductID      string
	Name           *string
	Description    *string // an empty one removes it
	Metadata       map[string]string
	Active         *bool
	IdempotencyKey *string
}

func (in UpdateProduct) check() error {
	if in.Name != nil {
		if err := billing.CheckText("name", *in.Name, billing.MaxProductName); err != nil {
			return at(err, "name")
		}
	}
	if in.Name == nil && in.Description == nil && in.Metadata == nil && in.Active == nil {
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is to be changed.").At()
	}
	return first(
		checkID("product", billing.ProductPrefix, in.ProductID, "productId"),
		optional("description", in.Description, billing.MaxDescription, "description"),
		at(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// UpdateProduct changes what is said of a product, or puts it on sale again.
func (c *Commands) UpdateProduct(ctx context.Context, in UpdateProduct) (ProductResult, error) {
	op, err := c.run(ctx, mutation{
		name: "updateProduct", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockProduct(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			if err := billing.CheckMetadata(billing.MergeMetadata(row.Metadata, in.Metadata)); err != nil {
				return nil, at(err, "metadata")
			}
			return c.sync.UpdateProduct(ctx, tx, row, stripesync.ProductPatch{
				Name: in.Name, Description: in.Description, Metadata: in.Metadata, Active: in.Active,
			})
		},
	})
	return c.productResult(ctx, op, err)
}
