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

// SubscriptionTransition is one change of a subscription's state: what it
// was, what it became, and by what.
type SubscriptionTransition struct{ ent.Schema }

// Mixin of SubscriptionTransition.
func (SubscriptionTransition) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.TransitionPrefix}}
}

// Fields of SubscriptionTransition.
func (SubscriptionTransition) Fields() []ent.Field {
	return []ent.Field{
		field.String("subscription_id").Immutable(),
		field.Enum("from").GoType(billing.SubscriptionStatus("")).Optional().Nillable().Immutable().
			Comment("Null for the first one."),
		field.Enum("to").GoType(billing.SubscriptionStatus("")).Immutable(),
		field.Enum("cause").GoType(billing.SubscriptionEvent("")).Immutable(),
		field.Bool("expected").Default(true).Immutable().
			Comment("False when Stripe reported a change that the state table does not have."),
		field.String("operation_id").Optional().Nillable().Immutable(),
		field.Time("at").Default(now).Immutable(),
	}
}

// Edges of SubscriptionTransition.
func (SubscriptionTransition) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("subscription", Subscription.Type).Ref("history").Field("subscription_id").
			Unique().Required().Immutable(),
		edge.To("operation", Operation.Type).Field("operation_id").Unique().Immutable(),
	}
}

// Indexes of SubscriptionTransition.
func (SubscriptionTransition) Indexes() []ent.Index {
	return []ent.Index{index.Fields("subscription_id", "at")}
}

// Annotations of SubscriptionTransition.
func (SubscriptionTransition) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "subscription_transitions"}}
}
