package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// WebhookEvent is an event that Stripe has sent. Only what it is about is
// kept: the object is read from Stripe before anything is applied.
type WebhookEvent struct{ ent.Schema }

// Mixin of WebhookEvent.
func (WebhookEvent) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.WebhookEventPrefix}, timeMixin{}}
}

// Fields of WebhookEvent.
func (WebhookEvent) Fields() []ent.Field {
	return []ent.Field{
		field.String("stripe_event_id").Unique().Immutable(),
		field.String("type").Immutable(),
		field.String("object_type").Immutable().Comment("What it is about: customer, subscription, …"),
		field.String("object_id").Immutable().Comment("The object's id in Stripe."),
		field.Enum("status").GoType(billing.WebhookStatus("")).Default(string(billing.WebhookPending)),
		field.Int("attempts").Default(0),
		field.String("last_error").Optional().Nillable(),
		field.Time("next_attempt_at").Optional().Nillable(),
		field.Time("claimed_until").Optional().Nillable().Comment("Until when a process is at it."),
		field.Time("occurred_at").Immutable().Comment("When it happened in Stripe."),
		field.Bool("missed").Default(false).Comment("Stripe lists it, and it has not come by webhook."),
		field.Time("processed_at").Optional().Nillable(),
	}
}

// Indexes of WebhookEvent.
func (WebhookEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("object_id").Annotations(entsql.IndexWhere("processed_at IS NULL")),
		index.Fields("next_attempt_at").Annotations(entsql.IndexWhere("processed_at IS NULL")),
		index.Fields("object_id", "id"),
		index.Fields("type", "id"),
		index.Fields("status", "id"),
		index.Fields("updated_at", "id"),
		index.Fields("processed_at"),
		index.Fields("created_at").Annotations(entsql.IndexWhere("missed")), // few of all
	}
}

// Annotations of WebhookEvent.
func (WebhookEvent) Annotations() []schema.Annotation { return table("webhook_events") }
