package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// Subscription is a customer's promise to pay a price again and again. Its
// row mirrors Stripe's subscription.
type Subscription struct{ ent.Schema }

// Mixin of Subscription.
func (Subscription) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.SubscriptionPrefix}, timeMixin{}, linkMixin{}}
}

// Fields of Subscription.
func (Subscription) Fields() []ent.Field {
	return []ent.Field{
		field.String("customer_id").Immutable(),
		field.String("price_id").Comment("Of the first item."),
		field.String("product_id").Comment("The price's product."),
		field.String("only_price_id").Optional().Nillable().Comment("Of the only item; null when there are several."),
		field.String("only_product_id").Optional().Nillable(),
		field.Int("item_count").Default(1),
		field.String("currency").Optional().Nillable().MaxLen(3),
		field.JSON("metadata", map[string]string{}).Optional(),
		field.Enum("paused_behavior").GoType(billing.PauseBehavior("")).Optional().Nillable().
			Comment("What becomes of invoices while the collection of payments is paused; null when it is not."),
		field.Time("paused_until").Optional().Nillable(),
		field.Enum("status").GoType(billing.SubscriptionStatus("")).Default(string(billing.SubscriptionIncomplete)),
		field.Enum("collection").GoType(billing.CollectionMethod("")).Default(string(billing.CollectionChargeAutomatically)),
		field.Bool("cancel_at_period_end").Default(false),
		field.Time("cancel_at").Optional().Nillable(),
		field.Time("canceled_at").Optional().Nillable(),
		field.Time("ended_at").Optional().Nillable(),
		field.Time("current_period_start").Optional().Nillable(),
		field.Time("current_period_end").Optional().Nillable().Annotations(entgql.OrderField("CURRENT_PERIOD_END")),
		field.Time("trial_end").Optional().Nillable(),
		field.String("latest_invoice_id").Optional().Nillable(),
	}
}

// Edges of Subscription.
func (Subscription) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("customer", Customer.Type).Ref("subscriptions").Field("customer_id").Unique().Required().Immutable(),
		edge.To("only_price", Price.Type).Field("only_price_id").Unique().Annotations(entgql.MapsTo("price")),
		edge.To("only_product", Product.Type).Field("only_product_id").Unique().Annotations(entgql.MapsTo("product")),
		edge.To("price", Price.Type).Field("price_id").Unique().Required().Annotations(entgql.Skip(entgql.SkipAll)),
		edge.To("product", Product.Type).Field("product_id").Unique().Required().Annotations(entgql.Skip(entgql.SkipAll)),
		edge.To("latest_invoice", Invoice.Type).Field("latest_invoice_id").Unique(),
		edge.To("items", SubscriptionItem.Type),
		edge.To("invoices", Invoice.Type).Annotations(entgql.RelayConnection()),
		edge.To("history", SubscriptionTransition.Type),
	}
}

// Indexes of Subscription.
func (Subscription) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("customer_id", "id"),
		index.Fields("status", "id"),
		index.Fields("updated_at", "id"),
		index.Fields("price_id"),
		index.Fields("product_id"),
	}
}

// Annotations of Subscription.
func (Subscription) Annotations() []schema.Annotation { return table("subscriptions") }
