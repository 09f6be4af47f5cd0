// Package resolvers answers the fields of the schema: it decodes the input,
// makes one call, and fills in the payload. What a change means is the business
// of its subject: catalog, customers or subscriptions.
package resolvers

import (
	"errors"
	"log/slog"
	"maps"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"tallystick/ent"
	"tallystick/graph"
	"tallystick/internal/access"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/health"
	"tallystick/internal/live"
	"tallystick/internal/reconciliation"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
	"tallystick/internal/subscriptions"
	"tallystick/resolvers/scalars"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	store          *store.Store
	catalog        *catalog.Catalog
	customers      *customers.Customers
	subscriptions  *subscriptions.Subscriptions
	sync           *stripesync.Engine
	reconciliation *reconciliation.Reconciliation
	health         *health.Reader
	keys           *access.Manager
	live           *live.Hub
	logger         *slog.Logger
}

// Options are what the resolvers work with.
type Options struct {
	Store          *store.Store
	Catalog        *catalog.Catalog
	Customers      *customers.Customers
	Subscriptions  *subscriptions.Subscriptions
	Sync           *stripesync.Engine
	Reconciliation *reconciliation.Reconciliation
	Health         *health.Reader
	Keys           *access.Manager
	Live           *live.Hub
	Logger         *slog.Logger
}

// New builds the root resolver.
func New(o Options) *Resolver {
	o.Store.Reader.Intercept(ent.InterceptFunc(expectReferred))
	return &Resolver{
		store: o.Store, catalog: o.Catalog, customers: o.Customers, subscriptions: o.Subscriptions,
		sync: o.Sync, reconciliation: o.Reconciliation, health: o.Health, keys: o.Keys, live: o.Live, logger: o.Logger,
	}
}

// Schema is the executable schema.
func (r *Resolver) Schema() graphql.ExecutableSchema { return graph.NewSchema(r.config()) }

func (r *Resolver) config() graph.Config {
	return graph.Config{Schema: committedSchema(), Resolvers: r, Directives: graph.DirectiveRoot{Needs: r.needs}}
}

// committedSchema is the schema as it is committed. gqlgen adds @defer, which one
// response to one request cannot keep.
func committedSchema() *ast.Schema {
	schema := *graph.NewExecutableSchema(graph.Config{}).Schema()
	schema.Directives = maps.Clone(schema.Directives)
	delete(schema.Directives, "defer")
	return &schema
}

// CheckCursor reports whether a cursor is one that this API has given out.
func (r *Resolver) CheckCursor(cursor any) error {
	_, err := scalars.UnmarshalCursor(cursor)
	var refusal *billing.Error
	if errors.As(err, &refusal) {
		return errors.New(refusal.Message)
	}
	return err
}

// Query implements [graph.ResolverRoot], as do the following methods.
func (r *Resolver) Query() graph.QueryResolver { return queryResolver{r} }

// Mutation answers the changes.
func (r *Resolver) Mutation() graph.MutationResolver { return mutationResolver{r} }

// LiveUpdates answers what is watched.
func (r *Resolver) LiveUpdates() graph.LiveUpdatesResolver { return liveResolver{r} }

// Product answers what is not a column of its table, as do the others.
func (r *Resolver) Product() graph.ProductResolver { return productResolver{r} }

// Price answers the fields of a price.
func (r *Resolver) Price() graph.PriceResolver { return priceResolver{} }

// Customer answers the fields of a customer.
func (r *Resolver) Customer() graph.CustomerResolver { return customerResolver{} }

// Subscription answers the fields of a subscription.
func (r *Resolver) Subscription() graph.SubscriptionResolver { return subscriptionResolver{} }

// SubscriptionItem answers the fields of an item.
func (r *Resolver) SubscriptionItem() graph.SubscriptionItemResolver {
	return subscriptionItemResolver{}
}

// SubscriptionTransition answers the fields of a transition.
func (r *Resolver) SubscriptionTransition() graph.SubscriptionTransitionResolver {
	return transitionResolver{}
}

// Invoice answers the fields of an invoice.
func (r *Resolver) Invoice() graph.InvoiceResolver { return invoiceResolver{} }

// Operation answers the fields of an operation.
func (r *Resolver) Operation() graph.OperationResolver { return operationResolver{} }

// Difference answers the fields of a difference.
func (r *Resolver) Difference() graph.DifferenceResolver { return differenceResolver{} }

// StripeLink answers the fields of a link.
func (r *Resolver) StripeLink() graph.StripeLinkResolver { return stripeLinkResolver{} }

// RecurringInput reads the period of a new price.
func (r *Resolver) RecurringInput() graph.RecurringInputResolver { return recurringInputResolver{} }
