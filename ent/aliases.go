package ent

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// entgql loads what a document asks for ahead of time, and finds it there by the names
// that answers have. The functions here keep it right where a document gives names of
// its own: what cannot be found ahead of time is loaded when it is answered, whole.

// asksFor reports whether a connection is asked for its field of a name, whatever that
// is called in the answer. The path leads to the connection.
func asksFor(ctx context.Context, path []string, name string) bool {
	if graphql.GetFieldContext(ctx) == nil {
		return true
	}
	connection := collectedField(ctx, path...)
	if connection == nil {
		return false
	}
	for _, f := range graphql.CollectFields(graphql.GetOperationContext(ctx), connection.Selections, nil) {
		if f.Name == name {
			return true
		}
	}
	return false
}

// nodes is what a connection is asked about each of its nodes; nil where that is said in
// more than one place, or by other names. The path leads to the connection.
func nodes(ctx context.Context, path ...string) *graphql.CollectedField {
	if graphql.GetFieldContext(ctx) == nil {
		return nil
	}
	field := collectedField(ctx, path...)
	for _, name := range []string{edgesField, nodeField} {
		if field == nil {
			return nil
		}
		var only *graphql.CollectedField
		for _, f := range graphql.CollectFields(graphql.GetOperationContext(ctx), field.Selections, nil) {
			switch {
			case f.Name != name:
			case only != nil, f.Alias != name:
				return nil
			default:
				only = &f
			}
		}
		field = only
	}
	return field
}

// asksTwice reports whether an object is asked for another one in more than one place of
// its selection: loaded ahead of time, it would have what the last place asks for alone.
// Connections are told apart by their names.
func asksTwice(oc *graphql.OperationContext, collected graphql.CollectedField, satisfies []string) bool {
	seen := map[string]bool{}
	for _, f := range graphql.CollectFields(oc, collected.Selections, satisfies) {
		if len(f.SelectionSet) == 0 || f.Definition == nil || strings.HasSuffix(f.Definition.Type.Name(), "Connection") {
			continue
		}
		if seen[f.Name] {
			return true
		}
		seen[f.Name] = true
	}
	return false
}
