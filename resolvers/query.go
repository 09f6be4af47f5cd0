package resolvers

import (
	"context"
	"slices"
	"strings"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/difference"
	"tallystick/ent/invoice"
	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/webhookevent"
	"tallystick/graph"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/resolvers/scalars"
)

type queryResolver struct{ *Resolver }

// The lists of everything but customers see deleted customers, so that what
// belongs to one can still name it.

func (r queryResolver) Node(ctx context.Context, id string) (ent.Noder, error) {
	nodes, err := r.Nodes(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

func (r queryResolver) Nodes(ctx context.Context, ids []string) ([]ent.Noder, error) {
	for _, id := range ids {
		if _, err := billing.ParseID(id); err != nil {
			return nil, err
		}
	}
	found, err := r.nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	nodes := make([]ent.Noder, len(ids))
	for i, id := range ids {
		nodes[i] = found[id]
	}
	return nodes, nil
}

func (r queryResolver) Product(ctx context.Context, id string) (*ent.Product, error) {
	if ok, err := names(id, billing.ProductPrefix); !ok {
		return nil, err
	}
	query, err := r.store.Reader.Product.Query().Where(product.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) Products(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.ProductFilter, orderBy *ent.ProductOrder) (*ent.ProductConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Product.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
	}
	if filter != nil && filter.Active != nil {
		query.Where(product.Active(*filter.Active))
	}
	if filter != nil && filter.Search != nil {
		if err := readable(filter.Search); err != nil {
			return nil, err
		}
		// Where a database folds the case of ASCII only, other letters are found as they are.
		query.Where(product.Or(product.NameContainsFold(*filter.Search), product.NameContains(*filter.Search)))
	}
	return query.Paginate(ctx, from, first, to, last, ent.WithProductOrder(orderBy))
}

func (r queryResolver) Customer(ctx context.Context, id string, includeDeleted *bool) (*ent.Customer, error) {
	if ok, err := names(id, billing.CustomerPrefix); !ok {
		return nil, err
	}
	if billing.ValueOr(includeDeleted, false) {
		ctx = store.WithDeleted(ctx)
	}
	query, err := r.store.Reader.Customer.Query().Where(customer.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return r.linked(query.Only(ctx))
}

func (r queryResolver) Price(ctx context.Context, id string) (*ent.Price, error) {
	if ok, err := names(id, billing.PricePrefix); !ok {
		return nil, err
	}
	query, err := r.store.Reader.Price.Query().Where(price.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) PriceByLookupKey(ctx context.Context, lookupKey string) (*ent.Price, error) {
	if err := readable(&lookupKey); err != nil {
		return nil, err
	}
	query, err := r.store.Reader.Price.Query().Where(price.LookupKey(lookupKey)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) CustomerByExternalID(ctx context.Context, externalID string) (*ent.Customer, error) {
	if err := readable(&externalID); err != nil {
		return nil, err
	}
	query, err := r.store.Reader.Customer.Query().Where(customer.ExternalID(externalID)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return r.linked(query.Only(ctx))
}

func (r queryResolver) CustomerByEmail(ctx context.Context, email string) (*ent.Customer, error) {
	if err := readable(&email); err != nil {
		return nil, err
	}
	query, err := r.store.Reader.Customer.Query().Where(store.HoldsEmail(email)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return r.linked(query.Only(ctx))
}

func (r queryResolver) Customers(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.CustomerFilter, orderBy *ent.CustomerOrder) (*ent.CustomerConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Customer.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
		if err := readable(filter.Email, filter.Search); err != nil {
			return nil, err
		}
		if billing.ValueOr(filter.IncludeDeleted, false) {
			ctx = store.WithDeleted(ctx)
		}
		if filter.Email != nil {
			query.Where(store.HasEmail(*filter.Email))
		}
		if filter.Search != nil {
			query.Where(customer.Or(
				customer.EmailContainsFold(*filter.Search),
				customer.NameContainsFold(*filter.Search), customer.NameContains(*filter.Search),
			))
		}
	}
	return query.Paginate(ctx, from, first, to, last, ent.WithCustomerOrder(orderBy))
}

func (r queryResolver) Subscription(ctx context.Context, id string) (*ent.Subscription, error) {
	if ok, err := names(id, billing.SubscriptionPrefix); !ok {
		return nil, err
	}
	ctx = store.WithDeleted(ctx)
	query, err := r.store.Reader.Subscription.Query().Where(subscription.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) Subscriptions(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.SubscriptionFilter, orderBy *ent.SubscriptionOrder) (*ent.SubscriptionConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Subscription.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
		if err := wellFormed(filter.CustomerID, filter.PriceID); err != nil {
			return nil, err
		}
		if filter.Status != nil {
			query.Where(subscription.StatusIn(filter.Status...))
		}
		if filter.CustomerID != nil {
			query.Where(subscription.CustomerID(*filter.CustomerID))
		}
		if filter.PriceID != nil {
			query.Where(store.Charges(*filter.PriceID))
		}
	}
	return query.Paginate(store.WithDeleted(ctx), from, first, to, last, ent.WithSubscriptionOrder(orderBy))
}

func (r queryResolver) Invoice(ctx context.Context, id string) (*ent.Invoice, error) {
	if ok, err := names(id, billing.InvoicePrefix); !ok {
		return nil, err
	}
	ctx = store.WithDeleted(ctx)
	query, err := r.store.Reader.Invoice.Query().Where(invoice.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) Invoices(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.InvoiceFilter, orderBy *ent.InvoiceOrder) (*ent.InvoiceConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Invoice.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
		if err := wellFormed(filter.CustomerID, filter.SubscriptionID); err != nil {
			return nil, err
		}
		if filter.Status != nil {
			query.Where(invoice.StatusIn(filter.Status...))
		}
		if filter.CustomerID != nil {
			query.Where(invoice.CustomerID(*filter.CustomerID))
		}
		if filter.SubscriptionID != nil {
			query.Where(invoice.SubscriptionID(*filter.SubscriptionID))
		}
	}
	return query.Paginate(store.WithDeleted(ctx), from, first, to, last, ent.WithInvoiceOrder(orderBy))
}

func (r queryResolver) Operation(ctx context.Context, id string) (*ent.Operation, error) {
	if ok, err := names(id, billing.OperationPrefix); !ok {
		return nil, err
	}
	query, err := r.store.Reader.Operation.Query().Where(operation.ID(id)).CollectFields(ctx)
	if err != nil {
		return nil, err
	}
	return orNull(query.Only(ctx))
}

func (r queryResolver) Operations(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.OperationFilter, orderBy *ent.OperationOrder) (*ent.OperationConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Operation.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
		if err := wellFormed(filter.SubjectID); err != nil {
			return nil, err
		}
		if filter.Status != nil {
			query.Where(operation.StatusIn(filter.Status...))
		}
		if filter.Kind != nil {
			query.Where(operation.KindIn(filter.Kind...))
		}
		if filter.SubjectID != nil {
			query.Where(operation.SubjectID(*filter.SubjectID))
		}
	}
	return query.Paginate(ctx, from, first, to, last, ent.WithOperationOrder(orderBy))
}

func (r queryResolver) WebhookEvents(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.WebhookEventFilter, orderBy *ent.WebhookEventOrder) (*ent.WebhookEventConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.WebhookEvent.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
	}
	if filter != nil && filter.Status != nil {
		query.Where(webhookevent.StatusIn(filter.Status...))
	}
	if filter != nil && (hasNUL(filter.ObjectID) || slices.ContainsFunc(filter.Type, func(s string) bool { return hasNUL(&s) })) {
		return nil, billing.Errorf(billing.CodeInvalidInput, "A filter cannot have a NUL in it.")
	}
	if filter != nil && filter.Type != nil {
		query.Where(webhookevent.TypeIn(filter.Type...))
	}
	if filter != nil && filter.ObjectID != nil {
		query.Where(webhookevent.ObjectID(*filter.ObjectID))
	}
	return query.Paginate(ctx, from, first, to, last, ent.WithWebhookEventOrder(orderBy))
}

func (r queryResolver) Differences(ctx context.Context, first *int, after *string, last *int, before *string, filter *graph.DifferenceFilter, orderBy *ent.DifferenceOrder) (*ent.DifferenceConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	query := r.store.Reader.Difference.Query()
	if filter != nil {
		ctx = store.Selective(ctx)
		if err := readable(filter.ObjectType); err != nil {
			return nil, err
		}
		if filter.Open != nil && *filter.Open {
			query.Where(difference.RepairedAtIsNil())
		}
		if filter.Open != nil && !*filter.Open {
			query.Where(difference.RepairedAtNotNil())
		}
		if filter.Kind != nil {
			query.Where(difference.KindIn(filter.Kind...))
		}
		if filter.ObjectType != nil {
			query.Where(difference.ObjectType(*filter.ObjectType))
		}
	}
	return query.Paginate(ctx, from, first, to, last, ent.WithDifferenceOrder(orderBy))
}

func (r queryResolver) APIKeys(ctx context.Context, first *int, after *string, last *int, before *string) (*ent.ApiKeyConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	return r.store.Reader.ApiKey.Query().Paginate(ctx, from, first, to, last)
}

func (r queryResolver) BillingHealth(ctx context.Context) (*billing.Health, error) {
	return r.health.Read(auth.Trusted(ctx))
}

func (r queryResolver) Viewer(ctx context.Context) (*graph.Viewer, error) {
	principal, ok := auth.From(ctx)
	if !ok {
		return nil, auth.ErrUnauthenticated
	}
	viewer := &graph.Viewer{Kind: principal.Kind, Scopes: []string{}}
	if principal.Kind == auth.KindAdmin {
		viewer.Scopes = []string{"*"}
	}
	for _, scope := range principal.Scopes {
		viewer.Scopes = append(viewer.Scopes, string(scope))
	}
	if principal.Kind != auth.KindCustomer {
		return viewer, nil
	}
	var err error
	viewer.Customer, err = orNull(r.store.Reader.Customer.Get(ctx, principal.CustomerID))
	return viewer, err
}

// names reports whether an id can name an object of a type. One of another
// type names nothing; a malformed one is an error.
func names(id, prefix string) (bool, error) {
	got, err := billing.ParseID(id)
	return err == nil && got == prefix, err
}

func wellFormed(ids ...*string) error {
	for _, id := range ids {
		if id == nil {
			continue
		}
		if _, err := billing.ParseID(*id); err != nil {
			return err
		}
	}
	return nil
}

// maxSearch is how long a text to look for may be, in characters.
const maxSearch = 100

// readable checks texts to look for. What no text here can be, such as one with
// a NUL, a database may not even take.
func readable(texts ...*string) error {
	for _, text := range texts {
		if text == nil {
			continue
		}
		if err := billing.CheckOptionalText("text to look for", *text, maxSearch); err != nil {
			return err
		}
	}
	return nil
}

// orNull answers null for what is not there.
// linked is a customer that somebody looks up by what it is known by. When the link
// is asked for and there is none, it is repaired meanwhile.
func (r queryResolver) linked(row *ent.Customer, err error) (*ent.Customer, error) {
	if err == nil {
		r.customers.LinkOnRead(row)
	}
	return orNull(row, err)
}

func orNull[T any](row *T, err error) (*T, error) {
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}

// hasNUL reports whether a text has the one character that PostgreSQL does not
// take.
func hasNUL(s *string) bool { return s != nil && strings.ContainsRune(*s, 0) }
