// Package billing is Tallystick's API as Go functions: one for each operation of queries.graphql, written by genqlient.
package billing

//go:generate go tool genqlient ../genqlient.yaml
