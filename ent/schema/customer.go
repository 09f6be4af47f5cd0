package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"tallystick/internal/billing"
)

// Customer is someone who is billed. Its e-mail is unique among the customers
// that are not deleted, whatever its case: a partial index over lower(email),
// which the migrations add (see migrate/diff).
type Customer struct{ ent.Schema }

// Mixin of Customer.
func (Customer) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.CustomerPrefix}, timeMixin{}, linkMixin{}, softDeleteMixin{}}
}

// Fields of Customer.
func (Customer) Fields() []ent.Field {
	return []ent.Field{
		field.String("email").NotEmpty().Annotations(entgql.OrderField("EMAIL")),
		field.String("name").Default(""),
		field.JSON("metadata", map[string]string{}).Default(map[string]string{}),
	}
}

// Edges of Customer.
func (Customer) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("subscriptions", Subscription.Type).Annotations(entgql.RelayConnection()),
		edge.To("invoices", Invoice.Type).Annotations(entgql.RelayConnection()),
	}
}

// Annotations of Customer.
func (Customer) Annotations() []schema.Annotation { return table("customers") }
