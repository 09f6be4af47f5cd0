package stripesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

func withDeleted(t *testing.T) context.Context { return store.WithDeleted(t.Context()) }

// priceChange is one of the ways to change a price.
type priceChange struct {
	name string
	// prepare makes a product and returns it with the price to be replaced.
	prepare func(t *testing.T, s *shop, name string) (*ent.Product, *ent.Price)
	// calls are the requests of an undisturbed change.
	calls []func(p *ent.Product, old *ent.Price) testkit.Fault
}

func createCall(p *ent.Product, _ *ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/prices", Params: map[string]string{"product": *p.StripeID}}
}

func setDefaultCall(p *ent.Product, _ *ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/products/" + *p.StripeID}
}

func archiveCall(_ *ent.Product, old *ent.Price) testkit.Fault {
	return testkit.Fault{Method: "POST", Path: "/v1/prices/" + *old.StripeID, Params: map[string]string{"active": "false"}}
}

var defaultPriceChange = priceChange{
	name: "the default price",
	prepare: func(t *testing.T, s *shop, name string) (*ent.Product, *ent.Price) {
		p := s.product(t, name)
		return p, s.priceRow(t, *p.DefaultPriceID)
	},
	calls: []func(*ent.Product, *ent.Price) testkit.Fault{createCall, setDefaultCall, archiveCall},
}

var otherPriceChange = priceChange{
	name: "another price",
	prepare: func(t *testing.T, s *shop, name string) (*ent.Product, *ent.Price) {
		p := s.product(t, name)
		added := s.run(t, addProductPrice, map[string]any{
			"productId": p.ID, "unitAmount": 9000, "currency": "USD", "recurring": map[string]any{"interval": "YEAR"},
			"lookupKey": name + "_yearly",
		})
		return p, s.priceRow(t, added.String("price.id"))
	},
	calls: []func(*ent.Product, *ent.Price) testkit.Fault{createCall, archiveCall},
}

var priceChanges = []priceChange{defaultPriceChange, otherPriceChange}

func TestPriceChangeKeepsBothHalvesEqual(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		n := 0
		for _, change := range priceChanges {
			for i, call := range change.calls {
				for _, kind := range []string{
					"refuse", "card_declined", "rate_limit", "lock_timeout", "server_error", "drop_before", "garbage", "unauthorized",
					"forbidden", "drop_after", "stored_error", "stored_error_after",
				} {
					for _, count := range []int{1, 0} { // once, and for as long as somebody waits
						if count == 0 && kind != "rate_limit" && !strings.HasPrefix(kind, "drop_") && !strings.HasPrefix(kind, "stored_") {
							continue
						}
						n++
						name := fmt.Sprintf("%s, call %d, %s, %d", change.name, i+1, kind, count)
						key := fmt.Sprintf("key%d", n)
						t.Run(name, func(t *testing.T) {
							product, old := change.prepare(t, s, key)
							fault := call(product, old)
							fault.Kind, fault.Count = kind, count
							s.Stripe.Fail(t, fault)
							s.Stripe.Forget(t)
							answer := s.run(t, updateProductPrice, map[string]any{
								"productId": product.ID, "priceId": old.ID, "unitAmount": 2000,
							})
							s.Stripe.Heal(t)
							if kind == "refuse" || kind == "card_declined" {
								s.checkRefused(t, answer, product, old, i, len(change.calls), kind)
								return
							}
							// Stripe has the price, and it is found although no answer tells.
							found := i == 0 && kind == "stored_error_after"
							misconfigured := kind == "unauthorized" || kind == "forbidden"
							s.checkChanged(t, answer, product, old, misconfigured, misconfigured || count == 0 && !found)
						})
					}
				}
			}
		}
	})
}

// checkChanged checks a price change that Stripe did not refuse, whatever else
// went wrong.
func (s *shop) checkChanged(t *testing.T, answer testkit.Answer, product *ent.Product, old *ent.Price, misconfigured, waits bool) {
	t.Helper()
	if n := len(answer.List("userErrors")); n != 0 {
		t.Errorf("what is no refusal has %d user errors: %s", n, answer.Raw())
	}
	before := answer.String("operation.status")
	switch {
	case waits:
		testkit.Equal(t, "status", before, "PENDING")
		testkit.Equal(t, "the product's sync status", answer.String("product.stripe.status"), "PENDING")
		testkit.Equal(t, "its pending operation", answer.String("product.stripe.pendingOperation.id"), answer.String("operation.id"))
		testkit.Equal(t, "the price's status", answer.String("price.status"), "PENDING")
		testkit.Equal(t, "the old price's status", answer.String("previousPrice.status"), "ACTIVE")
		testkit.Equal(t, "the default price meanwhile", answer.String("product.defaultPrice.id"), *product.DefaultPriceID)
		if misconfigured {
			testkit.Equal(t, "attempts under an invalid key", answer.Int("operation.attempts"), 0)
		}
		if !answer.Has("operation.lastError") {
			t.Error("the operation does not say what it waits for")
		}
	default:
		testkit.Equal(t, "status", before, "SUCCEEDED")
		testkit.Equal(t, "the price's status", answer.String("price.status"), "ACTIVE")
	}
	s.settle(t)
	op := s.op(t, answer.String("operation.id"))
	testkit.Equal(t, "status in the end", op.String("status"), "SUCCEEDED")
	for _, step := range op.List("steps") {
		testkit.Equal(t, step.String("name"), step.String("status"), "DONE")
	}
	if op.Has("lastError") {
		t.Errorf("an operation that succeeded shows an error: %s", op.String("lastError"))
	}
	s.sameCalls(t, op)
	s.equalProduct(t, product.ID)

	after := s.priceRow(t, answer.String("price.id"))
	testkit.Equal(t, "the new price", after.Status, billing.PriceActive)
	testkit.Equal(t, "the lookup key", deref(after.LookupKey), deref(old.LookupKey))
	replaced := s.priceRow(t, old.ID)
	testkit.Equal(t, "the old price", replaced.Status, billing.PriceArchived)
	testkit.Equal(t, "the old price's lookup key", deref(replaced.LookupKey), "")
	wantDefault := *product.DefaultPriceID
	if wantDefault == old.ID {
		wantDefault = after.ID
	}
	now := s.productRow(t, product.ID)
	testkit.Equal(t, "the default price", *now.DefaultPriceID, wantDefault)
	testkit.Equal(t, "the product's sync status", now.StripeStatus, billing.SyncSynced)
	s.oneCreation(t, product, after)
}

// oneCreation fails the test unless Stripe has exactly one price for a row.
func (s *shop) oneCreation(t *testing.T, product *ent.Product, row *ent.Price) {
	t.Helper()
	created := 0
	for _, p := range s.all(t, "/v1/prices", "product", *product.StripeID) {
		if m, _ := p["metadata"].(map[string]any); m["tallystick_id"] == row.ID {
			created++
		}
	}
	testkit.Equal(t, "prices in Stripe for "+row.ID, created, 1)
}

// checkRefused checks a price change of which Stripe refused one call.
func (s *shop) checkRefused(t *testing.T, answer testkit.Answer, product *ent.Product, old *ent.Price, refused, calls int, kind string) {
	t.Helper()
	op := answer.At("operation")
	testkit.Equal(t, "status", op.String("status"), "FAILED")
	testkit.Equal(t, "user errors", len(answer.List("userErrors")), 1)
	code := "STRIPE_REJECTED"
	if kind == "card_declined" {
		code = "CARD_DECLINED"
	}
	testkit.Equal(t, "code", answer.String("userErrors.0.code"), code)
	if answer.Has("price") {
		t.Errorf("a refused change shows a new price: %s", answer.Raw())
	}
	testkit.Equal(t, "the price before", answer.String("previousPrice.id"), old.ID)
	testkit.Equal(t, "its status", answer.String("previousPrice.status"), "ACTIVE")
	wantSteps := ""
	for i := range calls {
		switch {
		case i < refused:
			wantSteps += "COMPENSATED "
		case i == refused:
			wantSteps += "FAILED "
		default:
			wantSteps += "TODO "
		}
	}
	testkit.Equal(t, "steps", steps(op)+" ", wantSteps)
	s.sameCalls(t, op)
	s.equalProduct(t, product.ID)

	now := s.priceRow(t, old.ID)
	testkit.Equal(t, "the old price", now.Status, billing.PriceActive)
	testkit.Equal(t, "its lookup key", deref(now.LookupKey), deref(old.LookupKey))
	row := s.productRow(t, product.ID)
	testkit.Equal(t, "the default price", *row.DefaultPriceID, *product.DefaultPriceID)
	testkit.Equal(t, "the product's sync status", row.StripeStatus, billing.SyncFailed)
	if row.StripeError == nil || row.StripeOperationID != nil {
		t.Errorf("the product's link: error %v, operation %v", row.StripeError, row.StripeOperationID)
	}
}
