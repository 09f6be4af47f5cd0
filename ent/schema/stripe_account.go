package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// StripeAccount is whom the database belongs to for life: one account of
// Stripe's in one mode, or one sandbox. There is one row at most.
type StripeAccount struct{ ent.Schema }

// Fields of StripeAccount.
func (StripeAccount) Fields() []ent.Field {
	return []ent.Field{
		field.Int("id").Immutable().Comment("Always 1."),
		field.String("account_id").Comment("Stripe's id; empty when the key may not tell it."),
		field.Bool("livemode").Immutable(),
		field.Bool("sandbox").Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

// Annotations of StripeAccount.
func (StripeAccount) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "stripe_accounts"}, entgql.Skip(entgql.SkipAll)}
}
