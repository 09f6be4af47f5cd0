package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// Difference is something that was not the same in Stripe and here when both
// halves were compared.
type Difference struct{ ent.Schema }

// Mixin of Difference.
func (Difference) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.DifferencePrefix}, timeMixin{}}
}

// Fields of Difference.
func (Difference) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("kind").GoType(billing.DifferenceKind("")).Immutable(),
		field.String("object_type").Immutable().Comment("Stripe's word: product, price, customer, …"),
		field.String("object_id").Optional().Nillable().Immutable().Comment("The row's id, where there is one."),
		field.String("stripe_id").Optional().Nillable().Immutable(),
		field.String("property").Optional().Nillable().Immutable().Comment("What differs, for CHANGED."),
		field.String("ours").Optional().Nillable(),
		field.String("stripes").Optional().Nillable(),
		field.Time("repaired_at").Optional().Nillable().Comment("Since when both halves are equal again."),
	}
}

// Indexes of Difference.
func (Difference) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("object_type", "created_at"),
		index.Fields("stripe_id").Annotations(entsql.IndexWhere("repaired_at IS NULL")),
	}
}

// Annotations of Difference.
func (Difference) Annotations() []schema.Annotation { return table("differences") }
