// Package graph is the GraphQL executor, generated from schema.graphql.
package graph

//go:generate sh -c "cd .. && go run ./graph/generate"
