package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// SubscriptionItem is one price of a subscription, with a quantity: seats, say.
type SubscriptionItem struct{ ent.Schema }

// Mixin of SubscriptionItem.
func (SubscriptionItem) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.SubscriptionItemPrefix}, timeMixin{}, linkMixin{}}
}

// Fields of SubscriptionItem.
func (SubscriptionItem) Fields() []ent.Field {
	return []ent.Field{
		field.String("subscription_id").Immutable(),
		field.String("price_id"),
		field.String("product_id").Comment("The price's product."),
		field.Int64("quantity").Optional().Nillable().Comment("Null for what is metered."),
	}
}

// Edges of SubscriptionItem.
func (SubscriptionItem) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("subscription", Subscription.Type).Ref("items").Field("subscription_id").Unique().Required().Immutable(),
		edge.To("price", Price.Type).Field("price_id").Unique().Required(),
		edge.To("product", Product.Type).Field("product_id").Unique().Required(),
	}
}

// Indexes of SubscriptionItem.
func (SubscriptionItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("subscription_id"),
		index.Fields("price_id"),
	}
}

// Annotations of SubscriptionItem.
func (SubscriptionItem) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "subscription_items"}}
}
