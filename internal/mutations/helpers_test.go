package mutations_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/testkit"
)

// fields is what the answers of the mutations are asked for.
const fields = `
fragment Link on StripeLink { id status lastError pendingOperation { id } }
fragment Cost on Price { id status archivedAt nickname lookupKey unitAmount { amount currency }
	recurring { interval intervalCount } stripe { ...Link } }
fragment Item on Product { id name description active metadata defaultPrice { ...Cost }
	prices { edges { node { ...Cost } } } stripe { ...Link } }
fragment Person on Customer { id email name metadata deletedAt stripe { ...Link } }
fragment Plan on Subscription { id status cancelAtPeriodEnd cancelAt canceledAt endedAt currentPeriodEnd trialEnd
	availableActions customer { id } price { id } product { id } latestInvoice { id status amountRemaining { amount } }
	history { from to cause operation { id } } stripe { ...Link } }
fragment Bill on Invoice { id status amountPaid { amount } amountRemaining { amount } subscription { ...Plan } stripe { ...Link } }
fragment Op on Operation { id kind status attempts lastError finishedAt subject { id } steps { name status }
	stripeCalls { method path status errorCode } }
fragment Errors on UserError { code message path nodeId declineCode }
`

// payloads names the entities in the answer of each mutation.
var payloads = map[string]string{
	"createProduct":           "product { ...Item }",
	"updateProduct":           "product { ...Item }",
	"archiveProduct":          "product { ...Item }",
	"addProductPrice":         "product { ...Item } price { ...Cost }",
	"archivePrice":            "product { ...Item } price { ...Cost }",
	"updateProductPrice":      "product { ...Item } price { ...Cost } previousPrice { ...Cost }",
	"createCustomer":          "customer { ...Person }",
	"updateCustomer":          "customer { ...Person }",
	"deleteCustomer":          "customer { ...Person }",
	"restoreCustomer":         "customer { ...Person }",
	"createSubscription":      "subscription { ...Plan } clientSecret",
	"cancelSubscription":      "subscription { ...Plan }",
	"resumeSubscription":      "subscription { ...Plan }",
	"changeSubscriptionPrice": "subscription { ...Plan }",
	"revokeSubscription":      "subscription { ...Plan }",
	"payInvoice":              "invoice { ...Bill }",
	"voidInvoice":             "invoice { ...Bill }",
	"retryOperation":          "",
}

type object = map[string]any

// mutate sends a mutation and returns its payload.
func mutate(t testing.TB, k *testkit.Kit, name string, input object) testkit.Answer {
	t.Helper()
	return k.Query(t, document(name), object{"input": input}).At(name)
}

// document asks for everything that a mutation can answer.
func document(name string) string {
	body := fmt.Sprintf(`mutation($input: %s%sInput!) { %s(input: $input) { %s operation { ...Op } userErrors { ...Errors } } }`,
		strings.ToUpper(name[:1]), name[1:], name, payloads[name])
	return body + used(body)
}

// used are the fragments that a document spreads, since unused ones are not
// valid.
func used(document string) string {
	var all []string
	for _, fragment := range strings.Split(strings.TrimSpace(fields), "\nfragment ") {
		all = append(all, "fragment "+strings.TrimPrefix(fragment, "fragment "))
	}
	picked := ""
	for range all {
		for _, fragment := range all {
			spread := "..." + strings.Fields(fragment)[1]
			if strings.Contains(document+picked, spread+" ") && !strings.Contains(picked, fragment) {
				picked += "\n" + fragment
			}
		}
	}
	return picked
}

// done sends a mutation that must succeed at once.
func done(t testing.TB, k *testkit.Kit, name string, input object) testkit.Answer {
	t.Helper()
	payload := mutate(t, k, name, input)
	if n := len(payload.List("userErrors")); n != 0 {
		t.Fatalf("%s was refused: %s", name, payload.Raw())
	}
	if got := payload.String("operation.status"); got != "SUCCEEDED" {
		t.Fatalf("%s is %s: %s", name, got, payload.Raw())
	}
	return payload
}

// refused asserts that a payload has one user error and no entity.
func refused(t testing.TB, payload testkit.Answer, code, path string) testkit.Answer {
	t.Helper()
	list := payload.List("userErrors")
	if len(list) != 1 {
		t.Fatalf("%d user errors, want one: %s", len(list), payload.Raw())
	}
	if got := list[0].String("code"); got != code {
		t.Errorf("code %s, want %s: %s", got, code, list[0].String("message"))
	}
	var got []string
	if list[0].Has("path") {
		for i := range list[0].List("path") {
			got = append(got, list[0].String(fmt.Sprintf("path.%d", i)))
		}
	}
	if strings.Join(got, ".") != path {
		t.Errorf("path %q, want %q: %s", strings.Join(got, "."), path, list[0].String("message"))
	}
	for _, entity := range []string{"product", "price", "previousPrice", "customer", "subscription", "invoice"} {
		if payload.Has(entity) {
			t.Errorf("there is a %s: %s", entity, payload.Raw())
		}
	}
	if payload.Has("operation") {
		t.Errorf("there is an operation: %s", payload.Raw())
	}
	return list[0]
}

// requests asserts which requests reached Stripe since the last Forget.
func requests(t testing.TB, k *testkit.Kit, want ...string) {
	t.Helper()
	var got []string
	for _, r := range k.Stripe.Requests(t) {
		got = append(got, r.String())
	}
	if !slices.EqualFunc(got, want, matches) {
		t.Errorf("requests to Stripe: %v, want %v", got, want)
	}
}

// matches reports whether a request is the one that is wanted, of which a * at the
// end stands for an id.
func matches(got, want string) bool {
	prefix, open := strings.CutSuffix(want, "*")
	return got == want || open && strings.HasPrefix(got, prefix)
}

// calls asserts which requests an operation has on record, each as "METHOD path".
func calls(t testing.TB, operation testkit.Answer, want ...string) {
	t.Helper()
	var got []string
	for _, call := range operation.List("stripeCalls") {
		got = append(got, call.String("method")+" "+call.String("path"))
	}
	if !slices.EqualFunc(got, want, matches) {
		t.Errorf("calls on record: %v, want %v", got, want)
	}
}

// steps are an operation's, as "name STATUS".
func steps(operation testkit.Answer) []string {
	var all []string
	for _, step := range operation.List("steps") {
		all = append(all, step.String("name")+" "+step.String("status"))
	}
	return all
}

// dump is all that is stored, so that a test can say that nothing was written.
func dump(t testing.TB, k *testkit.Kit) string {
	t.Helper()
	tables := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
	if k.Database == "postgres" {
		tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`
	}
	var all strings.Builder
	for _, name := range rows(t, k.Store.DB, tables) {
		if name = strings.Trim(name, "[]"); name == "river_leader" || name == "river_queue" || strings.HasPrefix(name, "sqlite_") {
			continue
		}
		contents := rows(t, k.Store.DB, `SELECT * FROM `+name)
		slices.Sort(contents)
		fmt.Fprintf(&all, "%s: %d rows\n%s\n", name, len(contents), strings.Join(contents, "\n"))
	}
	return all.String()
}

func rows(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for result.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := result.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] = *values[i].(*any)
		}
		all = append(all, fmt.Sprint(values))
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func monthly(amount int, lookupKey string) object {
	price := object{"unitAmount": amount, "currency": "usd", "recurring": object{"interval": "MONTH"}}
	if lookupKey != "" {
		price["lookupKey"] = lookupKey
	}
	return price
}

// newProduct makes a product with a monthly price of 2900 and returns both
// ids.
func newProduct(t testing.TB, k *testkit.Kit, name string) (product, price string) {
	t.Helper()
	created := done(t, k, "createProduct", object{"name": name, "price": monthly(2900, "")})
	return created.String("product.id"), created.String("product.defaultPrice.id")
}

// newCustomer makes a customer that is in Stripe.
func newCustomer(t testing.TB, k *testkit.Kit, email string) string {
	t.Helper()
	created := mutate(t, k, "createCustomer", object{"email": email})
	if len(created.List("userErrors")) != 0 {
		t.Fatalf("createCustomer was refused: %s", created.Raw())
	}
	k.Work(t)
	return created.String("customer.id")
}

// newSubscription makes a subscription that is paid by card.
func newSubscription(t testing.TB, k *testkit.Kit, customer, price string) testkit.Answer {
	t.Helper()
	return done(t, k, "createSubscription", object{
		"customerId": customer, "priceId": price, "paymentMethod": "pm_card_visa",
	}).At("subscription")
}

// settle carries out all that waits for Stripe, which has just come back.
func settle(t testing.TB, k *testkit.Kit) {
	t.Helper()
	k.Eventually(t, "all operations to finish", func() bool {
		k.Work(t)
		return k.Query(t, `{ billingHealth { pendingOperations } }`).Int("billingHealth.pendingOperations") == 0
	})
}

const (
	productQuery = `query($id: ID!) { product(id: $id) { ...Item } }`
	planQuery    = `query($id: ID!) { subscription(id: $id) { ...Plan } }`
	personQuery  = `query($id: ID!) { customer(id: $id, includeDeleted: true) { ...Person } }`
)

// read asks for the only field of one of the queries above.
func read(t testing.TB, k *testkit.Kit, query, id string) testkit.Answer {
	t.Helper()
	field := map[string]string{productQuery: "product", planQuery: "subscription", personQuery: "customer"}[query]
	return k.Query(t, query+used(query), object{"id": id}).At(field)
}
