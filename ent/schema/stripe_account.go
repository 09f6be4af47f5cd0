package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// StripeAccount is whom the database belongs to for life: one account of
// Stripe's in one mode, or one sandbox. There is one row at most. It also tells
// how far Stripe has been read.
type StripeAccount struct{ ent.Schema }

// Fields of StripeAccount.
func (StripeAccount) Fields() []ent.Field {
	return []ent.Field{
		field.Int("id").Immutable().Comment("Always 1."),
		field.String("account_id").Comment("Stripe's id; empty when the key may not tell it."),
		field.Bool("livemode").Immutable(),
		field.Bool("sandbox").Immutable(),
		field.Time("events_read_to").Optional().Nillable().
			Comment("Up to when Stripe's list of events has been read."),
		field.Time("swept_at").Optional().Nillable().Comment("When that list was last read."),
		field.Time("reconciled_at").Optional().Nillable().Comment("When both halves were last compared completely."),
		field.Time("created_at").Immutable().Default(now),
	}
}

// Annotations of StripeAccount.
func (StripeAccount) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "stripe_accounts"}, entgql.Skip(entgql.SkipAll)}
}
