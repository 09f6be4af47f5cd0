// Package schema describes the tables of the data model.
package schema

import (
	"time"

	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"entgo.io/ent/schema/mixin"

	"tallystick/internal/billing"
)

// now is in UTC and in microseconds, the precision that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// idMixin gives a table global ids of its own prefix.
type idMixin struct {
	mixin.Schema
	prefix string
}

func (m idMixin) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable().NotEmpty().
			DefaultFunc(func() string { return billing.NewID(m.prefix) }),
	}
}

// timeMixin records when a row was made and when it last changed. The rows of
// a connection are ordered by it, the newest first.
type timeMixin struct{ mixin.Schema }

func (timeMixin) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Immutable().Default(now).Annotations(entgql.OrderField("CREATED_AT")),
		field.Time("updated_at").Default(now).UpdateDefault(now).Annotations(entgql.OrderField("UPDATED_AT")),
	}
}

func (timeMixin) Indexes() []ent.Index {
	return []ent.Index{index.Fields("created_at", "id")}
}

// linkMixin ties a row to its counterpart in Stripe.
type linkMixin struct{ mixin.Schema }

// StripeLinked marks the types with a counterpart in Stripe; the template for
// their method Stripe reads it.
type StripeLinked struct{ Linked bool }

// Name implements ent's schema.Annotation.
func (StripeLinked) Name() string { return "StripeLinked" }

func (linkMixin) Annotations() []schema.Annotation {
	return []schema.Annotation{StripeLinked{Linked: true}}
}

func (linkMixin) Fields() []ent.Field {
	return []ent.Field{
		field.String("stripe_id").Optional().Nillable().Unique(),
		field.Enum("stripe_status").GoType(billing.SyncStatus("")).Default(string(billing.SyncUnlinked)),
		field.Time("stripe_synced_at").Optional().Nillable(),
		field.String("stripe_error").Optional().Nillable(),
		field.JSON("stripe_unsupported", []string{}).Optional().
			Comment("The properties that Stripe has and nothing here shows."),
		field.String("stripe_operation_id").Optional().Nillable().
			Comment("The unfinished operation on this object."),
	}
}

// Indexes finds what is PARTIAL, which is little of all.
func (linkMixin) Indexes() []ent.Index {
	return []ent.Index{index.Fields("stripe_status").Annotations(entsql.IndexWhere("stripe_unsupported IS NOT NULL"))}
}

// partOfMoney marks an amount that the API shows together with its currency.
// Without it, a query for the amount would load that column alone.
var partOfMoney = entgql.Skip(entgql.SkipType)

// table names a table, and its type in the API.
func table(name string) []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: name}, entgql.RelayConnection()}
}
