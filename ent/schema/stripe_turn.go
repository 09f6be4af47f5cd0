package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// StripeTurn is when the next request to Stripe of one kind, a read or a write, may
// leave. All replicas share the account's rate.
type StripeTurn struct{ ent.Schema }

// Fields of StripeTurn.
func (StripeTurn) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable().Comment("What it is the turn of: read or write."),
		field.Time("next"),
	}
}

// Annotations of StripeTurn.
func (StripeTurn) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "stripe_turns"}, entgql.Skip(entgql.SkipAll)}
}
