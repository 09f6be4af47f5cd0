package reconciliation

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// repairable is an object that follows this side: a product, a price or a customer, by
// Stripe's name of its type and the id of its row.
type repairable struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Push tells Stripe again what an object is here. It is an operation on the object, so
// that no other change of it runs meanwhile and is overwritten. It does nothing when the
// object is gone, or while another operation is unfinished, whose end makes both halves
// equal. When Stripe refuses, the operation is FAILED, and when Stripe does not answer, it
// is PENDING; neither is an error. Push fails only when the database does.
func (r *Reconciliation) Push(ctx context.Context, objectType, id string) error {
	var op *ent.Operation
	err := r.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		op = nil
		object := repairable{Type: objectType, ID: id}
		scope, err := object.lock(ctx, tx)
		if scope == "" || err != nil {
			return err
		}
		busy, err := tx.Operation.Query().Where(operation.ScopeID(scope), operation.FinishedAtIsNil()).Exist(ctx)
		if busy || err != nil {
			return err
		}
		op, err = r.operation.Begin(ctx, tx, stripesync.Beginning[task]{
			ID: stripesync.NewID(), Subject: id, Scope: scope,
			Params: task{Object: &object}, Steps: []stripesync.StepOf[task]{r.pushStep()},
		})
		return err
	})
	if err != nil || op == nil {
		return err
	}
	_, err = r.sync.Execute(ctx, op, r.sync.Deadline())
	return err
}

// lock locks the scope that the operations on an object run in, and returns its id; empty
// when the object is gone.
func (o repairable) lock(ctx context.Context, tx *store.Tx) (scope string, err error) {
	switch o.Type {
	case "product":
		scope, err = tx.Product.Query().Where(product.ID(o.ID), store.ForUpdate).OnlyID(ctx)
	case "price":
		scope, err = tx.Product.Query().Where(product.HasPricesWith(price.ID(o.ID)), store.ForUpdate).OnlyID(ctx)
	case "customer":
		scope, err = tx.Customer.Query().Where(customer.ID(o.ID), store.ForUpdate).OnlyID(ctx)
	}
	if ent.IsNotFound(err) {
		return "", nil
	}
	return scope, err
}

// pushStep is GET and POST of the object, or POST alone for a price. It has Keep, as it
// repeats what has held here. Spend is an update that changes nothing.
func (r *Reconciliation) pushStep() *stripesync.Step[task, stripesync.Nothing] {
	return &stripesync.Step[task, stripesync.Nothing]{
		Name: "push",
		Do: func(c *stripesync.Call[task]) (stripesync.Nothing, error) {
			return stripesync.Nothing{}, r.mirror.Push(c, c.Write(), c.Params.Object.Type, c.Params.Object.ID)
		},
		Spend: func(c *stripesync.Call[task]) error {
			return r.mirror.SpendPush(c, c.Write(), c.Params.Object.Type, c.Params.Object.ID)
		},
		Keep: true,
	}
}
