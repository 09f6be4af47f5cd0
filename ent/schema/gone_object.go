package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// GoneObject is an object that Stripe has deleted. Its id is remembered for
// ever, so that late events still find the row that it was the counterpart of,
// and that nothing is linked to it any more.
type GoneObject struct{ ent.Schema }

// Fields of GoneObject.
func (GoneObject) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable().NotEmpty().Comment("Stripe's."),
		field.String("row_id").Optional().Nillable().
			Comment("The row that was its counterpart; null when none was known."),
		field.Time("created_at").Immutable().Default(now),
	}
}

// Annotations of GoneObject.
func (GoneObject) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "gone_objects"}, entgql.Skip(entgql.SkipAll)}
}
