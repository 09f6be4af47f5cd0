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

// Customer is someone who is billed. An e-mail that was claimed here is unique
// among the customers that are not deleted, whatever its case: a partial index
// over lower(email), which the migrations add (see migrate/diff). In Stripe
// anybody can have any e-mail, or none.
type Customer struct{ ent.Schema }

// Mixin of Customer.
func (Customer) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.CustomerPrefix}, timeMixin{}, linkMixin{}, softDeleteMixin{}}
}

// Fields of Customer.
func (Customer) Fields() []ent.Field {
	return []ent.Field{
		field.String("email").Annotations(entgql.OrderField("EMAIL")).Comment("Empty for none."),
		field.Bool("email_claimed").Default(true).
			Comment("False for an e-mail that another customer had when Stripe reported this one."),
		field.String("external_id").Optional().Nillable().
			Comment("The application's own id; unique among customers that are not deleted."),
		field.String("name").Default("").Annotations(entgql.OrderField("NAME")),
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

// Indexes of Customer.
func (Customer) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("email", "id"),
		index.Fields("name", "id"),
		index.Fields("updated_at", "id"),
		index.Fields("external_id").Unique().Annotations(entsql.IndexWhere("deleted_at IS NULL")),
	}
}

// Annotations of Customer.
func (Customer) Annotations() []schema.Annotation { return table("customers") }
