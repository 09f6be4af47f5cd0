package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// Operation is one change to both halves: what is to be done, how far it has
// come, and who is at it.
type Operation struct{ ent.Schema }

// Mixin of Operation.
func (Operation) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.OperationPrefix}, timeMixin{}}
}

// Fields of Operation.
func (Operation) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("kind").GoType(billing.OperationKind("")).Immutable(),
		field.Enum("status").GoType(billing.OperationStatus("")).Default(string(billing.OperationPending)),
		field.String("subject_id").Immutable().Comment("The object that the operation changes."),
		field.String("scope_id").Immutable().
			Comment("The product or customer within which operations run one at a time."),
		field.Int("position").Immutable().Comment("The operation's place in its scope's order."),
		field.JSON("params", json.RawMessage{}).Immutable().Comment("The frozen input."),
		field.JSON("steps", []billing.OperationStep{}),
		field.Int("attempts").Default(0),
		field.Int("faults").Default(0).
			Comment("How often something here, and not Stripe, has stopped the operation since it was begun."),
		field.String("requested_by_kind").Optional().Nillable().Immutable().Comment("The kind of who asked for it; null for the program itself."),
		field.String("requested_by").Optional().Nillable().Immutable().Comment("Who asked for it."),
		field.String("requested_by_label").Optional().Nillable().Immutable(),
		field.String("error_code").Optional().Nillable(),
		field.String("last_error").Optional().Nillable(),
		field.JSON("error_path", []string{}).Optional(),
		field.String("error_node_id").Optional().Nillable(),
		field.String("decline_code").Optional().Nillable(),
		field.Time("next_attempt_at").Optional().Nillable(),
		field.String("lease_token").Optional().Nillable(),
		field.Time("lease_expires_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

// Edges of Operation.
func (Operation) Edges() []ent.Edge {
	return []ent.Edge{edge.To("stripe_calls", StripeCall.Type)}
}

// Indexes of Operation.
func (Operation) Indexes() []ent.Index {
	unfinished := entsql.IndexWhere("finished_at IS NULL")
	return []ent.Index{
		index.Fields("scope_id", "position").Unique(),
		index.Fields("subject_id"),
		index.Fields("kind", "id"),
		index.Fields("status", "id"),
		index.Fields("updated_at", "id"),
		index.Fields("next_attempt_at").Annotations(unfinished),
	}
}

// Annotations of Operation.
func (Operation) Annotations() []schema.Annotation { return table("operations") }
