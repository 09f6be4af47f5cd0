package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vikstrous/dataloadgen"

	"tallystick/ent"
	"tallystick/ent/operation"
)

// loaders gather what the fields of one request ask for one by one, so that a
// page costs a constant number of statements.
type loaders struct {
	operations *dataloadgen.Loader[string, *ent.Operation]
	nodes      *dataloadgen.Loader[string, ent.Noder]
}

type loadersKey struct{}

func loadersFrom(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) } //nolint:forcetypeassert // see WithLoaders

// WithLoaders gives each GraphQL operation its own loaders.
func (r *Resolver) WithLoaders(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	const wait = time.Millisecond
	l := &loaders{
		operations: dataloadgen.NewMappedLoader(r.operations, dataloadgen.WithWait(wait)),
		nodes:      dataloadgen.NewMappedLoader(r.subjects, dataloadgen.WithWait(wait)),
	}
	return next(context.WithValue(ctx, loadersKey{}, l))
}

func (r *Resolver) operations(ctx context.Context, ids []string) (map[string]*ent.Operation, error) {
	rows, err := r.store.Client.Operation.Query().Where(operation.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, err
	}
	return byID(ids, rows), nil
}

func byID(ids []string, rows []*ent.Operation) map[string]*ent.Operation {
	found := make(map[string]*ent.Operation, len(ids))
	for _, id := range ids {
		found[id] = nil // null, not an error, for what is not there
	}
	for _, row := range rows {
		found[row.ID] = row
	}
	return found
}

func (r *Resolver) subjects(ctx context.Context, ids []string) (map[string]ent.Noder, error) {
	found, err := r.nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			found[id] = nil
		}
	}
	return found, nil
}
