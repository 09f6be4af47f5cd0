package access

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"tallystick/ent"
	"tallystick/ent/intercept"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// Rules are what each principal may read, by the types of rows. What they do not
// mention is for the program itself.
type Rules struct {
	// Scopes are what API keys need.
	Scopes map[string]auth.Scope
	// Customers select what a customer's browser may see.
	Customers map[string]func(s *sql.Selector, customerID string)
}

// DefaultRules are the rules of the API.
func DefaultRules() Rules {
	return Rules{
		Scopes: map[string]auth.Scope{
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
		},
		Customers: map[string]func(*sql.Selector, string){
			ent.TypeCustomer: func(s *sql.Selector, customerID string) {
				s.Where(sql.EQ(s.C("id"), customerID))
			},
			ent.TypeSubscription: ofCustomer,
			ent.TypeInvoice:      ofCustomer,
			ent.TypeSubscriptionItem: func(s *sql.Selector, customerID string) {
				s.Where(sql.In(s.C("subscription_id"), subscriptions(customerID)))
			},
			ent.TypeSubscriptionTransition: func(s *sql.Selector, customerID string) {
				s.Where(sql.In(s.C("subscription_id"), subscriptions(customerID)))
			},
			// What is on sale, and what the customer has.
			ent.TypeProduct: func(s *sql.Selector, customerID string) {
				s.Where(sql.Or(sql.EQ(s.C("active"), true), sql.In(s.C("id"), subscribed("product_id", customerID))))
			},
			ent.TypePrice: func(s *sql.Selector, customerID string) {
				onSale := sql.And(sql.EQ(s.C("status"), string(billing.PriceActive)), sql.In(s.C("product_id"), activeProducts()))
				s.Where(sql.Or(onSale, sql.In(s.C("id"), subscribed("price_id", customerID))))
			},
		},
	}
}

func ofCustomer(s *sql.Selector, customerID string) { s.Where(sql.EQ(s.C("customer_id"), customerID)) }

func subscriptions(customerID string) *sql.Selector {
	return sql.Select("id").From(sql.Table("subscriptions")).Where(sql.EQ("customer_id", customerID))
}

func activeProducts() *sql.Selector {
	return sql.Select("id").From(sql.Table("products")).Where(sql.EQ("active", true))
}

// subscribed selects what a customer's items refer to.
func subscribed(column, customerID string) *sql.Selector {
	return sql.Select(column).From(sql.Table("subscription_items")).Where(sql.In("subscription_id", subscriptions(customerID)))
}

func nothing(s *sql.Selector) { s.Where(sql.False()) }

// Policy lets each principal read only what it may see, on every way to it: it
// stands between all queries and the database. An API key without the scope of a
// type gets an error, and a customer's browser finds only what is its customer's,
// and what is on sale.
func (r Rules) Policy() ent.Interceptor {
	return intercept.TraverseFunc(func(ctx context.Context, q intercept.Query) error {
		if auth.IsTrusted(ctx) {
			return nil
		}
		p, _ := auth.From(ctx)
		switch p.Kind {
		case auth.KindAdmin:
			return nil
		case auth.KindCustomer:
			rule, ok := r.Customers[q.Type()]
			if !ok {
				q.WhereP(nothing)
				return nil
			}
			q.WhereP(func(s *sql.Selector) { rule(s, p.CustomerID) })
			return nil
		case auth.KindAPIKey:
			scope, ok := r.Scopes[q.Type()]
			if !ok {
				q.WhereP(nothing)
				return nil
			}
			if !p.Has(scope) {
				return auth.LacksScope(scope)
			}
			return nil
		default:
			q.WhereP(nothing)
			return nil
		}
	})
}
