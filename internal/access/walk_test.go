package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect/sql"
	"github.com/vektah/gqlparser/v2/ast"

	"tallystick/internal/access"
	"tallystick/internal/app"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// scopeOf is the scope that a key needs to read an object of a type, said a second
// time, for the walk below to hold the rules against.
var scopeOf = map[string]string{
	"Product": "READ_CATALOG", "Price": "READ_CATALOG", "Customer": "READ_CUSTOMERS",
	"Subscription": "READ_SUBSCRIPTIONS", "SubscriptionItem": "READ_SUBSCRIPTIONS", "SubscriptionTransition": "READ_SUBSCRIPTIONS",
	"Invoice": "READ_INVOICES", "Operation": "READ_OPERATIONS", "StripeCall": "READ_OPERATIONS",
	"WebhookEvent": "READ_OPERATIONS", "Difference": "READ_OPERATIONS", "ApiKey": "WRITE_API_KEYS", "BillingHealth": "READ_OPERATIONS",
}

// silent are the fields that are empty, and no error, to a key without the scope of
// what they lead to.
var silent = map[string]bool{"StripeLink.pendingOperation": true, "Operation.stripeCalls": true}

// world is what the walk meets: Ann, Bob, and what is for neither.
type world struct {
	ann, bob bought
	// visible is what Ann may see, and hidden what she may not.
	visible, hidden map[string]bool
	// ids are one of each type, of Bob's where it is somebody's.
	ids map[string]string
	// args are the arguments of the root fields that cannot do without.
	args map[string]string
}

// marks are in everything of Bob's, and in what is for nobody's browser.
var marks = regexp.MustCompile(`bob@|Bob|secret|flt_|evt_|internal reason`)

func makeWorld(t *testing.T, k *testkit.Kit) *world {
	t.Helper()
	product := k.Query(t, `mutation { createProduct(input: {name: "Plan", metadata: {secret: "x"}, price: {unitAmount: 900, currency: "USD", recurring: {interval: MONTH}}}) {
		product { id defaultPrice { id } } } }`).At("createProduct.product")
	plan, price := product.String("id"), product.String("defaultPrice.id")
	// One that is sold no more, which only Bob has.
	old := k.Query(t, `mutation { createProduct(input: {name: "Bob's old plan", price: {unitAmount: 800, currency: "USD", recurring: {interval: MONTH}, lookupKey: "old"}}) {
		product { id defaultPrice { id } } } }`).At("createProduct.product")
	w := &world{ann: buy(t, k, "ann@example.com", price), bob: buy(t, k, "bob@example.com", old.String("defaultPrice.id"))}
	k.Query(t, `mutation($id: ID!) { archiveProduct(input: {productId: $id}) { userErrors { code } } }`, object{"id": old.String("id")})
	k.Query(t, `mutation($id: ID!) { updateCustomer(input: {customerId: $id, name: "Bob", externalId: "bob-1"}) { userErrors { code } } }`, object{"id": w.bob.customer})

	ctx := context.WithoutCancel(t.Context())
	customer := w.bob.customer
	difference, err := k.Store.Writer.Difference.Create().SetKind(billing.DifferenceChanged).SetObjectType("customer").
		SetObjectID(customer).SetStripeID("cus_secret").SetOurs("internal reason").Save(ctx)
	if err != nil {
		t.Fatal(err)
	}
	event, err := k.Store.Writer.WebhookEvent.Create().SetStripeEventID("evt_1").SetType("customer.updated").SetObjectType("customer").
		SetObjectID("cus_secret").SetOccurredAt(k.Store.Now().UTC()).Save(ctx)
	if err != nil {
		t.Fatal(err)
	}
	key := k.Query(t, `mutation { createApiKey(input: {name: "secret", scopes: [READ_CATALOG]}) { apiKey { id } } }`).String("createApiKey.apiKey.id")
	operation := k.Query(t, `query($id: ID) { operations(first: 1, filter: {subjectId: $id}) { edges { node { id } } } }`, object{"id": w.ann.subscription}).
		String("operations.edges.0.node.id")

	w.ids = map[string]string{
		"Product": plan, "Price": price, "Customer": w.bob.customer, "Subscription": w.bob.subscription, "SubscriptionItem": w.bob.item,
		"Invoice": w.bob.invoice, "Operation": operation, "WebhookEvent": event.ID, "Difference": difference.ID, "ApiKey": key,
	}
	w.visible, w.hidden = map[string]bool{plan: true, price: true}, map[string]bool{old.String("id"): true, old.String("defaultPrice.id"): true}
	for _, id := range []string{w.ann.customer, w.ann.subscription, w.ann.item, w.ann.invoice} {
		w.visible[id] = true
	}
	for _, id := range w.ids {
		w.hidden[id] = !w.visible[id]
	}
	w.args = map[string]string{
		"customer": fmt.Sprintf("id: %q, includeDeleted: true", w.bob.customer), "customerByEmail": `email: "bob@example.com"`,
		"customerByExternalId": `externalId: "bob-1"`, "priceByLookupKey": `lookupKey: "old"`,
	}
	return w
}

// route is one way through the schema: a document that asks for everything of the
// objects at its end.
type route struct {
	steps    []step
	document string
	scopes   []string // that a key needs
	end      string   // the type at its end
	silent   bool
	// mixed says that the way passes a field that leads to objects of several types,
	// for some of which a key needs more.
	mixed bool
}

type step struct{ parent, field, typ, args string }

// farthest is how many objects a way passes.
const farthest = 4

// routes are all ways through the schema on which no type of object comes twice.
func routes(t *testing.T, schema *ast.Schema, w *world) (all []route) {
	t.Helper()
	var walk func(steps []step)
	walk = func(steps []step) {
		end := steps[len(steps)-1].typ
		all = append(all, newRoute(schema, steps))
		if len(steps) == farthest {
			return
		}
		for _, field := range schema.Types[end].Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			for _, typ := range leadsTo(schema, field.Type.Name()) {
				if slices.ContainsFunc(steps, func(s step) bool { return s.typ == typ }) {
					continue
				}
				walk(append(slices.Clone(steps), step{parent: end, field: field.Name, typ: typ}))
			}
		}
	}
	for _, field := range schema.Query.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		for _, typ := range leadsTo(schema, field.Type.Name()) {
			args, ok := w.args[field.Name]
			switch {
			case ok:
			case field.Arguments.ForName("id") != nil:
				args = fmt.Sprintf("id: %q", w.ids[typ])
			case field.Arguments.ForName("ids") != nil:
				args = fmt.Sprintf("ids: [%q]", w.ids[typ])
			case slices.ContainsFunc(field.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull }):
				t.Fatalf("what are the arguments of %s?", field.Name)
			}
			if args == `id: ""` || args == `ids: [""]` {
				t.Fatalf("the walk has no %s", typ)
			}
			walk([]step{{parent: "Query", field: field.Name, typ: typ, args: args}})
		}
	}
	return all
}

// leadsTo are the types of objects that a field of a type leads to.
func leadsTo(schema *ast.Schema, name string) (types []string) {
	def := schema.Types[name]
	switch {
	case def.Kind == ast.Interface:
		for _, possible := range schema.GetPossibleTypes(def) {
			types = append(types, possible.Name)
		}
	case strings.HasSuffix(name, "Connection"):
		types = []string{strings.TrimSuffix(name, "Connection")}
	case def.Kind == ast.Object && !isValue(schema, name):
		types = []string{name}
	}
	return types
}

// isValue tells the types that are a part of an object, and lead to no other.
func isValue(schema *ast.Schema, name string) bool {
	def := schema.Types[name]
	return def.Kind == ast.Object && scopeOf[name] == "" && !slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool {
		return len(leadsTo(schema, f.Type.Name())) > 0
	})
}

func newRoute(schema *ast.Schema, steps []step) route {
	r := route{steps: steps, end: steps[len(steps)-1].typ}
	body := strings.Join(leaves(schema, r.end), " ")
	needed := map[string]bool{}
	for _, s := range slices.Backward(steps) {
		if scope := scopeOf[s.typ]; scope != "" {
			needed[scope] = true
		}
		r.silent = r.silent || silent[s.parent+"."+s.field]
		def := schema.Types[s.parent].Fields.ForName(s.field)
		switch {
		case strings.HasSuffix(def.Type.Name(), "Connection"):
			body = "totalCount edges { node { " + body + " } }"
		case schema.Types[def.Type.Name()].Kind == ast.Interface:
			body = "... on " + s.typ + " { " + body + " }"
			r.mixed = r.mixed || s.parent != "Query"
		}
		args := s.args
		if strings.HasSuffix(def.Type.Name(), "Connection") && args == "" {
			args = "first: 1" // so that no way costs too much
		}
		if args != "" {
			args = "(" + args + ")"
		}
		body = s.field + args + " { " + body + " }"
	}
	r.document, r.scopes = "{ "+body+" }", slices.Sorted(maps.Keys(needed))
	return r
}

// leaves are the fields of a type that are no objects.
func leaves(schema *ast.Schema, typ string) (names []string) {
	names = []string{"__typename"}
	for _, f := range schema.Types[typ].Fields {
		switch {
		case strings.HasPrefix(f.Name, "__") || len(leadsTo(schema, f.Type.Name())) > 0:
		case isValue(schema, f.Type.Name()) && f.Type.Elem != nil: // a list of them costs too much
			names = append(names, f.Name+" { __typename }")
		case isValue(schema, f.Type.Name()):
			names = append(names, f.Name+" { "+strings.Join(leaves(schema, f.Type.Name()), " ")+" }")
		default:
			names = append(names, f.Name)
		}
	}
	return names
}

// ends are the objects at the end of a way.
func (r route) ends(data any) []any {
	found := []any{data}
	for _, s := range r.steps {
		var next []any
		for _, object := range found {
			o, _ := object.(map[string]any)
			next = append(next, entries(o[s.field])...)
		}
		found = next
	}
	return slices.DeleteFunc(found, func(o any) bool {
		object, ok := o.(map[string]any)
		return !ok || len(object) == 0 // a fragment on another type
	})
}

// entries are the objects of a list, of a connection, or the one there is.
func entries(value any) (all []any) {
	switch v := value.(type) {
	case []any:
		for _, entry := range v {
			all = append(all, entries(entry)...)
		}
	case map[string]any:
		edges, ok := v["edges"].([]any)
		if !ok {
			return []any{v}
		}
		for _, edge := range edges {
			all = append(all, edge.(map[string]any)["node"])
		}
	}
	return all
}

type outcome struct {
	code string
	ends []any
	raw  string
	data any
}

func (r route) run(t *testing.T, c testkit.Client) outcome {
	t.Helper()
	answer := c.Send(t, r.document)
	var response struct{ Data any }
	if err := json.Unmarshal([]byte(answer.Raw()), &response); err != nil {
		t.Fatal(err)
	}
	return outcome{code: code(answer), ends: r.ends(response.Data), raw: answer.Raw(), data: response.Data}
}

// walker goes all ways, as each principal.
type walker struct {
	k      *testkit.Kit
	w      *world
	routes []route
	keys   map[string]testkit.Client // by their scopes
	ann    testkit.Client
}

func newWalker(t *testing.T, k *testkit.Kit) *walker {
	t.Helper()
	w := makeWorld(t, k)
	return &walker{
		k: k, w: w, routes: routes(t, schemaOf(t), w), keys: map[string]testkit.Client{},
		ann: session(t, k, w.ann.customer, "CANCEL", "CANCEL_AT_PERIOD_END", "RESUME", "CHANGE_QUANTITY", "PAY_INVOICE", "PORTAL"),
	}
}

func (w *walker) key(t *testing.T, scopes []string) testkit.Client {
	t.Helper()
	name := strings.Join(scopes, " ")
	if _, ok := w.keys[name]; !ok {
		w.keys[name] = create(t, w.k, append([]string{everybodys}, scopes...)...)
	}
	return w.keys[name]
}

// everybodys is a scope that all keys of the walk have, and that lets read nothing.
const everybodys = "CREATE_CUSTOMER_SESSIONS"

var allToRead = []string{"READ_CATALOG", "READ_CUSTOMERS", "READ_INVOICES", "READ_OPERATIONS", "READ_SUBSCRIPTIONS", "WRITE_API_KEYS"}

// asKeys goes the ways to objects with a key that has just the scopes of a way, and
// with keys that lack one of those. It says what it finds wrong, at most once for each way.
func (w *walker) asKeys(t *testing.T, wrong func(format string, args ...any) (goOn bool)) {
	t.Helper()
	for _, r := range w.routes {
		if len(r.scopes) == 0 {
			continue
		}
		all := r.run(t, w.k.Client)
		if all.code != "" {
			t.Fatalf("the admin: %s: %s", r.document, all.raw)
		}
		just := r.run(t, w.key(t, r.scopes))
		if len(just.ends) != len(all.ends) && !r.mixed || just.code != "" && !r.mixed && len(all.ends) > 0 {
			if !wrong("with %v: %s\n%s", r.scopes, r.document, just.raw) {
				return
			}
		}
		for _, lacks := range r.scopes {
			others := slices.DeleteFunc(slices.Clone(allToRead), func(s string) bool { return s == lacks })
			got := r.run(t, w.key(t, others))
			silence := r.silent && got.code == "" || len(all.ends) == 0
			if len(got.ends) > 0 || got.code != "FORBIDDEN" && !silence {
				if !wrong("without %s: %s\n%s", lacks, r.document, got.raw) {
					return
				}
			}
		}
	}
}

// reads read each type of rows as the program itself does for whoever asks.
func (w *walker) reads() map[string]func(context.Context) (int, error) {
	c := w.k.Store.Reader
	return map[string]func(context.Context) (int, error){
		"Product": c.Product.Query().Count, "Price": c.Price.Query().Count, "Customer": c.Customer.Query().Count,
		"Subscription": c.Subscription.Query().Count, "SubscriptionItem": c.SubscriptionItem.Query().Count,
		"SubscriptionTransition": c.SubscriptionTransition.Query().Count, "Invoice": c.Invoice.Query().Count,
		"Operation": c.Operation.Query().Count, "StripeCall": c.StripeCall.Query().Count,
		"WebhookEvent": c.WebhookEvent.Query().Count, "Difference": c.Difference.Query().Count, "ApiKey": c.ApiKey.Query().Count,
		// For nobody.
		"CustomerSession": c.CustomerSession.Query().Count, "IdempotencyKey": c.IdempotencyKey.Query().Count,
		"GoneObject": c.GoneObject.Query().Count, "StripeAccount": c.StripeAccount.Query().Count,
	}
}

// rowsOfAnn are how many rows of each type Ann may read.
var rowsOfAnn = map[string]int{
	"Product": 1, "Price": 1, "Customer": 1, "Subscription": 1, "SubscriptionItem": 1, "SubscriptionTransition": 1, "Invoice": 1,
}

// byRows reads every type of rows as each principal, without the API in between.
func (w *walker) byRows(t *testing.T, wrong func(format string, args ...any) (goOn bool)) {
	t.Helper()
	ann := auth.With(t.Context(), auth.Principal{ID: "a", Kind: auth.KindCustomer, CustomerID: w.w.ann.customer})
	nobody := auth.With(t.Context(), auth.Principal{ID: "b", Kind: "ANOTHER", Scopes: auth.Scopes})
	for typ, count := range w.reads() {
		for _, scope := range auth.Scopes {
			key := auth.With(t.Context(), auth.Principal{ID: "k", Kind: auth.KindAPIKey, Scopes: []auth.Scope{everybodys, scope}})
			may := scopeOf[typ] == strings.Replace(string(scope), "WRITE_", "READ_", 1) || scopeOf[typ] == string(scope)
			if n, err := count(key); (err == nil && n > 0) != may && !wrong("with %s: %d of %s, %v", scope, n, typ, err) {
				return
			}
		}
		if n, err := count(ann); (n != rowsOfAnn[typ] || err != nil) && !wrong("Ann reads %d of %s, %v", n, typ, err) {
			return
		}
		if n, err := count(nobody); (n != 0 || err != nil) && !wrong("nobody reads %d of %s, %v", n, typ, err) {
			return
		}
	}
}

var ids = regexp.MustCompile(`"([a-z]{3}_[0-9a-z]{20,})"`)

// asCustomer goes all ways as Ann. She must find all that is hers and what is on
// sale, and nothing else.
func (w *walker) asCustomer(t *testing.T, wrong func(format string, args ...any) (goOn bool)) {
	t.Helper()
	seen := map[string]bool{}
	look := func(document, raw string) bool {
		for _, id := range ids.FindAllStringSubmatch(raw, -1) {
			seen[id[1]] = true
			if !w.w.visible[id[1]] && !wrong("Ann sees %s: %s\n%s", id[1], document, raw) {
				return false
			}
		}
		if mark := marks.FindString(raw); mark != "" {
			return wrong("Ann sees %q: %s\n%s", mark, document, raw)
		}
		return true
	}
	for _, r := range w.routes {
		got := r.run(t, w.ann)
		data, _ := json.Marshal(got.data)
		if got.code != "" && got.code != "FORBIDDEN" && !wrong("Ann gets %s: %s\n%s", got.code, r.document, got.raw) {
			return
		}
		if !look(r.document, string(data)) {
			return
		}
		own := r
		own.document = strings.NewReplacer(w.w.bob.customer, w.w.ann.customer, w.w.bob.subscription, w.w.ann.subscription,
			w.w.bob.item, w.w.ann.item, w.w.bob.invoice, w.w.ann.invoice).Replace(r.document)
		if own.document == r.document {
			continue
		}
		if got := own.run(t, w.ann); !look(own.document, got.raw) {
			return
		}
	}
	for id := range w.w.visible {
		if !seen[id] && !wrong("Ann never sees %s", id) {
			return
		}
	}
}

// Every principal goes every way through the schema, to every object and field.
func TestEveryWay(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := newWalker(t, k)
		t.Logf("%d ways", len(w.routes))
		types := map[string]bool{}
		for _, r := range w.routes {
			types[r.end] = true
		}
		for typ := range scopeOf {
			if !types[typ] {
				t.Errorf("no way leads to %s", typ)
			}
		}
		found := 0
		wrong := func(format string, args ...any) bool {
			t.Errorf(format, args...)
			found++
			return found < 20
		}
		w.asKeys(t, wrong)
		w.asCustomer(t, wrong)
		w.byRows(t, wrong)
	})
}

// The walk finds each rule that is taken out.
func TestEveryWayFindsEachMissingRule(t *testing.T) {
	t.Parallel()
	rules := access.DefaultRules()
	k := testkit.New(t, "sqlite", testkit.Idle, func(s *app.Settings) { s.Access = rules })
	w := newWalker(t, k)
	finds := func(what string, walks ...func(*testing.T, func(string, ...any) bool)) {
		t.Helper()
		found := false
		for _, walk := range walks {
			if !found {
				walk(t, func(string, ...any) bool { found = true; return false })
			}
		}
		if !found {
			t.Errorf("nobody notices that %s", what)
		}
	}
	for typ, scope := range access.DefaultRules().Scopes {
		rules.Scopes[typ] = everybodys
		finds("every key reads "+typ, w.byRows)
		if slices.Contains([]string{"Product", "Customer", "Invoice"}, typ) {
			finds("every key reads "+typ+", through the API", w.asKeys)
		}
		rules.Scopes[typ] = scope
	}
	all := func(*sql.Selector, string) {}
	for typ := range scopeOf {
		if typ == "BillingHealth" {
			continue // is no row
		}
		rule, ok := rules.Customers[typ]
		rules.Customers[typ] = all
		finds("a customer sees every "+typ, w.asCustomer, w.byRows)
		if rules.Customers[typ] = rule; !ok {
			delete(rules.Customers, typ)
		}
	}
	w.asKeys(t, func(format string, args ...any) bool { t.Errorf(format, args...); return false })
	w.asCustomer(t, func(format string, args ...any) bool { t.Errorf(format, args...); return false })
}
