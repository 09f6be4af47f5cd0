// Package ent is the data model. Its tables are described in schema, the rest
// is generated from them.
package ent

//go:generate go run entc.go
