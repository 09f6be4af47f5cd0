package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"tallystick/internal/billing"
)

// Invoice is what a customer owes or has paid for one period. Its row mirrors
// Stripe's invoice. Amounts are in the minor units of its currency.
type Invoice struct{ ent.Schema }

// Mixin of Invoice.
func (Invoice) Mixin() []ent.Mixin {
	return []ent.Mixin{idMixin{prefix: billing.InvoicePrefix}, timeMixin{}, linkMixin{}}
}

// Fields of Invoice.
func (Invoice) Fields() []ent.Field {
	return []ent.Field{
		field.String("customer_id").Immutable(),
		field.String("subscription_id").Optional().Nillable().Immutable(),
		field.String("number").Optional().Nillable().Comment("Stripe gives it when the invoice is finalized."),
		field.Enum("status").GoType(billing.InvoiceStatus("")),
		field.String("currency").MaxLen(3),
		field.Int64("total").Annotations(partOfMoney),
		field.Int64("amount_due").Annotations(partOfMoney),
		field.Int64("amount_paid").Annotations(partOfMoney),
		field.Int64("amount_remaining").Annotations(partOfMoney),
		field.Time("due_date").Optional().Nillable(),
		field.String("hosted_invoice_url").Optional().Nillable(),
		field.String("billing_reason").Optional().Nillable(),
	}
}

// Edges of Invoice.
func (Invoice) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("customer", Customer.Type).Ref("invoices").Field("customer_id").Unique().Required().Immutable(),
		edge.From("subscription", Subscription.Type).Ref("invoices").Field("subscription_id").Unique().Immutable(),
	}
}

// Indexes of Invoice.
func (Invoice) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("status", "id"),
		index.Fields("updated_at", "id"),
		index.Fields("customer_id", "id"),
		index.Fields("subscription_id", "id"),
	}
}

// Annotations of Invoice.
func (Invoice) Annotations() []schema.Annotation { return table("invoices") }
