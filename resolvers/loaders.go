package resolvers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vikstrous/dataloadgen"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/store"
)

// loaders gather what the fields of one request ask for one by one, so that a
// page costs a constant number of statements.
type loaders struct {
	operations *batches[*ent.Operation]
	subjects   *batches[ent.Noder]
}

type loadersKey struct{}

func loadersFrom(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) } //nolint:forcetypeassert // see WithLoaders

// WithLoaders gives each GraphQL operation its own loaders.
func (r *Resolver) WithLoaders(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, loadersKey{}, &loaders{
		operations: &batches[*ent.Operation]{fetch: r.operations},
		subjects:   &batches[ent.Noder]{fetch: r.subjects},
	}))
}

// batches loads objects by their ids. Rows hold what the request selects of
// them and nothing else, so those that different parts of a document ask for
// are loaded apart.
type batches[V any] struct {
	fetch func(context.Context, []string) (map[string]V, error)

	mu          sync.Mutex
	bySelection map[string]*dataloadgen.Loader[string, V]
}

// load answers nil for what is not there.
func (b *batches[V]) load(ctx context.Context, id string) (V, error) {
	return b.loader(selection(ctx)).Load(ctx, id)
}

func (b *batches[V]) loader(selection string) *dataloadgen.Loader[string, V] {
	const wait = 2 * time.Millisecond
	b.mu.Lock()
	defer b.mu.Unlock()
	loader, ok := b.bySelection[selection]
	if !ok {
		if b.bySelection == nil {
			b.bySelection = map[string]*dataloadgen.Loader[string, V]{}
		}
		loader = dataloadgen.NewMappedLoader(b.fetch, dataloadgen.WithWait(wait))
		b.bySelection[selection] = loader
	}
	return loader
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
	query, err := r.store.Client.Operation.Query().Where(operation.IDIn(ids...)).CollectFields(ctx, "Operation", "Node")
	if err != nil {
		return nil, err
	}
	rows, err := query.All(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*ent.Operation, len(ids))
	for _, row := range rows {
		found[row.ID] = row
	}
	return withNulls(ids, found), nil
}

func (r *Resolver) subjects(ctx context.Context, ids []string) (map[string]ent.Noder, error) {
	found, err := r.nodes(store.WithDeleted(ctx), ids)
	return withNulls(ids, found), err
}

// withNulls adds what was not found: null is no error.
func withNulls[V any](ids []string, found map[string]V) map[string]V {
	var null V
	for _, id := range ids {
		if _, ok := found[id]; !ok && found != nil {
			found[id] = null
		}
	}
	return found
}
