package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// CustomerSession is a token for one customer's browser. Only the hash of its
// secret is kept.
type CustomerSession struct{ ent.Schema }

// Mixin of CustomerSession.
func (CustomerSession) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.CustomerSessionPrefix}}
}

// Fields of CustomerSession.
func (CustomerSession) Fields() []ent.Field {
	return []ent.Field{
		field.String("customer_id").Immutable(),
		field.JSON("actions", []auth.Action{}).Immutable(),
		field.String("prefix").Unique().Immutable().Comment("What the token begins with; it is no secret."),
		field.String("hash").Immutable().Comment("SHA-256 of the secret, in hexadecimal."),
		field.Time("created_at").Immutable().Default(now),
		field.Time("expires_at").Immutable(),
	}
}

// Indexes of CustomerSession.
func (CustomerSession) Indexes() []ent.Index {
	return []ent.Index{index.Fields("customer_id"), index.Fields("expires_at")}
}

// Annotations of CustomerSession.
func (CustomerSession) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "customer_sessions"}, entgql.Skip(entgql.SkipAll)}
}
