package catalog

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// UpdateProduct is the input of [Catalog.UpdateProduct]. What is nil stays.
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
			return billing.At(err, "name")
		}
	}
	if in.Name == nil && in.Description == nil && in.Metadata == nil && in.Active == nil {
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is to be changed.").At()
	}
	return billing.First(
		checkProductID(in.ProductID),
		billing.CheckOptional("description", in.Description, billing.MaxDescription, "description"),
		billing.At(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// UpdateProduct changes a product's name, description or metadata, or activates it
// again. Metadata is merged as in Stripe: an empty value removes its key. It
// returns INVALID_INPUT when nothing is to be changed, or when the merged metadata
// has too many keys.
func (c *Catalog) UpdateProduct(ctx context.Context, in UpdateProduct) (ProductResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "updateProduct", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockProduct(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			if err := billing.CheckMetadata(billing.MergeMetadata(row.Metadata, in.Metadata)); err != nil {
				return nil, billing.At(err, "metadata")
			}
			return beginProductUpdate(ctx, tx, c.productUpdate, row, productPatch{
				Name: in.Name, Description: in.Description, Metadata: in.Metadata, Active: in.Active,
			})
		},
	})
	return c.productResult(ctx, op, rejection)
}

// ArchiveProduct is the input of [Catalog.ArchiveProduct].
type ArchiveProduct struct {
	ProductID      string
	IdempotencyKey *string
}

// ArchiveProduct archives a product. Its prices stay ACTIVE, as in Stripe, but can
// no longer be subscribed to. It returns PRODUCT_ARCHIVED when the product is
// archived already.
func (c *Catalog) ArchiveProduct(ctx context.Context, in ArchiveProduct) (ProductResult, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "archiveProduct", Key: in.IdempotencyKey, Input: in,
		Check: func() error { return checkProductID(in.ProductID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockProductOnSale(ctx, tx, in.ProductID, "productId")
			if err != nil {
				return nil, err
			}
			return beginProductUpdate(ctx, tx, c.productArchival, row, productPatch{Active: stripe.Bool(false)})
		},
	})
	return c.productResult(ctx, op, rejection)
}

// productUpdate is the frozen input of both operations.
type productUpdate struct {
	ProductID       string       `json:"product_id"`
	ProductStripeID string       `json:"product_stripe_id"`
	Product         productPatch `json:"product"`
}

// productPatch is what changes about a product; nil stays as it is.
type productPatch struct {
	Name        *string           `json:"name,omitempty"`
	Description *string           `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Active      *bool             `json:"active,omitempty"`
}

func beginProductUpdate(ctx context.Context, tx *store.Tx, o *stripesync.Operation[productUpdate], row *ent.Product, patch productPatch) (*ent.Operation, error) {
	id := stripesync.NewID()
	if err := showPending(ctx, tx, row.ID, id); err != nil {
		return nil, err
	}
	return o.Begin(ctx, tx, stripesync.Beginning[productUpdate]{
		ID: id, Subject: row.ID, Scope: row.ID,
		Params: productUpdate{ProductID: row.ID, ProductStripeID: *row.StripeID, Product: patch},
		Steps:  []stripesync.StepOf[productUpdate]{updateProduct},
	})
}

// updateProduct sends POST /v1/products/{id}. As the only step, it is undone only after a
// lost answer and a refusal, by the same request with the values that stood here before.
var updateProduct = &stripesync.Step[productUpdate, stripesync.Reverse[productPatch]]{
	Name: "update_product",
	Do: func(c *stripesync.Call[productUpdate]) (before stripesync.Reverse[productPatch], err error) {
		back, err := takesBack(c)
		if err != nil {
			return before, err
		}
		if before, err = stripesync.KeepReverse(c, back); err != nil {
			return before, err
		}
		return before, sendProduct(c, c.Params.Product)
	},
	Undo: func(c *stripesync.Call[productUpdate], before *stripesync.Reverse[productPatch]) error {
		back, err := before.Patch()
		if err == nil && back == nil {
			back, err = takesBack(c)
		}
		if err != nil {
			return err
		}
		return sendProduct(c, *back)
	},
}

// takesBack is the patch that makes the changed fields what the row shows.
func takesBack(c *stripesync.Call[productUpdate]) (*productPatch, error) {
	row, err := c.Store.Reader.Product.Get(c, c.Params.ProductID)
	if err != nil {
		return nil, err
	}
	patch := c.Params.Product
	back := &productPatch{Metadata: billing.MetadataBefore(patch.Metadata, row.Metadata)}
	if patch.Name != nil {
		back.Name = &row.Name
	}
	if patch.Description != nil {
		back.Description = &row.Description
	}
	if patch.Active != nil {
		back.Active = &row.Active
	}
	return back, nil
}

func sendProduct(c *stripesync.Call[productUpdate], patch productPatch) error {
	params := &stripe.ProductParams{
		Params: c.Write(), Name: patch.Name, Description: patch.Description, Active: patch.Active,
	}
	params.Metadata = patch.Metadata
	_, err := c.Stripe.Products.Update(c.Params.ProductStripeID, params)
	return err
}

func productUpdateOperation(kind billing.OperationKind) *stripesync.Operation[productUpdate] {
	return &stripesync.Operation[productUpdate]{
		Kind:  kind,
		Steps: []stripesync.StepOf[productUpdate]{updateProduct},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productUpdate]) error {
			row, err := tx.Product.Get(ctx, e.Params.ProductID)
			if err != nil {
				return err
			}
			patch := e.Params.Product
			return endProduct(ctx, tx, row.ID, e.Now, func(u *ent.ProductUpdate) {
				u.SetNillableName(patch.Name).SetNillableDescription(patch.Description).SetNillableActive(patch.Active)
				if patch.Metadata != nil {
					u.SetMetadata(billing.MergeMetadata(row.Metadata, patch.Metadata))
				}
			})
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[productUpdate]) error {
			return markProduct(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(_ context.Context, _ *store.Tx, e *stripesync.Ending[productUpdate]) ([]stripesync.Object, error) {
			return []stripesync.Object{{Type: "product", ID: e.Params.ProductStripeID}}, nil
		},
		Mark: markProduct,
	}
}
