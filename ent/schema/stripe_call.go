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

// StripeCall is one HTTP request to Stripe. The row is written before the
// request leaves, so that a call whose answer was lost is on record too.
type StripeCall struct{ ent.Schema }

// Mixin of StripeCall.
func (StripeCall) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.StripeCallPrefix}}
}

// Fields of StripeCall.
func (StripeCall) Fields() []ent.Field {
	return []ent.Field{
		field.String("operation_id").Immutable(),
		field.String("method").Immutable(),
		field.String("path").Immutable(),
		field.String("idempotency_key").Optional().Nillable().Immutable(),
		field.Int("status").Optional().Nillable().Comment("Null when no answer came."),
		field.String("request_id").Optional().Nillable(),
		field.String("error_code").Optional().Nillable(),
		field.Int("duration_ms").Default(0),
		field.Time("at").Default(now).Immutable(),
	}
}

// Edges of StripeCall.
func (StripeCall) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("operation", Operation.Type).Ref("stripe_calls").Field("operation_id").
			Unique().Required().Immutable(),
	}
}

// Indexes of StripeCall.
func (StripeCall) Indexes() []ent.Index {
	return []ent.Index{index.Fields("operation_id", "at"), index.Fields("at")}
}

// Annotations of StripeCall.
func (StripeCall) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "stripe_calls"}}
}
