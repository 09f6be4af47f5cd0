package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// TestFieldsAloneAreAsTogether asks for each field of each kind of node alone, for which
// few columns are read, and for all fields at once: the answers are the same.
func TestFieldsAloneAreAsTogether(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newTwoWays(t, k, 2)
		ctx := t.Context()
		k.Store.Writer.Price.UpdateOneID(w.world.prices[0]).SetStripeError("broken").SetNickname("old").SetLookupKey("key").ExecX(ctx)
		k.Store.Writer.Price.UpdateOneID(w.world.prices[1]).SetUnitAmountKnown(false).SetUnitAmountDecimal("0.5").ExecX(ctx)
		k.Store.Writer.Subscription.UpdateOneID(w.world.subscriptions[0]).SetPausedBehavior(billing.PauseVoid).SetPausedUntil(at(3)).ExecX(ctx)
		price := k.Store.Reader.Price.GetX(ctx, w.world.prices[0])
		item := k.Store.Writer.SubscriptionItem.Create().SetSubscriptionID(w.world.subscriptions[0]).
			SetPriceID(price.ID).SetProductID(price.ProductID).SetQuantity(3).SaveX(ctx)
		event := k.Store.Writer.WebhookEvent.Create().SetStripeEventID("evt_1").SetType("customer.updated").
			SetObjectType("customer").SetObjectID("cus_1").SetOccurredAt(at(1)).SaveX(ctx)
		for _, id := range []string{
			w.world.products[0], w.world.prices[0], w.world.prices[1], w.world.customers[0], w.world.subscriptions[0], item.ID, w.world.invoices[0],
			w.world.operations[0], event.ID,
		} {
			w.eachFieldOf(t, id)
		}
	})
}

func (w *twoWays) eachFieldOf(t *testing.T, id string) {
	t.Helper()
	ask := func(selection string) map[string]any {
		t.Helper()
		data, errs := answer(t, w.direct, auth.Admin, fmt.Sprintf(`{ node(id: %q) { %s } }`, id, selection), nil)
		if errs != "" {
			t.Fatalf("%s: %s", selection, errs)
		}
		var got struct{ Node map[string]any }
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatal(err)
		}
		return got.Node
	}
	kind, _ := ask("__typename")["__typename"].(string)
	var fields []string
	for _, f := range w.schema.Types[kind].Fields {
		if len(f.Arguments) == 0 && !strings.HasPrefix(f.Name, "__") {
			fields = append(fields, f.Name+w.leaves(f.Type))
		}
	}
	on := "... on " + kind + " { %s }"
	together := ask(fmt.Sprintf(on, strings.Join(fields, " ")))
	for _, field := range fields {
		name, _, _ := strings.Cut(field, " ")
		alone := ask(fmt.Sprintf(on, field))
		if got, want := fmt.Sprint(alone[name]), fmt.Sprint(together[name]); got != want {
			t.Errorf("%s.%s alone is %s, and %s together", kind, name, got, want)
		}
	}
}

// leaves selects what an object has itself.
func (w *twoWays) leaves(of *ast.Type) string {
	definition := w.schema.Types[of.Name()]
	if definition.IsLeafType() {
		return ""
	}
	selected := []string{"__typename"}
	for _, f := range definition.Fields {
		if w.schema.Types[f.Type.Name()].IsLeafType() && !strings.HasPrefix(f.Name, "__") {
			selected = append(selected, f.Name)
		}
	}
	return " { " + strings.Join(selected, " ") + " }"
}
