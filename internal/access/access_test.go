package access_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

type object = map[string]any

// needed is the scope that each root field needs, and whether a customer's browser
// may ask for it.
var needed = map[string]string{
	"viewer": "customer",
	// Of the type of the id, which is a product's here.
	"node": "READ_CATALOG customer", "nodes": "READ_CATALOG customer",
	"product": "READ_CATALOG customer", "products": "READ_CATALOG customer", "price": "READ_CATALOG customer",
	"priceByLookupKey": "READ_CATALOG customer",
	"customer":         "READ_CUSTOMERS customer", "customers": "READ_CUSTOMERS", "customerByEmail": "READ_CUSTOMERS",
	"customerByExternalId": "READ_CUSTOMERS",
	"subscription":         "READ_SUBSCRIPTIONS customer", "subscriptions": "READ_SUBSCRIPTIONS customer",
	"invoice": "READ_INVOICES customer", "invoices": "READ_INVOICES customer",
	"operation": "READ_OPERATIONS", "operations": "READ_OPERATIONS", "webhookEvents": "READ_OPERATIONS",
	"differences": "READ_OPERATIONS", "billingHealth": "READ_OPERATIONS", "apiKeys": "WRITE_API_KEYS",

	"createProduct": "WRITE_CATALOG", "updateProduct": "WRITE_CATALOG", "archiveProduct": "WRITE_CATALOG",
	"addProductPrice": "WRITE_CATALOG", "archivePrice": "WRITE_CATALOG", "updateProductPrice": "WRITE_CATALOG",
	"createCustomer": "WRITE_CUSTOMERS", "updateCustomer": "WRITE_CUSTOMERS", "deleteCustomer": "WRITE_CUSTOMERS",
	"restoreCustomer":    "WRITE_CUSTOMERS",
	"createSubscription": "WRITE_SUBSCRIPTIONS", "revokeSubscription": "WRITE_SUBSCRIPTIONS",
	"cancelSubscription": "WRITE_SUBSCRIPTIONS customer", "resumeSubscription": "WRITE_SUBSCRIPTIONS customer",
	"changeSubscriptionPrice": "WRITE_SUBSCRIPTIONS customer", "updateSubscriptionItems": "WRITE_SUBSCRIPTIONS customer",
	"createCheckoutSession": "WRITE_SUBSCRIPTIONS customer", "createBillingPortalSession": "WRITE_SUBSCRIPTIONS customer",
	"payInvoice": "WRITE_INVOICES customer", "voidInvoice": "WRITE_INVOICES",
	"retryOperation": "WRITE_OPERATIONS", "resolveOperation": "WRITE_OPERATIONS", "startReconciliation": "WRITE_OPERATIONS",
	"createApiKey": "WRITE_API_KEYS", "rotateApiKey": "WRITE_API_KEYS", "revokeApiKey": "WRITE_API_KEYS",
	"createCustomerSession": "CREATE_CUSTOMER_SESSIONS",
}

func schemaOf(t *testing.T) *ast.Schema {
	t.Helper()
	sdl, err := os.ReadFile("../../schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: string(sdl)})
}

// ask is a document that asks for a root field, with arguments that mean nothing.
func ask(schema *ast.Schema, root *ast.Definition, field *ast.FieldDefinition) string {
	var arguments []string
	for _, a := range field.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			arguments = append(arguments, a.Name+": "+something(schema, a.Name, a.Type))
		}
	}
	document := field.Name
	if len(arguments) > 0 {
		document += "(" + strings.Join(arguments, ", ") + ")"
	}
	return strings.ToLower(root.Name) + " { " + document + " { __typename } }"
}

func something(schema *ast.Schema, name string, t *ast.Type) string {
	if t.Elem != nil {
		return "[" + something(schema, name, t.Elem) + "]"
	}
	def := schema.Types[t.NamedType]
	if def.Name == "Scope" { // one that a key can hand out
		return "WRITE_API_KEYS"
	}
	if def.Kind == ast.Enum {
		return def.EnumValues[0].Name
	}
	if def.Kind == ast.InputObject {
		var fields []string
		for _, f := range def.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				fields = append(fields, f.Name+": "+something(schema, f.Name, f.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	switch def.Name {
	case "Int64", "Int":
		return "1"
	case "ID":
		prefixes := map[string]string{
			"productId": billing.ProductPrefix, "priceId": billing.PricePrefix, "customerId": billing.CustomerPrefix,
			"subscriptionId": billing.SubscriptionPrefix, "invoiceId": billing.InvoicePrefix, "operationId": billing.OperationPrefix,
			"apiKeyId": billing.APIKeyPrefix,
		}
		prefix, ok := prefixes[name]
		if !ok {
			prefix = billing.ProductPrefix
		}
		return `"` + billing.NewID(prefix) + `"`
	}
	return `"something"`
}

func create(t *testing.T, k *testkit.Kit, scopes ...string) testkit.Client {
	t.Helper()
	made := k.Query(t, `mutation($s: [Scope!]!) { createApiKey(input: {name: "test", scopes: $s}) { secret userErrors { code } } }`, object{"s": scopes})
	return testkit.Client{URL: k.URL, Key: made.String("createApiKey.secret")}
}

func session(t *testing.T, k *testkit.Kit, customer string, actions ...string) testkit.Client {
	t.Helper()
	in := object{"customerId": customer}
	if actions != nil {
		in["actions"] = actions
	}
	made := k.Query(t, `mutation($in: CreateCustomerSessionInput!) { createCustomerSession(input: $in) { token expiresAt } }`, object{"in": in})
	return testkit.Client{URL: k.URL, Key: made.String("createCustomerSession.token")}
}

func code(a testkit.Answer) string {
	if !a.Has("errors.0") {
		return ""
	}
	return a.String("errors.0.extensions.code")
}

// Every principal is let in where it may be, and nowhere else: each root field with
// each key of one scope, and with a customer's token.
func TestEveryPrincipalAndEveryField(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		schema := schemaOf(t)
		var scopes []string
		for _, v := range schema.Types["Scope"].EnumValues {
			scopes = append(scopes, v.Name)
		}
		keys := map[string]testkit.Client{}
		for _, s := range scopes {
			keys[s] = create(t, k, s)
		}
		customer := session(t, k, person(t, k, "ann@example.com"))
		fields := 0
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				if strings.HasPrefix(field.Name, "__") {
					continue
				}
				fields++
				rule, ok := needed[field.Name]
				if !ok {
					t.Errorf("who may ask for %s?", field.Name)
					continue
				}
				document := ask(schema, root, field)
				for _, scope := range scopes {
					want := ""
					if words := strings.Fields(rule); words[0] != "customer" && words[0] != scope &&
						strings.Replace(scope, "WRITE_", "READ_", 1) != words[0] {
						want = "FORBIDDEN"
					}
					if got := code(keys[scope].Send(t, document)); (got == "FORBIDDEN") != (want == "FORBIDDEN") {
						t.Errorf("%s with %s: %q, want %q", field.Name, scope, got, want)
					}
				}
				if got := code(customer.Send(t, document)); (got == "FORBIDDEN") == strings.Contains(rule, "customer") && !actionLacks(field.Name) {
					t.Errorf("%s for a customer: %q, the rule is %q", field.Name, got, rule)
				}
			}
		}
		if fields != len(needed) {
			t.Errorf("%d fields, %d rules", fields, len(needed))
		}
	})
}

// actionLacks tells the mutations for which the usual actions are not enough.
func actionLacks(field string) bool {
	return slices.Contains([]string{"changeSubscriptionPrice", "updateSubscriptionItems", "createCheckoutSession"}, field)
}

func person(t *testing.T, k *testkit.Kit, email string) string {
	t.Helper()
	id := k.Query(t, `mutation($e: String!) { createCustomer(input: {email: $e, metadata: {secret: "x"}}) { customer { id } } }`, object{"e": email}).
		String("createCustomer.customer.id")
	k.Work(t)
	return id
}

// bought is a customer with a subscription.
type bought struct{ customer, subscription, item, invoice, price string }

func buy(t *testing.T, k *testkit.Kit, email, price string) bought {
	t.Helper()
	b := bought{customer: person(t, k, email), price: price}
	sub := k.Query(t, `mutation($c: ID!, $p: ID!) { createSubscription(input: {customerId: $c, priceId: $p, paymentMethod: "pm_card_visa"}) {
		subscription { id items { id } latestInvoice { id } } } }`, object{"c": b.customer, "p": price}).At("createSubscription.subscription")
	b.subscription, b.item, b.invoice = sub.String("id"), sub.String("items.0.id"), sub.String("latestInvoice.id")
	return b
}

// A customer's token never shows anything of another customer's, on any way to it;
// what is hidden and what does not exist are the same.
func TestCustomersAreApart(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Query(t, `mutation { createProduct(input: {name: "Plan", price: {unitAmount: 900, currency: "USD", recurring: {interval: MONTH}}}) {
			product { id defaultPrice { id } } } }`).At("createProduct.product")
		a := buy(t, k, "ann@example.com", product.String("defaultPrice.id"))
		b := buy(t, k, "bob@example.com", product.String("defaultPrice.id"))
		ann := session(t, k, a.customer, "CANCEL", "CANCEL_AT_PERIOD_END", "RESUME", "CHANGE_QUANTITY", "PAY_INVOICE", "PORTAL")

		own := ann.Query(t, `{ viewer { kind scopes customer { id email metadata } } subscriptions(first: 5) { totalCount edges { node { id customer { email }
			items { price { unitAmount { amount } product { name } } } latestInvoice { id } history { to operation { id } } stripe { lastError } } } }
			invoices { totalCount } products { totalCount } }`)
		testkit.Equal(t, "kind", own.String("viewer.kind"), "CUSTOMER")
		testkit.Equal(t, "e-mail", own.String("viewer.customer.email"), "ann@example.com")
		testkit.Equal(t, "metadata", own.Has("viewer.customer.metadata.secret"), false)
		testkit.Equal(t, "subscriptions", own.Int("subscriptions.totalCount"), 1)
		testkit.Equal(t, "invoices", own.Int("invoices.totalCount"), 1)
		testkit.Equal(t, "price", own.Int("subscriptions.edges.0.node.items.0.price.unitAmount.amount"), 900)
		testkit.Equal(t, "operations", own.Has("subscriptions.edges.0.node.history.0.operation"), false)

		operation := k.Query(t, `{ operations(first: 1) { edges { node { id } } } }`).String("operations.edges.0.node.id")
		for _, id := range []string{b.customer, b.subscription, b.item, b.invoice, operation} {
			missing := billing.NewID(strings.SplitN(id, "_", 2)[0])
			for _, document := range []string{
				`query($id: ID!) { found: node(id: $id) { id } }`, `query($id: ID!) { found: nodes(ids: [$id]) { id } }`,
				`query($id: ID!) { found: customer(id: $id, includeDeleted: true) { id } }`, `query($id: ID!) { found: subscription(id: $id) { id } }`,
				`query($id: ID!) { found: invoice(id: $id) { id } }`,
				`query($id: ID!) { found: subscriptions(filter: {customerId: $id}) { totalCount } }`,
				`query($id: ID!) { found: invoices(filter: {customerId: $id}) { totalCount } }`,
				`query($id: ID!) { found: invoices(filter: {subscriptionId: $id}) { totalCount } }`,
			} {
				hidden := ann.Send(t, document, object{"id": id}).Raw()
				if absent := ann.Send(t, document, object{"id": missing}).Raw(); hidden != absent {
					t.Errorf("%s\n  hidden  %s\n  missing %s", document, hidden, absent)
				}
			}
		}
		for name, input := range map[string]object{
			"cancelSubscription":         {"subscriptionId": b.subscription},
			"resumeSubscription":         {"subscriptionId": b.subscription},
			"updateSubscriptionItems":    {"subscriptionId": b.subscription, "items": []object{{"id": b.item, "quantity": 2}}},
			"payInvoice":                 {"invoiceId": b.invoice},
			"createBillingPortalSession": {"customerId": b.customer, "returnUrl": "https://example.com"},
		} {
			payload := ann.Query(t, fmt.Sprintf(`mutation($input: %s%sInput!) { %s(input: $input) { operation { id } userErrors { code } } }`,
				strings.ToUpper(name[:1]), name[1:], name), object{"input": input}).At(name)
			testkit.Equal(t, name+" of somebody else's", payload.String("userErrors.0.code"), "NOT_FOUND")
		}

		canceled := ann.Query(t, `mutation($id: ID!) { cancelSubscription(input: {subscriptionId: $id}) {
			subscription { cancelAtPeriodEnd } operation { id } userErrors { code } } }`, object{"id": a.subscription}).At("cancelSubscription")
		testkit.Equal(t, "her own is canceled", canceled.Bool("subscription.cancelAtPeriodEnd"), true)
		testkit.Equal(t, "she sees the operation", canceled.Has("operation"), false)
		usual := session(t, k, a.customer)
		answer := usual.Send(t, `mutation($id: ID!) { cancelSubscription(input: {subscriptionId: $id, at: IMMEDIATELY}) { userErrors { code } } }`, object{"id": a.subscription})
		testkit.Equal(t, "at once, by default", code(answer), "FORBIDDEN")
		if !strings.Contains(answer.String("errors.0.message"), "CANCEL") {
			t.Errorf("the action is not named: %s", answer.Raw())
		}

		k.Query(t, `mutation($id: ID!) { deleteCustomer(input: {customerId: $id}) { userErrors { code } } }`, object{"id": a.customer})
		k.Eventually(t, "the session to end with the customer", func() bool { return status(t, usual) == http.StatusUnauthorized })
	})
}

func status(t *testing.T, c testkit.Client) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/graphql", strings.NewReader(`{"query": "{ __typename }"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp := c.Do(t, req)
	resp.Body.Close()
	return resp.StatusCode
}

// A key reads what its scopes name on every step of the way, hands out nothing that
// it lacks, is rotated, expires, and is revoked on every replica.
func TestKeys(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Query(t, `mutation { createProduct(input: {name: "Plan", price: {unitAmount: 900, currency: "USD", recurring: {interval: MONTH}}}) {
			product { defaultPrice { id } } } }`).At("createProduct.product")
		buy(t, k, "ann@example.com", product.String("defaultPrice.id"))

		reader := create(t, k, "READ_SUBSCRIPTIONS")
		testkit.Equal(t, "subscriptions", reader.Query(t, `{ subscriptions { totalCount } }`).Int("subscriptions.totalCount"), 1)
		for _, below := range []string{"customer { id }", "price { id }", "latestInvoice { id }", "items { price { id } }"} {
			testkit.Equal(t, "without the scope of "+below, code(reader.Send(t, `{ subscriptions { edges { node { id `+below+` } } } }`)), "FORBIDDEN")
		}
		writer := create(t, k, "WRITE_CATALOG")
		made := writer.Query(t, `mutation { createProduct(input: {name: "Mine"}) { product { id } operation { id lastError stripeCalls { path } requestedBy { kind label } } } }`).
			At("createProduct")
		testkit.Equal(t, "calls without READ_OPERATIONS", len(made.List("operation.stripeCalls")), 0)
		testkit.Equal(t, "requested by", made.String("operation.requestedBy.kind")+" "+made.String("operation.requestedBy.label"), "API_KEY test")

		manager := create(t, k, "WRITE_API_KEYS")
		testkit.Equal(t, "more scopes than its own", code(manager.Send(t, `mutation { createApiKey(input: {name: "x", scopes: [READ_CUSTOMERS]}) { secret } }`)), "FORBIDDEN")

		expired := k.Send(t, `mutation($at: DateTime!) { createApiKey(input: {name: "x", scopes: [READ_CATALOG], expiresAt: $at}) { userErrors { code path } } }`,
			object{"at": time.Now().Add(-time.Hour).Format(time.RFC3339)})
		testkit.Equal(t, "an end in the past", expired.String("data.createApiKey.userErrors.0.code"), "INVALID_INPUT")

		list := k.Query(t, `{ apiKeys { edges { node { id name scopes prefix lastUsedAt revokedAt } } } }`)
		id := ""
		for _, edge := range list.List("apiKeys.edges") {
			if strings.HasPrefix(reader.Key, "tsk_"+edge.String("node.prefix")+"_") {
				id = edge.String("node.id")
				testkit.Equal(t, "it was used", edge.Has("node.lastUsedAt"), true)
			}
		}
		rotated := k.Query(t, `mutation($id: ID!) { rotateApiKey(input: {apiKeyId: $id}) { secret } }`, object{"id": id}).String("rotateApiKey.secret")
		next := testkit.Client{URL: k.URL, Key: rotated}
		testkit.Equal(t, "the new secret", status(t, next), http.StatusOK)
		k.Eventually(t, "the old secret to end", func() bool { return status(t, reader) == http.StatusUnauthorized })
		k.Query(t, `mutation($id: ID!) { revokeApiKey(input: {apiKeyId: $id}) { apiKey { revokedAt } } }`, object{"id": id})
		k.Eventually(t, "the key to be revoked", func() bool { return status(t, next) == http.StatusUnauthorized })

		for _, bad := range []string{"tsk_", "tsk_x_y", "tst_a_b", rotated + "x", rotated[:len(rotated)-1], strings.Repeat("tsk_", 1000)} {
			testkit.Equal(t, bad[:min(len(bad), 12)], status(t, testkit.Client{URL: k.URL, Key: bad}), http.StatusUnauthorized)
		}
	})
}
