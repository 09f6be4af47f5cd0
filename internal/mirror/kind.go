package mirror

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// kind is what the mirror does with the objects of one type.
type kind interface {
	// refresh reads an object from Stripe and makes its row equal.
	refresh(ctx context.Context, stripeID string) error
	// read reads an object from Stripe; nil when Stripe does not have it.
	read(ctx context.Context, stripeID string) (json.RawMessage, error)
	// show creates the row of an object that was listed after a time; errChanged when
	// there is one by then.
	show(ctx context.Context, raw json.RawMessage, asOf time.Time) error
	// compare compares an object with its row.
	compare(ctx context.Context, raw json.RawMessage) (*compared, error)
	// linked lists rows whose counterpart in Stripe should exist, the oldest first,
	// after an id.
	linked(ctx context.Context, after string, limit int) ([]linkedRow, error)
}

// listed is a kind by Stripe's name of its type, and where Stripe lists its objects.
type listed struct {
	kind
	name, path string
	parameters [][2]string
}

// listedKinds are all kinds, parents first.
func (m *core) listedKinds() []listed {
	return []listed{
		{m.products, "product", "/v1/products", nil},
		{m.prices, "price", "/v1/prices", [][2]string{{"expand[]", "data.tiers"}, {"expand[]", "data.currency_options"}}},
		{m.customers, "customer", "/v1/customers", nil},
		{m.subscriptions, "subscription", "/v1/subscriptions", [][2]string{{"status", "all"}, {"expand[]", "data.latest_invoice"}}},
		{m.invoices, "invoice", "/v1/invoices", nil},
	}
}

// kind finds a kind by Stripe's name of its type.
func (m *core) kind(objectType string) (listed, bool) {
	i := slices.IndexFunc(m.kinds, func(k listed) bool { return k.name == objectType })
	if i < 0 {
		return listed{}, false
	}
	return m.kinds[i], true
}

func links[T any](rows []T, link func(T) linkedRow) []linkedRow {
	linked := make([]linkedRow, len(rows))
	for i, row := range rows {
		linked[i] = link(row)
	}
	return linked
}
