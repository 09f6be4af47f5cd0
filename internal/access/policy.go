package access

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"tallystick/ent"
	"tallystick/ent/intercept"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// scopes are those that the rows of a type are read with. What has none is for the
// program itself.
var scopes = map[string]auth.Scope{
	ent.TypeProduct:                auth.ReadCatalog,
	ent.TypePrice:                  auth.ReadCatalog,
	ent.TypeCustomer:               auth.ReadCustomers,
	ent.TypeSubscription:           auth.ReadSubscriptions,
	ent.TypeSubscriptionItem:       auth.ReadSubscriptions,
	ent.TypeSubscriptionTransition: auth.ReadSubscriptions,
	ent.TypeInvoice:                auth.ReadInvoices,
	ent.TypeOperation:              auth.ReadOperations,
	ent.TypeStripeCall:             auth.ReadOperations,
	ent.TypeWebhookEvent:           auth.ReadOperations,
	ent.TypeDifference:             auth.ReadOperations,
	ent.TypeApiKey:                 auth.WriteAPIKeys,
}

// Policy lets each principal read only what it may see, on every way to it: it
// stands between all queries and the database. An API key without the scope of a
// type gets an error, and a customer's browser finds only what is its customer's,
// and what is on sale.
func Policy() ent.Interceptor {
	return intercept.TraverseFunc(func(ctx context.Context, q intercept.Query) error {
		if auth.IsTrusted(ctx) {
			return nil
		}
		p, _ := auth.From(ctx)
		if p.Kind == auth.KindAdmin {
			return nil
		}
		if p.Kind == auth.KindCustomer {
			q.WhereP(ownedBy(p.CustomerID, q.Type()))
			return nil
		}
		scope, ok := scopes[q.Type()]
		if !ok {
			q.WhereP(nothing)
			return nil
		}
		if !p.Has(scope) {
			return auth.LacksScope(scope)
		}
		return nil
	})
}

func nothing(s *sql.Selector) { s.Where(sql.False()) }

// ownedBy selects the rows of a type that a customer may see.
func ownedBy(customerID, typeName string) func(*sql.Selector) {
	return func(s *sql.Selector) {
		subscriptions := sql.Select("id").From(sql.Table("subscriptions")).Where(sql.EQ("customer_id", customerID))
		subscribed := func(column string) *sql.Selector {
			return sql.Select(column).From(sql.Table("subscription_items")).Where(sql.In("subscription_id", subscriptions))
		}
		switch typeName {
		case ent.TypeCustomer:
			s.Where(sql.EQ(s.C("id"), customerID))
		case ent.TypeSubscription, ent.TypeInvoice:
			s.Where(sql.EQ(s.C("customer_id"), customerID))
		case ent.TypeSubscriptionItem, ent.TypeSubscriptionTransition:
			s.Where(sql.In(s.C("subscription_id"), subscriptions))
		case ent.TypeProduct:
			s.Where(sql.Or(sql.EQ(s.C("active"), true), sql.In(s.C("id"), subscribed("product_id"))))
		case ent.TypePrice:
			s.Where(sql.Or(sql.EQ(s.C("status"), string(billing.PriceActive)), sql.In(s.C("id"), subscribed("price_id"))))
		default:
			nothing(s)
		}
	}
}
