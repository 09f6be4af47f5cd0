package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"tallystick/internal/billing"
)

// Product is something that is sold. Products are archived, not deleted.
type Product struct{ ent.Schema }

// Mixin of Product.
func (Product) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.ProductPrefix}, timeMixin{}, linkMixin{}}
}

// Fields of Product.
func (Product) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").NotEmpty().Annotations(entgql.OrderField("NAME")),
		field.Text("description").Optional(),
		field.Bool("active").Default(true),
		field.JSON("metadata", map[string]string{}).Default(map[string]string{}),
		field.String("default_price_id").Optional().Nillable(),
	}
}

// Edges of Product.
func (Product) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("prices", Price.Type).Annotations(entgql.RelayConnection()),
		edge.To("default_price", Price.Type).Unique().Field("default_price_id"),
	}
}

// Annotations of Product.
func (Product) Annotations() []schema.Annotation { return table("products") }
