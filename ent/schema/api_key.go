package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// ApiKey is a key with some scopes. Only the hash of its secret is kept.
type ApiKey struct{ ent.Schema }

// Mixin of ApiKey.
func (ApiKey) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.APIKeyPrefix}, timeMixin{}}
}

// Fields of ApiKey.
func (ApiKey) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").NotEmpty(),
		field.JSON("scopes", []auth.Scope{}),
		field.String("prefix").Unique().Immutable().Comment("What the key begins with; it is no secret."),
		field.String("hash").Comment("SHA-256 of the secret, in hexadecimal."),
		field.String("former_hash").Optional().Nillable().Comment("That of the secret before the last rotation."),
		field.Time("former_until").Optional().Nillable().Comment("Until when that one is accepted."),
		field.Time("expires_at").Optional().Nillable(),
		field.Time("last_used_at").Optional().Nillable(),
		field.Time("revoked_at").Optional().Nillable(),
	}
}

// Annotations of ApiKey.
func (ApiKey) Annotations() []schema.Annotation {
	return table("api_keys")
}
