package store

import (
	"entgo.io/ent/dialect/sql"

	"tallystick/ent/predicate"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
)

// Charges selects the subscriptions to a price: those with an item of the price,
// and those on the price that have no items yet. The two are a union, so that each
// is answered from its own index.
func Charges(priceID string) predicate.Subscription {
	return func(s *sql.Selector) {
		build := sql.Dialect(s.Dialect())
		items, bare, each := build.Table(subscriptionitem.Table), build.Table(subscription.Table).As("bare"), build.Table(subscriptionitem.Table).As("each")
		byItem := build.Select(items.C(subscriptionitem.FieldSubscriptionID)).From(items).
			Where(sql.EQ(items.C(subscriptionitem.FieldPriceID), priceID))
		byRow := build.Select(bare.C(subscription.FieldID)).From(bare).Where(sql.And(
			sql.EQ(bare.C(subscription.FieldPriceID), priceID),
			sql.NotExists(build.Select(each.C(subscriptionitem.FieldID)).From(each).
				Where(sql.ColumnsEQ(each.C(subscriptionitem.FieldSubscriptionID), bare.C(subscription.FieldID)))),
		))
		s.Where(sql.In(s.C(subscription.FieldID), byItem.UnionAll(byRow)))
	}
}
