package resolvers_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// joining are documents whose rows are read along with those that refer to them. ALONE
// stands where the same objects are asked for twice instead, so that each is read alone.
var joining = []string{
	`{ customers(first: 6, filter: {includeDeleted: true}) { edges { node { id subscriptions(first: 2) { edges { node { id status
		price { id status product { id name ALONE defaultPrice { id } } } product { id active } customer { id email }
		ALONE price { nickname } product { name } customer { name } } } } } } } }`,
	`{ customers(first: 6) { edges { node { subscriptions(last: 1) { edges { node { id latestInvoice { id status customer { id } subscription { id }
		ALONE customer { name } subscription { status } } ALONE latestInvoice { total { amount } } } } } } } } }`,
	`{ customers(first: 6) { edges { node { invoices(first: 2, orderBy: {field: UPDATED_AT}) { edges { node { id customer { name } subscription { id price { id } ALONE price { status } }
		ALONE customer { id } subscription { status } } } } } } } }`,
	`{ subscriptions(first: 12) { edges { node { items { id quantity price { id product { id } } ALONE price { status } } } } } }`,
	`query($id: ID!) { subscription(id: $id) { id price { id product { name } ALONE product { id } } product { id } customer { email } latestInvoice { id subscription { id } ALONE subscription { status } }
		ALONE price { id } product { name } customer { id } latestInvoice { status } } }`,
	`{ viewer { customer { id subscriptions(first: 3) { edges { node { id price { id status product { id name } } product { id active } customer { email }
		latestInvoice { id subscription { id } } ALONE price { nickname } product { name } customer { id } latestInvoice { status } } } } } } }`,
	`{ products(first: 6) { edges { node { id defaultPrice { id product { id defaultPrice { unitAmount { amount } } } }
		prices(first: 3) { edges { node { id product { id name } ALONE product { id } } } } } } } }`,
}

var alone = regexp.MustCompile(`ALONE((?: \w+ \{(?: [\w]+)*(?: \{ \w+ \})? \})+)`)

// readAlone is a document whose objects are each asked for twice.
func readAlone(document string) string {
	return alone.ReplaceAllStringFunc(document, func(s string) string {
		return regexp.MustCompile(` (\w+) \{((?: [\w]+)*(?: \{ \w+ \})?) \}`).ReplaceAllString(strings.TrimPrefix(s, "ALONE"), ` alone_$1: $1 {$2 }`)
	})
}

// withoutTwice removes from an answer what readAlone adds to it.
func withoutTwice(t *testing.T, data string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(data), &value); err != nil {
		t.Fatal(err)
	}
	var remove func(any)
	remove = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, each := range v {
				remove(each)
			}
		case map[string]any:
			for key, each := range v {
				if strings.HasPrefix(key, "alone_") {
					delete(v, key)
				} else {
					remove(each)
				}
			}
		}
	}
	remove(value)
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestJoinedRowsAreThoseReadAlone: whoever asks, what is read along with other rows is
// what is read alone.
func TestJoinedRowsAreThoseReadAlone(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newTwoWays(t, k, 6)
		ctx, write := t.Context(), k.Store.Writer
		write.Customer.DeleteOneID(w.world.customers[2]).ExecX(ctx)
		write.Subscription.UpdateOneID(w.world.subscriptions[7]).ClearOnlyPriceID().ClearOnlyProductID().ClearLatestInvoiceID().ExecX(ctx)
		for i, id := range w.world.subscriptions { // the same price for several, of a product that is not on sale
			write.Subscription.UpdateOneID(id).SetOnlyPriceID(w.world.prices[i%3]).ExecX(ctx)
			write.SubscriptionItem.Create().SetID(billing.NewID("sbi")).SetSubscriptionID(id).SetPriceID(w.world.prices[i%4]).
				SetProductID(w.world.products[i%4]).SetQuantity(int64(i)).SetStripeID("si_" + id).ExecX(ctx)
		}
		for _, p := range []auth.Principal{auth.Admin, customerOf(w.world.customers[1]), customerOf(w.world.customers[2])} {
			answered := 0
			for _, document := range joining {
				variables := object{"id": w.world.subscriptions[3]}
				joined, errs := w.same(t, p, alone.ReplaceAllString(document, ""), variables)
				each, errsAlone := answer(t, w.direct, p, readAlone(document), variables)
				if !strings.Contains(readAlone(document), "alone_") || errs != errsAlone || errs != "" && p.Kind == auth.KindAdmin {
					t.Fatalf("%s\n%s\n%s", readAlone(document), errs, errsAlone)
				}
				answered += strings.Count(joined, `"price"`)
				testkit.Equal(t, p.ID+": "+document, withoutTwice(t, joined), withoutTwice(t, each))
			}
			if answered < 2 {
				t.Errorf("%s was shown %d prices", p.ID, answered)
			}
		}
	})
}

// TestStatementsOfJoins: what rows refer to costs no statement of its own, unless it is
// long or much.
func TestStatementsOfJoins(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 6)
		watched := watchReads(k)
		for document, want := range map[string]int{
			`customers(first: 5) { edges { node { subscriptions(first: 3) { edges { node { id price { id product { name } } } } } } } }`:           2,
			`subscription(id: "` + w.subscriptions[0] + `") { price { id product { name } } customer { email } latestInvoice { status } }`:         1,
			`subscription(id: "` + w.subscriptions[0] + `") { product { description } customer { metadata } latestInvoice { stripe { status } } }`: 4,
			`subscription(id: "` + w.subscriptions[0] + `") { price { product { defaultPrice { product { defaultPrice { id } } } } } }`:            2,
			`subscriptions(first: 5) { edges { node { price { product { name } } } } }`:                                                            1,
		} {
			seen := watched.during(func() { k.Query(t, "{ "+document+" }") })
			if len(seen) != want {
				t.Errorf("%s takes %d statements, want %d:\n%s", document, len(seen), want, strings.Join(seen, "\n"))
			}
		}
	})
}
