package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// CreateProduct is the input of [Commands.CreateProduct].
type CreateProduct struct {
	Name           string
	Description    *string
	Metadata       map[string]string
	Price          *PriceInput
	IdempotencyKey *string
}

func (in CreateProduct) check() error {
	if in.Price != nil {
		if err := in.Price.check("price"); err != nil {
			return err
		}
	}
	return first(
		at(billing.CheckText("name", in.Name, billing.MaxProductName), "name"),
		optional("description", in.Description, billing.MaxDescription, "description"),
		at(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// CreateProduct creates a product, with its default price if it has one. Both
// arrive in Stripe together or not at all.
func (c *Commands) CreateProduct(ctx context.Context, in CreateProduct) (ProductResult, error) {
	op, err := c.run(ctx, mutation{
		name: "createProduct", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := tx.Product.Create().
				SetName(in.Name).
				SetNillableDescription(in.Description).
				SetMetadata(billing.MergeMetadata(nil, in.Metadata)).
				SetActive(false). // until Stripe has it
				Save(ctx)
			if err != nil {
				return nil, err
			}
			if in.Price == nil {
				return c.sync.CreateProduct(ctx, tx, row, nil, "")
			}
			if err := checkLookupKeyFree(ctx, tx, in.Price.LookupKey, "price", "lookupKey"); err != nil {
				return nil, err
			}
			price, err := createPrice(ctx, tx, row.ID, in.Price.terms())
			if err != nil {
				return nil, err
			}
			return c.sync.CreateProduct(ctx, tx, row, price, valueOr(in.Price.LookupKey, ""))
		},
	})
	result, err := c.productResult(ctx, op, err)
	if err != nil {
		result.Product = nil // where Stripe has kept it, it is archived on both sides
	}
	return result, err
}
