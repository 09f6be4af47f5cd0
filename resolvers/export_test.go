package resolvers

import (
	"github.com/99designs/gqlgen/graphql"

	"tallystick/ent"
	"tallystick/graph"
)

// ExpectReferred is the interceptor of the readers.
var ExpectReferred ent.Interceptor = ent.InterceptFunc(expectReferred)

// PlainSchema is [Resolver.Schema] without the writers: gqlgen's own.
func (r *Resolver) PlainSchema() graphql.ExecutableSchema {
	return graph.NewExecutableSchema(r.config())
}
