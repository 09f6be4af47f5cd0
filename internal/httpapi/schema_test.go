package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const testSDL = `
schema { query: Query mutation: Mutation subscription: LiveUpdates }

scalar Int64
scalar Metadata
enum Interval { MONTH YEAR }

interface Node { id: ID! }

type Query {
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  products(first: Int, last: Int, after: String, before: String, limit: Int, filter: ProductFilter): ProductConnection!
  customers(first: Int, last: Int, after: String, before: String): CustomerConnection!
  billingHealth: BillingHealth
  unpaged: ProductConnection!
  echo(text: String, number: Int, big: Int64, interval: Interval, metadata: Metadata): String
  "Adds an error of its own."
  broken: String
  "Adds as many errors as asked for."
  breaks(times: Int!): String
  "Panics outside of any resolver."
  fault: String
}

input ProductFilter { active: Boolean }
type BillingHealth { stripe: String! }
type Mutation { rename(input: RenameInput!): Product }
input RenameInput { id: ID!, name: String!, position: Int }
type LiveUpdates { ticks: Int! }

type PageInfo { hasNextPage: Boolean! endCursor: String }
type ProductConnection { edges: [ProductEdge!]! nodes: [Product!]! pageInfo: PageInfo! totalCount: Int! }
type ProductEdge { node: Product! cursor: String! }
type CustomerConnection { edges: [CustomerEdge!]! pageInfo: PageInfo! totalCount: Int! }
type CustomerEdge { node: Customer! cursor: String! }
type SubscriptionConnection { edges: [SubscriptionEdge!]! pageInfo: PageInfo! totalCount: Int! }
type SubscriptionEdge { node: Subscription! cursor: String! }
type PriceConnection { edges: [PriceEdge!]! pageInfo: PageInfo! totalCount: Int! }
type PriceEdge { node: Price! cursor: String! }

type Product implements Node {
  id: ID! name: String! description: String active: Boolean! createdAt: String! updatedAt: String!
  defaultPrice: Price
  prices(first: Int, last: Int, after: String, before: String): PriceConnection!
}
type Price implements Node {
  id: ID! unitAmount: Money! recurring: Recurring nickname: String lookupKey: String status: String! product: Product!
}
type Money { amount: Int! currency: String! }
type Recurring { interval: Interval! intervalCount: Int! }
type Customer implements Node {
  id: ID! name: String email: String!
  subscriptions(first: Int, last: Int, after: String, before: String): SubscriptionConnection!
}
type Subscription implements Node {
  id: ID! status: String! cancelAtPeriodEnd: Boolean! customer: Customer! price: Price! product: Product!
  availableActions: [String!]!
  history: [Transition!]!
  items: [SubscriptionItem!]!
}
type SubscriptionItem { id: ID! quantity: Int }
type Transition { from: String to: String! cause: String! subscription: Subscription! }
`

// testSchema executes any document of testSDL: every list holds one entry and every
// scalar a placeholder. It keeps the arguments that each field with arguments was
// given, as a resolver would see them, by the field's path after what the header
// Test-Prefix says.
type testSchema struct {
	schema *ast.Schema

	mu   sync.Mutex
	seen map[string]map[string]any
}

func newTestSchema() *testSchema {
	return &testSchema{
		schema: gqlparser.MustLoadSchema(&ast.Source{Name: "test.graphql", Input: testSDL}),
		seen:   map[string]map[string]any{},
	}
}

func (s *testSchema) Schema() *ast.Schema { return s.schema }

func (s *testSchema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (s *testSchema) arguments(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen[path])
}

func (s *testSchema) Exec(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response { return s.response(ctx) }
}

func (s *testSchema) response(ctx context.Context) *graphql.Response {
	opCtx := graphql.GetOperationContext(ctx)
	root := s.schema.Query
	if opCtx.Operation.Operation == ast.Mutation {
		root = s.schema.Mutation
	}
	data, err := json.Marshal(s.object(ctx, root, opCtx.Operation.SelectionSet, ""))
	if err != nil {
		panic(err)
	}
	return &graphql.Response{Data: data}
}

func (s *testSchema) object(ctx context.Context, typ *ast.Definition, set ast.SelectionSet, path string) any {
	opCtx := graphql.GetOperationContext(ctx)
	object := map[string]any{}
	for _, field := range graphql.CollectFields(opCtx, set, append(typ.Interfaces, typ.Name)) {
		here := strings.TrimPrefix(path+"."+field.Alias, ".")
		args := field.ArgumentMap(opCtx.Variables)
		if len(field.Definition.Arguments) > 0 {
			s.mu.Lock()
			s.seen[opCtx.Headers.Get("Test-Prefix")+here] = args
			s.mu.Unlock()
		}
		switch field.Name {
		case "__typename":
			object[field.Alias] = typ.Name
		case "__schema":
			object[field.Alias] = introspect(opCtx, reflect.ValueOf(introspection.WrapSchema(s.schema)), field.Selections)
		case "__type":
			object[field.Alias] = nil
		default:
			object[field.Alias] = s.value(ctx, field, args, here)
		}
	}
	return object
}

func (s *testSchema) value(ctx context.Context, field graphql.CollectedField, args map[string]any, path string) any {
	switch field.Name {
	case "fault":
		panic("a fault")
	case "broken":
		graphql.AddError(ctx, errors.New("broken on purpose"))
		return nil
	case "breaks":
		for range int(args["times"].(int64)) {
			graphql.AddError(ctx, errors.New("broken on purpose"))
		}
		return nil
	case "node":
		if field.Definition.Type.NamedType == "Node" {
			return s.object(ctx, s.schema.Types["Product"], field.Selections, path)
		}
	}
	typ := s.schema.Types[field.Definition.Type.Name()]
	var value any
	switch {
	case typ.Kind == ast.Interface:
		value = s.object(ctx, s.schema.Types["Product"], field.Selections, path)
	case typ.IsCompositeType():
		value = s.object(ctx, typ, field.Selections, path)
	default:
		value = placeholder(typ)
	}
	if field.Definition.Type.Elem != nil {
		return []any{value}
	}
	return value
}

func placeholder(typ *ast.Definition) any {
	switch typ.Name {
	case "Int", "Int64":
		return 1200
	case "Boolean":
		return true
	case "Interval":
		return "MONTH"
	}
	return "Espresso subscription"
}

// introspect resolves introspection fields to the methods and fields of gqlgen's
// introspection types.
func introspect(opCtx *graphql.OperationContext, v reflect.Value, set ast.SelectionSet) any {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, introspect(opCtx, v.Index(i), set))
		}
		return list
	case len(set) == 0:
		return v.Interface()
	case v.Kind() != reflect.Pointer:
		pointer := reflect.New(v.Type())
		pointer.Elem().Set(v)
		v = pointer
	}
	object := map[string]any{}
	for _, field := range graphql.CollectFields(opCtx, set, nil) {
		object[field.Alias] = introspect(opCtx, member(v, field.Name), field.Selections)
	}
	return object
}

func member(v reflect.Value, name string) reflect.Value {
	name = strings.ToUpper(name[:1]) + name[1:]
	if name == "SpecifiedByURL" || name == "__typename" {
		return reflect.ValueOf((*string)(nil))
	}
	method := v.MethodByName(name)
	if !method.IsValid() {
		return v.Elem().FieldByName(name)
	}
	var in []reflect.Value
	if method.Type().NumIn() > 0 {
		in = append(in, reflect.ValueOf(true))
	}
	return method.Call(in)[0]
}
