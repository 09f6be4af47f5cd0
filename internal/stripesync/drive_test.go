package stripesync_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

// toy is the frozen input of an operation that knows no subject: it renames a
// product in Stripe, and then describes it.
type toy struct {
	StripeID string `json:"stripe_id"`
}

var renameToy = &stripesync.Step[toy, stripesync.Nothing]{
	Name: "rename",
	Do: func(c *stripesync.Call[toy]) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, changeToy(c, &stripe.ProductParams{Name: stripe.String("Toy")})
	},
	Undo: func(c *stripesync.Call[toy], _ *stripesync.Nothing) error {
		return changeToy(c, &stripe.ProductParams{Name: stripe.String("Team")})
	},
}

var describeToy = &stripesync.Step[toy, stripesync.Nothing]{
	Name: "describe",
	Do: func(c *stripesync.Call[toy]) (stripesync.Nothing, error) {
		return stripesync.Nothing{}, changeToy(c, &stripe.ProductParams{Description: stripe.String("To play with.")})
	},
	Keep: true,
}

func changeToy(c *stripesync.Call[toy], params *stripe.ProductParams) error {
	params.Params = c.Write()
	_, err := c.Stripe.Products.Update(c.Params.StripeID, params)
	return err
}

// declareToy puts the toy in the place of a kind of operation.
func declareToy(e *stripesync.Engine, describe *stripesync.Step[toy, stripesync.Nothing]) *stripesync.Operation[toy] {
	nothing := func(context.Context, *store.Tx, *stripesync.Ending[toy]) error { return nil }
	return stripesync.Declare(e, &stripesync.Operation[toy]{
		Kind:    billing.KindArchiveProduct,
		Steps:   []stripesync.StepOf[toy]{renameToy, describe},
		Finish:  nothing,
		Discard: nothing,
		Mark:    func(context.Context, *store.Tx, *ent.Operation, func(stripesync.Link)) error { return nil },
		Resolve: func(context.Context, *store.Tx, *stripesync.Ending[toy]) ([]stripesync.Object, error) {
			return nil, nil
		},
	})
}

// beginToy begins the toy on the only product.
func beginToy(t *testing.T, k *testkit.Kit, o *stripesync.Operation[toy]) (op *ent.Operation) {
	t.Helper()
	err := k.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		product, err := tx.Product.Query().Only(ctx)
		if err != nil {
			return err
		}
		op, err = o.Begin(ctx, tx, stripesync.Beginning[toy]{
			ID: stripesync.NewID(), Subject: product.ID, Scope: product.ID,
			Params: toy{StripeID: *product.StripeID}, Steps: o.Steps,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// TestExecuteAfterAwait asserts that an operation is carried out by the one
// that has its lease, although somebody has come to wait for it before.
func TestExecuteAfterAwait(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		op := beginToy(t, k, declareToy(k.Engine, describeToy))
		if _, err := k.Engine.Await(t.Context(), op, time.Now()); err != nil { // gives up, but has begun to look
			t.Fatal(err)
		}
		done, err := k.Engine.Execute(t.Context(), op, time.Now().Add(k.Engine.Budget()))
		if err != nil || done.Status != billing.OperationSucceeded {
			t.Errorf("the operation is %v: %v", done, err)
		}
	})
}

// TestEndOfTheOneBeforeDuringTheLook has an operation end after the next one was found to
// be blocked by it: that one is carried out all the same.
func TestEndOfTheOneBeforeDuringTheLook(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		o := declareToy(k.Engine, describeToy)
		first, second := beginToy(t, k, o), beginToy(t, k, o)
		var looks atomic.Int32
		k.Store.Reader.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, query ent.Query) (ent.Value, error) {
				found, err := next.Query(ctx, query)
				if _, ok := query.(*ent.OperationQuery); !ok {
					return found, err
				}
				if looks.Add(1) == 2 { // at the second one itself, and at what is before it
					if op, err := k.Engine.Execute(t.Context(), first, time.Now().Add(k.Engine.Budget())); err != nil || op.Status != billing.OperationSucceeded {
						t.Errorf("the first operation is %v: %v", op, err)
					}
				}
				return found, err
			})
		}))
		op, err := k.Engine.Execute(t.Context(), second, time.Now().Add(k.Engine.Budget()))
		if err != nil || op.Status != billing.OperationSucceeded {
			t.Errorf("the second operation is %v: %v", op, err)
		}
	})
}

// TestToy carries an operation out that knows no subject, to its end and, when
// its second step is refused, back again.
func TestToy(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		o := declareToy(k.Engine, describeToy)
		product := k.Store.Reader.Product.Query().OnlyX(t.Context())
		finish := func() (*ent.Operation, map[string]any) {
			op, err := k.Engine.Execute(t.Context(), beginToy(t, k, o), time.Now().Add(k.Engine.Budget()))
			if err != nil {
				t.Fatal(err)
			}
			return op, k.Stripe.Get(t, "/v1/products/"+*product.StripeID)
		}

		k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products/*", Kind: "refuse", Params: map[string]string{"description": "To play with."}})
		op, there := finish()
		testkit.Equal(t, "status", op.Status, billing.OperationFailed)
		testkit.Equal(t, "the step that renames", stepNamed(t, op, "rename").Status, billing.StepCompensated)
		testkit.Equal(t, "the step that describes", stepNamed(t, op, "describe").Status, billing.StepFailed)
		testkit.Equal(t, "the name in Stripe", text(there["name"]), "Team")

		k.Stripe.Heal(t)
		op, there = finish()
		testkit.Equal(t, "status", op.Status, billing.OperationSucceeded)
		testkit.Equal(t, "the name in Stripe", text(there["name"]), "Toy")
		testkit.Equal(t, "the description in Stripe", text(there["description"]), "To play with.")
	})
}

// TestFaultBetweenSteps lets something go wrong here between two requests: what was
// done before is not done again.
func TestFaultBetweenSteps(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		stumbling, stumbled := *describeToy, false
		stumbling.Do = func(c *stripesync.Call[toy]) (stripesync.Nothing, error) {
			if !stumbled {
				stumbled = true
				return stripesync.Nothing{}, errors.New("a fault here")
			}
			return describeToy.Do(c)
		}
		op := beginToy(t, k, declareToy(k.Engine, &stumbling))
		k.Stripe.Forget(t)
		if _, err := k.Engine.Execute(t.Context(), op, time.Now().Add(k.Engine.Budget())); err != nil {
			t.Fatal(err)
		}
		row := k.Store.Reader.Operation.GetX(t.Context(), op.ID)
		testkit.Equal(t, "after the fault", row.Status, billing.OperationPending)
		testkit.Equal(t, "the step before it", stepNamed(t, row, "rename").Status, billing.StepDone)

		k.Work(t)
		row = k.Store.Reader.Operation.GetX(t.Context(), op.ID)
		testkit.Equal(t, "in the end", row.Status, billing.OperationSucceeded)
		testkit.Equal(t, "requests", len(k.Stripe.Requests(t)), 2)
	})
}

// TestPanicIsAFault lets a step panic: the process goes on, and so does the operation.
func TestPanicIsAFault(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Query(t, `mutation { createProduct(input: {name: "Team"}) { operation { id } } }`)
		panicking, panicked := *describeToy, false
		panicking.Do = func(c *stripesync.Call[toy]) (stripesync.Nothing, error) {
			if !panicked {
				panicked = true
				panic("a mistake in the code")
			}
			return describeToy.Do(c)
		}
		op := beginToy(t, k, declareToy(k.Engine, &panicking))
		waiting, err := k.Engine.Execute(t.Context(), op, time.Now().Add(k.Engine.Budget()))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "after the panic", waiting.Status, billing.OperationPending)
		testkit.Equal(t, "faults", waiting.Faults, 1)
		k.Work(t)
		testkit.Equal(t, "in the end", k.Store.Reader.Operation.GetX(t.Context(), op.ID).Status, billing.OperationSucceeded)
	})
}
