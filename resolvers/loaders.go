package resolvers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/resolvers/scalars"
)

// loaders load what rows refer to without an edge of the data model, so that a
// page costs a constant number of statements.
type loaders struct {
	operations *batches[*ent.Operation] // by the links to Stripe
	subjects   *batches[ent.Noder]      // of operations
}

type loadersKey struct{}

func loadersFrom(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) } //nolint:forcetypeassert // see WithLoaders

// maxAnswer is how many bytes of metadata one answer may hold; the rest of an answer
// is bounded by what it costs.
const maxAnswer = 8 << 20

func tooLarge() *gqlerror.Error {
	return &gqlerror.Error{
		Message:    "The answer would be larger than 16 MiB: ask for fewer fields or smaller pages",
		Extensions: map[string]any{"code": "QUERY_TOO_COMPLEX"},
	}
}

// WithLoaders gives each GraphQL operation its own loaders.
func (r *Resolver) WithLoaders(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	watched := graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription
	ctx, budget := r.forAnswer(ctx)
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		budget := budget
		if watched { // each answer is one of its own
			ctx, budget = r.forAnswer(ctx)
		}
		response := respond(ctx)
		if budget.Exceeded() {
			return &graphql.Response{Errors: gqlerror.List{tooLarge()}}
		}
		return response
	}
}

// forAnswer prepares a context for one answer.
func (r *Resolver) forAnswer(ctx context.Context) (context.Context, *scalars.Budget) {
	return scalars.WithBudget(context.WithValue(ctx, loadersKey{}, &loaders{
		operations: newBatches(r.operations),
		subjects:   newBatches(r.subjects),
	}), maxAnswer)
}

// expectReferred is an interceptor of queries. It notes what the rows refer to
// that a request has found, so that the first field that asks for one of those
// gets all of them loaded.
func expectReferred(next ent.Querier) ent.Querier {
	return ent.QuerierFunc(func(ctx context.Context, query ent.Query) (ent.Value, error) {
		found, err := next.Query(ctx, query)
		l, ok := ctx.Value(loadersKey{}).(*loaders)
		if !ok || err != nil {
			return found, err
		}
		switch rows := found.(type) {
		case []*ent.Operation:
			for _, row := range rows {
				l.subjects.expect(row.SubjectID)
			}
		case []*ent.Difference:
			for _, row := range rows {
				if row.ObjectID != nil {
					l.subjects.expect(*row.ObjectID)
				}
			}
		case []*ent.Product:
			expectOperations(l, rows)
		case []*ent.Price:
			expectOperations(l, rows)
		case []*ent.Customer:
			expectOperations(l, rows)
		case []*ent.Subscription:
			expectOperations(l, rows)
		case []*ent.Invoice:
			expectOperations(l, rows)
		}
		return found, nil
	})
}

func expectOperations[T interface{ StripeOperation() *string }](l *loaders, rows []T) {
	for _, row := range rows {
		if id := row.StripeOperation(); id != nil {
			l.operations.expect(*id)
		}
	}
}

// batches loads objects by their ids, together with all others that are
// expected to be asked for. Rows hold what the request selects of them and
// nothing else, so those that different parts of a document ask for are loaded
// apart. So are those of different types: a caller who may read products and no
// customers gets the products.
type batches[V any] struct {
	fetch func(context.Context, []string) (map[string]V, error)

	mu       sync.Mutex
	expected map[string]bool
	batches  map[string]map[string]*batch[V] // by selection and id
}

type batch[V any] struct {
	loaded chan struct{} // closed when it is
	values map[string]V
	err    error
}

func newBatches[V any](fetch func(context.Context, []string) (map[string]V, error)) *batches[V] {
	return &batches[V]{fetch: fetch, expected: map[string]bool{}, batches: map[string]map[string]*batch[V]{}}
}

func (b *batches[V]) expect(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected[id] = true
}

// load answers the zero value for what is not there.
func (b *batches[V]) load(ctx context.Context, id string) (V, error) {
	of, ids := b.join(selection(ctx), id)
	if ids != nil {
		of.err = errors.New("loading did not come to its end")
		func() {
			defer close(of.loaded)
			of.values, of.err = b.fetch(ctx, ids)
		}()
	}
	<-of.loaded
	return of.values[id], of.err
}

// join finds the batch that an id is in. Where there is none yet, the caller
// gets the ids of a new one to load.
func (b *batches[V]) join(selection, id string) (of *batch[V], ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.batches[selection]
	if known == nil {
		known = map[string]*batch[V]{}
		b.batches[selection] = known
	}
	if of, ok := known[id]; ok {
		return of, nil
	}
	of = &batch[V]{loaded: make(chan struct{})}
	known[id], ids = of, []string{id}
	for other := range b.expected {
		if known[other] == nil && billing.Prefix(other) == billing.Prefix(id) {
			known[other], ids = of, append(ids, other)
		}
	}
	return of, ids
}

// selection tells what the field that is being answered selects.
func selection(ctx context.Context) string {
	var all strings.Builder
	for _, s := range graphql.GetFieldContext(ctx).Field.Selections {
		fmt.Fprintf(&all, "%p ", s)
	}
	return all.String()
}

func (r *Resolver) operations(ctx context.Context, ids []string) (map[string]*ent.Operation, error) {
	query, err := r.store.Reader.Operation.Query().Where(operation.IDIn(ids...)).CollectFields(ctx, "Operation", "Node")
	if err != nil {
		return nil, err
	}
	rows, err := query.All(ctx)
	found := make(map[string]*ent.Operation, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, err
}

func (r *Resolver) subjects(ctx context.Context, ids []string) (map[string]ent.Noder, error) {
	return r.nodes(store.WithDeleted(ctx), ids)
}
