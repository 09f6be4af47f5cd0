package stripesync_test

import (
	"context"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

// TestExecuteAfterAwait asserts that an operation is carried out by the one
// that has its lease, although somebody has come to wait for it before.
func TestExecuteAfterAwait(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		var op *ent.Operation
		if err := k.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			product, err := tx.Product.Query().Only(ctx)
			if err != nil {
				return err
			}
			name := "Teams"
			op, err = k.Engine.UpdateProduct(ctx, tx, product, stripesync.ProductPatch{Name: &name})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Engine.Await(t.Context(), op, time.Now()); err != nil { // gives up, but has begun to look
			t.Fatal(err)
		}
		done, err := k.Engine.Execute(t.Context(), op, time.Now().Add(k.Engine.Budget()))
		if err != nil || done.Status != billing.OperationSucceeded {
			t.Errorf("the operation is %v: %v", done, err)
		}
	})
}
