package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"tallystick/ent"
	"tallystick/internal/access"
	"tallystick/internal/auth"
	"tallystick/internal/testkit"
	"tallystick/resolvers"
)

// twoWays answers queries by the writers, and by gqlgen's own executor.
type twoWays struct {
	direct, plain *executor.Executor
	schema        *ast.Schema
	world         world
	fails         func(ent.Query) error // what the database does to a query; nil: nothing
}

func newTwoWays(t testing.TB, k *testkit.Kit, rows int) *twoWays {
	t.Helper()
	w := &twoWays{world: seed(t, k, rows)}
	r := resolvers.New(resolvers.Options{
		Store: k.Store, Catalog: k.Catalog, Customers: k.Customers, Subscriptions: k.Subscriptions, Sync: k.Engine,
		Reconciliation: k.Reconciliation, Health: k.Health, Keys: access.NewManager(k.Store), Live: k.Live,
		Logger: slog.New(slog.DiscardHandler),
	})
	k.Store.Reader.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
		return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
			if w.fails != nil {
				if err := w.fails(q); err != nil {
					return nil, err
				}
			}
			return next.Query(ctx, q)
		})
	}))
	way := func(schema graphql.ExecutableSchema) *executor.Executor {
		e := executor.New(schema)
		e.SetErrorPresenter(r.PresentError)
		e.SetRecoverFunc(r.Recover)
		e.AroundOperations(r.WithLoaders)
		return e
	}
	w.direct, w.plain, w.schema = way(r.Schema()), way(r.PlainSchema()), r.Schema().Schema()
	return w
}

// fault is the id of a fault, which no two answers share.
var fault = regexp.MustCompile(`flt_\w+`)

func respond(t testing.TB, e *executor.Executor, p auth.Principal, document string, variables object) *graphql.Response {
	t.Helper()
	ctx := graphql.StartOperationTrace(auth.With(t.Context(), p))
	opCtx, refused := e.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if refused != nil {
		t.Fatalf("%v:\n%s", refused, document)
	}
	next, ctx := e.DispatchOperation(ctx, opCtx)
	return next(ctx)
}

// answer is a response with its errors in an order of their own: root fields are
// answered at the same time.
func answer(t testing.TB, e *executor.Executor, p auth.Principal, document string, variables object) (data, errs string) {
	t.Helper()
	response := respond(t, e, p, document, variables)
	var compact bytes.Buffer
	if err := json.Compact(&compact, response.Data); err != nil {
		t.Fatalf("%v: %s", err, response.Data)
	}
	lines := make([]string, len(response.Errors))
	for i, err := range response.Errors {
		b, jsonErr := json.Marshal(err)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		lines[i] = fault.ReplaceAllString(string(b), "flt")
	}
	slices.Sort(lines)
	return compact.String(), strings.Join(lines, "\n")
}

// same fails the test unless both ways give the same answer, which it returns.
func (w *twoWays) same(t testing.TB, p auth.Principal, document string, variables object) (data, errs string) {
	t.Helper()
	data, errs = answer(t, w.direct, p, document, variables)
	plainData, plainErrs := answer(t, w.plain, p, document, variables)
	if data != plainData || errs != plainErrs {
		t.Fatalf("%s: %s\nis answered\n%s\n%s\nand by gqlgen\n%s\n%s", p.ID, document, data, errs, plainData, plainErrs)
	}
	return data, errs
}

var principals = []auth.Principal{
	auth.Admin,
	{ID: "key", Kind: auth.KindAPIKey, Label: "catalog", Scopes: []auth.Scope{auth.ReadCatalog}},
	{ID: "key2", Kind: auth.KindAPIKey, Label: "operations", Scopes: []auth.Scope{auth.ReadOperations}},
	{ID: "key3", Kind: auth.KindAPIKey, Label: "operations of products", Scopes: []auth.Scope{auth.ReadOperations, auth.ReadCatalog}},
	{},
}

// customerOf is the browser of a customer.
func customerOf(id string) auth.Principal {
	return auth.Principal{ID: "session", Kind: auth.KindCustomer, CustomerID: id}
}

// documents are those that random ones do not come to, or seldom.
var documents = []string{
	`{ __typename }`,
	`{ a: __typename products(first: 2) { __typename totalCount edges { cursor node { __typename id } } pageInfo { hasNextPage endCursor startCursor hasPreviousPage } } }`,
	`{ products(first: 3, filter: {active: true}, orderBy: {field: NAME, direction: DESC}) { edges { node { id name prices(first: 2) { totalCount edges { node { id unitAmount { amount currency } status } } } } } } }`,
	`{ products(first: 2) { edges { node { id ...p } } } } fragment p on Product { name metadata defaultPrice { id ...q product { name } } } fragment q on Price { lookupKey recurring { interval intervalCount } }`,
	`query($no: Boolean = false) { products(first: 2) { totalCount @skip(if: true) edges @include(if: true) { node { id @include(if: $no) name ... @include(if: $no) { metadata } } } } }`,
	`{ customers(first: 3) { edges { node { email subscriptions(first: 2) { edges { node { status product { name } price { unitAmount { amount } } history { from to cause at } invoices(first: 1) { edges { node { total { amount } status } } } } } } stripe { id status lastSyncedAt pendingOperation { id kind steps { name status } stripeCalls { path status } subject { __typename id ... on Product { name } ... on Customer { email } } } } } } } }`,
	`query($id: ID!) { node(id: $id) { __typename id ... on Customer { name email } ... on Product { title: name } } }`,
	`query($ids: [ID!]!) { nodes(ids: $ids) { id __typename ... on Subscription { status customer { email } } ... on Operation { kind subject { id } } } }`,
	`{ node(id: "pdt_0000000000000000000000000") { id } product(id: "nonsense") { id } b: customer(id: "cst_0000000000000000000000000") { id } }`,
	`{ nodes(ids: ["nonsense", "pdt_0000000000000000000000000"]) { id } }`,
	`{ products(first: 1, after: "nonsense") { totalCount } customers(first: -1) { totalCount } operations(first: 1) { edges { node { id } } } }`,
	`{ operations(first: 12) { edges { node { kind subject { __typename id ... on Product { name } ... on Customer { email } } } } } }`,
	`{ viewer { __typename } billingHealth { status needsAttention } }`,
	`{ apiKeys(first: 2) { edges { node { name } } } differences(first: 1) { totalCount } webhookEvents(first: 1) { totalCount edges { node { id } } } }`,
	`{ __schema { queryType { name } } products(first: 1) { totalCount } }`,
	`{ products(first: 2) { edges { node { id } } edges { node { name } cursor } } x: products(first: 2) { edges { node { id } } } }`,
}

// TestWritersAnswerAsGqlgenDoes holds the two ways to answer a query to the same
// bytes, whoever asks, and whatever goes wrong.
func TestWritersAnswerAsGqlgenDoes(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newTwoWays(t, k, 6)
		variables := object{"id": w.world.customers[1], "ids": []any{
			w.world.subscriptions[0], w.world.operations[0], w.world.products[1], "cst_0000000000000000000000000", w.world.invoices[0],
		}}
		for _, p := range append(principals, customerOf(w.world.customers[1])) {
			for _, document := range documents {
				w.same(t, p, document, variables)
			}
		}
		faults := 0
		for _, broken := range []string{"Product", "Price", "Customer", "Subscription", "Invoice", "Operation", "StripeCall", "SubscriptionTransition"} {
			for _, does := range []func() error{
				func() error { return errors.New("broken") },
				func() error { panic("broken") },
			} {
				w.fails = func(q ent.Query) error {
					if strings.Contains(fmt.Sprintf("%T", q), "."+broken+"Query") {
						return does()
					}
					return nil
				}
				for _, document := range documents {
					if _, errs := w.same(t, auth.Admin, document, variables); strings.Contains(errs, "INTERNAL") {
						faults++
					}
				}
				w.fails = nil
			}
		}
		if faults < 20 {
			t.Errorf("only %d answers had a fault", faults)
		}
	})
}

// TestSubjectsOfOneTypeDoNotHideAnother: a key that reads products and no customers
// gets the products that operations are about.
func TestSubjectsOfOneTypeDoNotHideAnother(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newTwoWays(t, k, 3)
		reader := auth.Principal{ID: "key", Kind: auth.KindAPIKey, Scopes: []auth.Scope{auth.ReadOperations, auth.ReadCatalog}}
		data, errs := w.same(t, reader, `{ operations { edges { node { subject { id ... on Product { name } } } } } }`, nil)
		for i, product := range w.world.products[:3] {
			if !strings.Contains(data, fmt.Sprintf(`{"id":%q,"name":"Product 00%d"}`, product, i)) {
				t.Errorf("product %d is missing in %s", i, data)
			}
		}
		testkit.Equal(t, "fields refused", strings.Count(errs, "the scope READ_CUSTOMERS"), 3)
	})
}

// TestWritersAnswerRandomDocuments is the same for documents that are made up.
func TestWritersAnswerRandomDocuments(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newTwoWays(t, k, 6)
		rapid.Check(t, func(r *rapid.T) {
			d := &author{r: r, schema: w.schema, world: w.world}
			document := "query($yes: Boolean = true, $no: Boolean = false) { a: __typename @include(if: $yes) b: __typename @skip(if: $no) " +
				d.selection(w.schema.Query, 5)[1:]
			p := rapid.SampledFrom(append(principals, customerOf(w.world.customers[1]))).Draw(r, "who")
			w.same(&episode{TB: t, r: r}, p, document, nil)
		})
	})
}

// BenchmarkQueries compares the two ways, on one database in one run.
func BenchmarkQueries(b *testing.B) {
	const nested = `{ customers(first: 50) { edges { node { id email name createdAt subscriptions(first: 3) { edges { node { id status currentPeriodEnd
		price { id unitAmount { amount currency } product { id name } } } } } } } } }`
	for _, database := range []string{"sqlite", "postgres"} {
		k := testkit.New(b, database, testkit.Idle)
		w := newTwoWays(b, k, 60)
		for name, document := range map[string]string{
			"nested": nested,
			"page":   `{ products(first: 50) { edges { node { id name active createdAt } } pageInfo { hasNextPage endCursor } } }`,
			"node":   fmt.Sprintf(`{ customer(id: %q) { id email name } }`, w.world.customers[0]),
		} {
			for way, e := range map[string]*executor.Executor{"direct": w.direct, "gqlgen": w.plain} {
				b.Run(database+"/"+name+"/"+way, func(b *testing.B) {
					e.SetQueryCache(lru.New[*ast.QueryDocument](10))
					for b.Loop() {
						if response := respond(b, e, auth.Admin, document, nil); response.Errors != nil {
							b.Fatal(response.Errors)
						}
					}
				})
			}
		}
	}
}

// episode lets a property fail as rapid wants it.
type episode struct {
	testing.TB
	r *rapid.T
}

func (e *episode) Fatalf(format string, args ...any) { e.r.Fatalf(format, args...) }
func (e *episode) Fatal(args ...any)                 { e.r.Fatal(args...) }

// author writes valid queries.
type author struct {
	r      *rapid.T
	schema *ast.Schema
	world  world
	n      int // fields so far, each with a name of its own
}

// selection selects something of a type.
func (a *author) selection(of *ast.Definition, depth int) string {
	parts := []string{}
	if of.IsAbstractType() {
		for _, possible := range a.schema.PossibleTypes[of.Name] {
			if a.n < 60 && rapid.Bool().Draw(a.r, "fragment") {
				parts = append(parts, "... on "+possible.Name+a.directive()+" "+a.selection(possible, depth-1))
			}
		}
	}
	var fields []*ast.FieldDefinition
	for _, f := range of.Fields {
		if !strings.HasPrefix(f.Name, "__") && (depth > 0 || a.schema.Types[f.Type.Name()].IsLeafType()) {
			fields = append(fields, f)
		}
	}
	if len(fields) > 0 && !of.IsAbstractType() {
		for range rapid.IntRange(1, 4).Draw(a.r, "fields") {
			part := a.field(rapid.SampledFrom(fields).Draw(a.r, "field"), depth)
			parts = append(parts, part)
			if rapid.IntRange(0, 9).Draw(a.r, "twice") == 0 {
				parts = append(parts, part)
			}
		}
	}
	return "{ " + strings.Join(append(parts, "__typename"), " ") + " }"
}

func (a *author) field(f *ast.FieldDefinition, depth int) string {
	a.n++
	text := fmt.Sprintf("f%d: %s", a.n, f.Name)
	var args []string
	for _, arg := range f.Arguments {
		if value := a.value(arg); value != "" {
			args = append(args, arg.Name+": "+value)
		}
	}
	if len(args) > 0 {
		text += "(" + strings.Join(args, ", ") + ")"
	}
	text += a.directive()
	if of := a.schema.Types[f.Type.Name()]; !of.IsLeafType() {
		text += " " + a.selection(of, depth-1)
	}
	return text
}

// value is one for an argument; empty to leave it out.
func (a *author) value(arg *ast.ArgumentDefinition) string {
	w := a.world
	id := func() string {
		return fmt.Sprintf("%q", rapid.SampledFrom([]string{
			w.products[0], w.prices[1], w.customers[1], w.subscriptions[2], w.invoices[3], w.operations[0], "nonsense", "cst_0000000000000000000000000",
		}).Draw(a.r, "id"))
	}
	switch arg.Name {
	case "first":
		return fmt.Sprint(rapid.IntRange(0, 3).Draw(a.r, "first"))
	case "id":
		return id()
	case "ids":
		return "[" + id() + ", " + id() + "]"
	case "email":
		return `"C001@example.com"`
	}
	if arg.Type.NonNull && arg.DefaultValue == nil {
		return `"x"`
	}
	return ""
}

func (a *author) directive() string {
	return rapid.SampledFrom([]string{"", "", "", "", " @include(if: $yes)", " @skip(if: $no)", " @include(if: $no)", " @skip(if: true)"}).Draw(a.r, "directive")
}
