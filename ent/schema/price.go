package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// Price is what a product costs. What it charges hardly ever changes; it is
// replaced by another price and archived, not deleted.
type Price struct{ ent.Schema }

// Mixin of Price.
func (Price) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.PricePrefix}, timeMixin{}, linkMixin{}}
}

// Fields of Price.
func (Price) Fields() []ent.Field {
	return []ent.Field{
		field.String("product_id").Immutable(),
		field.Int64("unit_amount").Annotations(partOfMoney).Comment("In minor units; 0 where it says nothing."),
		field.Bool("unit_amount_known").Default(true).
			Comment("False where Stripe has no single whole amount: tiers, fractions of a minor unit."),
		field.String("unit_amount_decimal").Optional().Nillable().Comment("Where it is not the unit amount."),
		field.Enum("billing_scheme").GoType(billing.BillingScheme("")).Default(string(billing.SchemePerUnit)),
		field.Enum("usage_type").GoType(billing.UsageType("")).Default(string(billing.UsageLicensed)),
		field.Enum("tiers_mode").GoType(billing.TiersMode("")).Optional().Nillable(),
		field.JSON("tiers", []billing.PriceTier{}).Optional(),
		field.JSON("currency_options", []billing.Money{}).Optional().Comment("Its amounts in other currencies."),
		field.String("currency").Immutable().MaxLen(3),
		field.Enum("interval").GoType(billing.BillingInterval("")).Optional().Nillable().Immutable(),
		field.Int("interval_count").Optional().Immutable(),
		field.String("nickname").Optional(),
		field.String("lookup_key").Optional().Nillable().Unique(),
		field.Enum("status").GoType(billing.PriceStatus("")).Default(string(billing.PricePending)),
		field.Time("archived_at").Optional().Nillable(),
	}
}

// Edges of Price.
func (Price) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("product", Product.Type).Ref("prices").Field("product_id").Unique().Required().Immutable(),
	}
}

// Indexes of Price.
func (Price) Indexes() []ent.Index {
	return []ent.Index{index.Fields("product_id", "id")}
}

// Annotations of Price.
func (Price) Annotations() []schema.Annotation { return table("prices") }
