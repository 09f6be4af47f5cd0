package resolvers

import (
	"github.com/99designs/gqlgen/graphql"

	"tallystick/graph"
)

// PlainSchema is [Resolver.Schema] without the writers: gqlgen's own.
func (r *Resolver) PlainSchema() graphql.ExecutableSchema {
	return graph.NewExecutableSchema(r.config())
}
