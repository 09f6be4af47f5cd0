package resolvers

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/apikey"
	"tallystick/ent/customer"
	"tallystick/ent/difference"
	"tallystick/ent/invoice"
	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
	"tallystick/ent/webhookevent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// nodes finds objects of any type by their ids, in a statement for each type.
// What is not there is missing in the answer. Deleted customers are there when
// the context lets them be seen; what belongs to them always names them.
func (r *Resolver) nodes(ctx context.Context, ids []string) (map[string]ent.Noder, error) {
	byPrefix := map[string][]string{}
	var prefixes []string // in the order of the ids, so that the same one fails each time
	for _, id := range ids {
		prefix := billing.Prefix(id)
		if byPrefix[prefix] == nil {
			prefixes = append(prefixes, prefix)
		}
		byPrefix[prefix] = append(byPrefix[prefix], id)
	}
	all := store.WithDeleted(ctx)
	reader, found := r.store.Reader, make(nodesByID, len(ids))
	for _, prefix := range prefixes {
		ids := byPrefix[prefix]
		var err error
		switch prefix {
		case billing.ProductPrefix:
			err = collect(ctx, found, reader.Product.Query().Where(product.IDIn(ids...)), "Product",
				func(row *ent.Product) string { return row.ID })
		case billing.PricePrefix:
			err = collect(ctx, found, reader.Price.Query().Where(price.IDIn(ids...)), "Price",
				func(row *ent.Price) string { return row.ID })
		case billing.CustomerPrefix:
			err = collect(ctx, found, reader.Customer.Query().Where(customer.IDIn(ids...)), "Customer",
				func(row *ent.Customer) string { return row.ID })
		case billing.SubscriptionPrefix:
			err = collect(all, found, reader.Subscription.Query().Where(subscription.IDIn(ids...)), "Subscription",
				func(row *ent.Subscription) string { return row.ID })
		case billing.InvoicePrefix:
			err = collect(all, found, reader.Invoice.Query().Where(invoice.IDIn(ids...)), "Invoice",
				func(row *ent.Invoice) string { return row.ID })
		case billing.SubscriptionItemPrefix:
			err = collect(all, found, reader.SubscriptionItem.Query().Where(subscriptionitem.IDIn(ids...)), "SubscriptionItem",
				func(row *ent.SubscriptionItem) string { return row.ID })
		case billing.DifferencePrefix:
			err = collect(ctx, found, reader.Difference.Query().Where(difference.IDIn(ids...)), "Difference",
				func(row *ent.Difference) string { return row.ID })
		case billing.APIKeyPrefix:
			err = collect(ctx, found, reader.ApiKey.Query().Where(apikey.IDIn(ids...)), "ApiKey",
				func(row *ent.ApiKey) string { return row.ID })
		case billing.OperationPrefix:
			err = collect(ctx, found, reader.Operation.Query().Where(operation.IDIn(ids...)), "Operation",
				func(row *ent.Operation) string { return row.ID })
		case billing.WebhookEventPrefix:
			err = collect(ctx, found, reader.WebhookEvent.Query().Where(webhookevent.IDIn(ids...)), "WebhookEvent",
				func(row *ent.WebhookEvent) string { return row.ID })
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

type nodesByID map[string]ent.Noder

// collecting is a query that can load what the request selects.
type collecting[Q any, T ent.Noder] interface {
	CollectFields(ctx context.Context, satisfies ...string) (Q, error)
	All(ctx context.Context) ([]T, error)
}

func collect[Q collecting[Q, T], T ent.Noder](ctx context.Context, found nodesByID, query Q, typeName string, id func(T) string) error {
	query, err := query.CollectFields(ctx, typeName, "Node")
	if err != nil {
		return err
	}
	rows, err := query.All(ctx)
	for _, row := range rows {
		found[id(row)] = row
	}
	return err
}
