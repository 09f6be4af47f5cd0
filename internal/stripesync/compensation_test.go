package stripesync_test

import (
	"net/http"
	"net/url"
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/testkit"
)

// refusedChange changes a default price, of which Stripe refuses the last
// call, so that the two before it have to be undone.
func (s *shop) refusedChange(t *testing.T, product *ent.Product, old *ent.Price, undoing testkit.Fault) testkit.Answer {
	t.Helper()
	refusal := archiveCall(product, old)
	refusal.Kind, refusal.Count = "refuse", 1
	s.Stripe.Fail(t, refusal)
	s.Stripe.Fail(t, undoing)
	s.Stripe.Forget(t)
	return s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
}

// undoings are the requests that undo the first two steps of a price change,
// in their order.
var undoings = []struct {
	name string
	call func(old *ent.Price) testkit.Fault
}{
	{"restore the default price", restoreDefaultCall},
	{"take the lookup key back", restoreLookupKeyCall},
	{"archive the new price", archiveNewCall},
}

func restoreDefaultCall(old *ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/products/*", Params: map[string]string{"default_price": *old.StripeID}}
}

func restoreLookupKeyCall(old *ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/prices/" + *old.StripeID, Params: map[string]string{"lookup_key": *old.LookupKey}}
}

// archiveNewCall is of the same form as the request that [shop.refusedChange] lets
// Stripe refuse, which comes first.
func archiveNewCall(*ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/prices/*", Params: map[string]string{"active": "false"}}
}

func TestUndoingWaitsForStripe(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for _, undoing := range undoings {
			for _, kind := range []string{
				"rate_limit", "server_error", "drop_before", "garbage", "unauthorized", "drop_after", "stored_error", "stored_error_after",
			} {
				t.Run(undoing.name+", "+kind, func(t *testing.T) {
					product := s.product(t, undoing.name+kind)
					old := s.priceRow(t, *product.DefaultPriceID)
					fault := undoing.call(old)
					fault.Kind = kind
					answer := s.refusedChange(t, product, old, fault)
					id := answer.String("operation.id")
					testkit.Equal(t, "status meanwhile", answer.String("operation.status"), "COMPENSATING")
					testkit.Equal(t, "refused step", answer.String("operation.steps.2.status"), "FAILED")
					testkit.Equal(t, "code", answer.String("userErrors.0.code"), "STRIPE_REJECTED")
					testkit.Equal(t, "default price meanwhile", answer.String("product.defaultPrice.id"), old.ID)
					testkit.Equal(t, "sync status meanwhile", answer.String("product.stripe.status"), "PENDING")
					s.Stripe.Heal(t)
					s.settle(t)
					op := s.op(t, id)
					testkit.Equal(t, "status in the end", op.String("status"), "FAILED")
					testkit.Equal(t, "steps", steps(op), "COMPENSATED COMPENSATED FAILED")
					testkit.Equal(t, "reason", op.String("lastError"), answer.String("userErrors.0.message"))
					s.equalProduct(t, product.ID)
					testkit.Equal(t, "sync status", s.productRow(t, product.ID).StripeStatus, billing.SyncFailed)
					testkit.Equal(t, "default price", *s.productRow(t, product.ID).DefaultPriceID, old.ID)
				})
			}
		}
	})
}

func TestUndoingThatIsRefusedNeedsAttention(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for _, undoing := range undoings {
			t.Run(undoing.name, func(t *testing.T) {
				product := s.product(t, undoing.name)
				old := s.priceRow(t, *product.DefaultPriceID)
				fault := undoing.call(old)
				fault.Kind = "refuse"
				answer := s.refusedChange(t, product, old, fault)
				s.checkNeedsAttention(t, product, answer.String("operation.id"))

				s.Stripe.Heal(t)
				s.run(t, retryOperation, map[string]any{"operationId": answer.String("operation.id")})
				s.checkUndone(t, product, answer.String("operation.id"))
			})
		}
	})
}

// Somebody makes the new price the default in Stripe's dashboard while it is
// being undone: Stripe then refuses to archive it, and remembers the refusal
// under its idempotency key. Retrying must not be answered from that memory.
func TestRetryAfterARefusalThatStripeRemembers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		old := s.priceRow(t, *product.DefaultPriceID)
		outage := archiveNewCall(old)
		outage.Kind = "rate_limit"
		answer := s.refusedChange(t, product, old, outage)
		id := answer.String("operation.id")
		testkit.Equal(t, "status", answer.String("operation.status"), "COMPENSATING")
		s.Stripe.Heal(t)
		newPrice := s.createdPrice(t, id)
		s.Stripe.Post(t, "/v1/products/"+*product.StripeID, url.Values{"default_price": {newPrice}})
		s.settle(t)
		s.checkNeedsAttention(t, product, id)

		s.Stripe.Post(t, "/v1/products/"+*product.StripeID, url.Values{"default_price": {*old.StripeID}})
		s.run(t, retryOperation, map[string]any{"operationId": id})
		s.checkUndone(t, product, id)
	})
}

// checkNeedsAttention checks that an operation that cannot be undone is
// visible everywhere, and holds further changes of its product up.
func (s *shop) checkNeedsAttention(t *testing.T, product *ent.Product, id string) {
	t.Helper()
	s.settle(t)
	op := s.op(t, id)
	testkit.Equal(t, "status", op.String("status"), "NEEDS_ATTENTION")
	if !op.Has("lastError") {
		t.Error("the operation does not say why it needs attention")
	}
	seen := s.Query(t, `query($id: ID!) {
		product(id: $id) { `+linkFields+` }
		billingHealth { status needsAttention pendingOperations }
	}`, map[string]any{"id": product.ID})
	testkit.Equal(t, "sync status", seen.String("product.stripe.status"), "FAILED")
	testkit.Equal(t, "pending operation", seen.String("product.stripe.pendingOperation.id"), id)
	if !seen.Has("product.stripe.lastError") {
		t.Error("the product does not say what is wrong")
	}
	testkit.Equal(t, "health", seen.String("billingHealth.status"), "DEGRADED")
	testkit.Equal(t, "operations that need attention", seen.Int("billingHealth.needsAttention"), 1)
	testkit.Equal(t, "pending operations", seen.Int("billingHealth.pendingOperations"), 0)

	s.Stripe.Forget(t)
	next := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 3000})
	testkit.Equal(t, "code of the next change", next.String("userErrors.0.code"), "OPERATION_IN_PROGRESS")
	testkit.Equal(t, "its node", next.String("userErrors.0.nodeId"), id)
	if next.Has("operation") || len(s.writes(t)) != 0 {
		t.Errorf("the next change went on: %s", next.Raw())
	}
}

// checkUndone checks that a refused price change is undone at last, and that
// the product can be changed again.
func (s *shop) checkUndone(t *testing.T, product *ent.Product, id string) {
	t.Helper()
	op := s.op(t, id)
	testkit.Equal(t, "status after the retry", op.String("status"), "FAILED")
	testkit.Equal(t, "steps", steps(op), "COMPENSATED COMPENSATED FAILED")
	s.equalProduct(t, product.ID)
	health := s.Query(t, `{ billingHealth { status needsAttention } }`)
	testkit.Equal(t, "operations that need attention", health.Int("billingHealth.needsAttention"), 0)

	next := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 3000})
	testkit.Equal(t, "the next change", next.String("operation.status"), "SUCCEEDED")
	s.equalProduct(t, product.ID)
}

// The new price of a product that could not be made must not keep its lookup
// key in Stripe, where it would be in the way of the next try.
func TestRefusedProductFreesItsLookupKey(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := map[string]any{"unitAmount": 1000, "currency": "USD", "lookupKey": "team"}
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/products/*", Kind: "refuse", Count: 1})
		refused := s.run(t, createProduct, map[string]any{"name": "Team", "price": price})
		testkit.Equal(t, "status", refused.String("operation.status"), "FAILED")
		s.equalCatalogues(t)
		again := s.run(t, createProduct, map[string]any{"name": "Team", "price": price})
		testkit.Equal(t, "the next try", again.String("operation.status"), "SUCCEEDED")
		s.equalCatalogues(t)
	})
}

// TestUndoWhenTheOldPriceIsGone deletes a price in Stripe while it is being replaced, and
// refuses the change then: the lookup key cannot be given back, and the new price does
// not stay on sale.
func TestUndoWhenTheOldPriceIsGone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "vanishing")
		old := s.priceRow(t, *product.DefaultPriceID)
		w := testkit.NewWire(t)
		kit := *s.Kit
		kit.App = s.Replica(t, w.Lay)
		w.After(func(_ int, r *http.Request) testkit.Verdict {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/prices" {
				s.Stripe.Edit(t, *old.StripeID, map[string]any{"deleted": true})
				s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: "/v1/products/*", Kind: "refuse", Count: 1})
			}
			return testkit.Pass
		})
		changed, err := kit.Catalog.UpdateProductPrice(testkit.Context(t), catalog.UpdateProductPrice{
			ProductID: product.ID, PriceChange: billing.PriceChange{UnitAmount: 77},
		})
		if changed.Operation == nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "operation", changed.Operation.Status, billing.OperationFailed)
		created := s.createdPrice(t, changed.Operation.ID)
		testkit.Equal(t, "the new price is on sale in Stripe", s.Stripe.Get(t, "/v1/prices/"+created)["active"], any(false))
	})
}

// A request that is refused may have been carried out before, when an answer
// was lost and the key was given up: what it may have done is undone as well.
func TestRefusalAfterALostAnswerIsUndone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, call := range defaultPriceChange.calls {
			t.Run(defaultPriceChange.name, func(t *testing.T) {
				name := string(rune('A' + i))
				product := s.product(t, name)
				old := s.priceRow(t, *product.DefaultPriceID)
				lost := call(product, old)
				lost.Kind, lost.Count = "stored_error_after", 1
				s.Stripe.Fail(t, lost)
				// The repeat, with the old key, is answered from Stripe's memory;
				// the one after that, with a new key, is refused.
				refusal := call(product, old)
				refusal.Kind, refusal.Skip, refusal.Count = "refuse", 1, 1
				s.Stripe.Fail(t, refusal)
				answer := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
				s.Stripe.Heal(t)
				s.settle(t)
				op := s.op(t, answer.String("operation.id"))
				if i == 0 { // the price is found, so nothing is repeated
					testkit.Equal(t, "status", op.String("status"), "SUCCEEDED")
				} else {
					testkit.Equal(t, "status", op.String("status"), "FAILED")
					testkit.Equal(t, "refused step", op.String("steps."+string(rune('0'+i))+".status"), "FAILED")
				}
				s.equalProduct(t, product.ID)
			})
		}
	})
}
