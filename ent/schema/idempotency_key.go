package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// IdempotencyKey binds a client's key to the operation that its mutation began, or
// to the object that a mutation without an operation made or changed.
type IdempotencyKey struct{ ent.Schema }

// Mixin of IdempotencyKey.
func (IdempotencyKey) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.IdempotencyKeyPrefix}}
}

// Fields of IdempotencyKey.
func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		field.String("principal").Immutable().Comment("Whose key it is; principals do not see each other's."),
		field.String("key").Immutable().NotEmpty(),
		field.String("mutation").Immutable(),
		field.String("input_hash").Immutable().Comment("SHA-256 of the input, in hexadecimal."),
		field.String("operation_id").Optional().Nillable().Immutable(),
		field.String("result_id").Optional().Nillable().Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

// Edges of IdempotencyKey.
func (IdempotencyKey) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("operation", Operation.Type).Field("operation_id").Unique().Immutable().Annotations(entsql.OnDelete(entsql.NoAction)),
	}
}

// Indexes of IdempotencyKey.
func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("principal", "key").Unique(), index.Fields("created_at")}
}

// Annotations of IdempotencyKey.
func (IdempotencyKey) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "idempotency_keys"}, entgql.Skip(entgql.SkipAll)}
}
