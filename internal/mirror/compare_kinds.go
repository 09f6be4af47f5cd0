package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// kinds are the types of objects that are compared, parents first.
func (m *Mirror) kinds() []kind {
	return []kind{
		{name: "product", path: "/v1/products", read: m.readProduct, compare: m.compareProduct, linked: m.linkedProducts},
		{
			name: "price", path: "/v1/prices", read: m.readPrice, compare: m.comparePrice, linked: m.linkedPrices,
			parameters: [][2]string{{"expand[]", "data.tiers"}, {"expand[]", "data.currency_options"}},
		},
		{name: "customer", path: "/v1/customers", read: m.readCustomer, compare: m.compareCustomer, linked: m.linkedCustomers},
		{
			name: "subscription", path: "/v1/subscriptions", read: m.readSubscription, compare: m.compareSubscription,
			linked: m.linkedSubscriptions, parameters: [][2]string{{"status", "all"}, {"expand[]", "data.latest_invoice"}},
		},
		{name: "invoice", path: "/v1/invoices", read: m.readInvoice, compare: m.compareInvoice, linked: m.linkedInvoices},
	}
}

func (m *Mirror) readProduct(ctx context.Context, id string) (json.RawMessage, error) {
	p, err := m.stripe.Products.Get(id, &stripe.ProductParams{Params: read(ctx)})
	return rawUnlessGone(p.LastResponse, p.Deleted, err)
}

func (m *Mirror) readPrice(ctx context.Context, id string) (json.RawMessage, error) {
	params := &stripe.PriceParams{Params: read(ctx)}
	for _, name := range priceExpansions {
		params.AddExpand(name)
	}
	p, err := m.stripe.Prices.Get(id, params)
	return rawUnlessGone(p.LastResponse, p.Deleted, err)
}

func (m *Mirror) readCustomer(ctx context.Context, id string) (json.RawMessage, error) {
	c, err := m.stripe.Customers.Get(id, &stripe.CustomerParams{Params: read(ctx)})
	return rawUnlessGone(c.LastResponse, c.Deleted, err)
}

func (m *Mirror) readSubscription(ctx context.Context, id string) (json.RawMessage, error) {
	s, err := m.stripe.Subscriptions.Get(id, &stripe.SubscriptionParams{Params: read(ctx)})
	return rawUnlessGone(s.LastResponse, false, err)
}

func (m *Mirror) readInvoice(ctx context.Context, id string) (json.RawMessage, error) {
	i, err := m.stripe.Invoices.Get(id, &stripe.InvoiceParams{Params: read(ctx)})
	return rawUnlessGone(i.LastResponse, i.Deleted, err)
}

func (m *Mirror) compareProduct(ctx context.Context, raw json.RawMessage) (*compared, error) {
	p, err := decodeObject(raw, func(p *stripe.Product, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Product.Query().Where(product.StripeID(p.ID)).WithDefaultPrice().Only(ctx))
	if row == nil || err != nil {
		return m.extra(ctx, p.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = p.Metadata[stripeapi.MetadataID] == row.ID
	update := m.drafts.Product.UpdateOne(row)
	if err := copyProduct(update.Mutation(), p, raw); err != nil {
		return nil, err
	}
	if c.changes, err = changesOf(ctx, update.Mutation()); err != nil {
		return nil, err
	}
	if here := row.Edges.DefaultPrice; p.DefaultPrice != nil && (here == nil || billing.ValueOr(here.StripeID, "") != p.DefaultPrice.ID) {
		ours := ""
		if here != nil {
			ours = billing.ValueOr(here.StripeID, here.ID)
		}
		c.changes = append(c.changes, change{field: "defaultPrice", ours: ours, stripes: p.DefaultPrice.ID})
	}
	return c, nil
}

func (m *Mirror) comparePrice(ctx context.Context, raw json.RawMessage) (*compared, error) {
	p, err := decodeObject(raw, func(p *stripe.Price, r *stripe.APIResponse) { p.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Price.Query().Where(price.StripeID(p.ID)).WithProduct().Only(ctx))
	if row == nil || err != nil {
		return m.extra(ctx, p.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID, row.Edges.Product.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = p.Metadata[stripeapi.MetadataID] == row.ID
	terms, err := readPrice(raw)
	if err != nil {
		return nil, err
	}
	update := m.drafts.Price.UpdateOne(row)
	if err := copyPrice(update.Mutation(), p, terms, raw); err != nil {
		return nil, err
	}
	c.changes, err = changesOf(ctx, update.Mutation())
	return c, err
}

func (m *Mirror) compareCustomer(ctx context.Context, raw json.RawMessage) (*compared, error) {
	cus, err := decodeObject(raw, func(c *stripe.Customer, r *stripe.APIResponse) { c.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Customer.Query().Where(customer.StripeID(cus.ID)).Only(store.WithDeleted(ctx)))
	if row == nil || err != nil {
		return m.extra(ctx, cus.Metadata, err)
	}
	c, err := m.heldAgainst(ctx, row.ID, row.UpdatedAt, row.StripeOperationID)
	if err != nil || c.busy {
		return c, err
	}
	c.madeHere = cus.Metadata[stripeapi.MetadataID] == row.ID
	update := m.drafts.Customer.UpdateOne(row).SetEmail(cus.Email)
	if err := copyCustomer(update.Mutation(), cus, raw); err != nil {
		return nil, err
	}
	c.changes, err = changesOf(ctx, update.Mutation())
	if id := cus.Metadata[stripeapi.MetadataExternalID]; id != billing.ValueOr(row.ExternalID, "") {
		c.changes = append(c.changes, change{field: "externalId", ours: billing.ValueOr(row.ExternalID, ""), stripes: id})
	}
	return c, err
}

func (m *Mirror) compareSubscription(ctx context.Context, raw json.RawMessage) (*compared, error) {
	s, err := decodeObject(raw, func(s *stripe.Subscription, r *stripe.APIResponse) { s.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Subscription.Query().Where(subscription.StripeID(s.ID)).WithLatestInvoice().Only(ctx))
	if row == nil || err != nil {
		return m.extraOf(ctx, s.Customer.ID, s.Metadata, err)
	}
	c := &compared{rowID: row.ID, version: row.UpdatedAt}
	if c.busy, err = isBusy(subscriptionBusy(ctx, m.store.Reader, row)); err != nil || c.busy {
		return c, err
	}
	if err := m.completeItems(ctx, s); err != nil {
		return nil, err
	}
	snap, err := ReadSubscription(s, m.clock())
	if err != nil {
		return nil, err
	}
	snap.keepRevoked(row)
	update := m.drafts.Subscription.UpdateOne(row)
	snap.copyTo(update.Mutation())
	if c.changes, err = changesOf(ctx, update.Mutation()); err != nil {
		return nil, err
	}
	if s.LatestInvoice != nil {
		ours := ""
		if row.Edges.LatestInvoice != nil {
			ours = billing.ValueOr(row.Edges.LatestInvoice.StripeID, "")
		}
		if ours != s.LatestInvoice.ID {
			c.changes = append(c.changes, change{field: "latestInvoice", ours: ours, stripes: s.LatestInvoice.ID})
		}
	}
	items, err := m.compareItems(ctx, row, snap.Terms.Items)
	c.changes = append(c.changes, items...)
	return c, err
}

// compareItems tells how the items of a subscription differ.
func (m *Mirror) compareItems(ctx context.Context, row *ent.Subscription, items []Item) ([]change, error) {
	rows, err := m.store.Reader.SubscriptionItem.Query().Where(subscriptionitem.SubscriptionID(row.ID)).WithPrice().All(ctx)
	if err != nil {
		return nil, err
	}
	here := map[string]string{}
	for _, r := range rows {
		here[billing.ValueOr(r.StripeID, r.ID)] = itemText(billing.ValueOr(r.Edges.Price.StripeID, ""), r.Quantity, r.StripeUnsupported)
	}
	var changes []change
	for _, item := range items {
		there := itemText(item.PriceStripeID, item.Quantity, item.Unsupported)
		if ours := here[item.StripeID]; ours != there {
			changes = append(changes, change{field: "items." + item.StripeID, ours: ours, stripes: there})
		}
		delete(here, item.StripeID)
	}
	for id, ours := range sorted(here) {
		changes = append(changes, change{field: "items." + id, ours: ours})
	}
	return changes, nil
}

func itemText(priceStripeID string, quantity *int64, unsupported []string) string {
	text := priceStripeID
	if quantity != nil {
		text = fmt.Sprintf("%d × %s", *quantity, priceStripeID)
	}
	if len(unsupported) > 0 {
		text += " with " + strings.Join(unsupported, ", ")
	}
	return text
}

func (m *Mirror) compareInvoice(ctx context.Context, raw json.RawMessage) (*compared, error) {
	i, err := decodeObject(raw, func(i *stripe.Invoice, r *stripe.APIResponse) { i.LastResponse = r })
	if err != nil {
		return nil, err
	}
	row, err := store.OrNil(m.store.Reader.Invoice.Query().Where(invoice.StripeID(i.ID)).Only(ctx))
	if row == nil || err != nil {
		of := ""
		if i.Customer != nil {
			of = i.Customer.ID
		}
		return m.extraOf(ctx, of, nil, err)
	}
	c := &compared{rowID: row.ID, version: row.UpdatedAt}
	if c.busy, err = isBusy(invoiceBusy(ctx, m.store.Reader, row)); err != nil || c.busy {
		return c, err
	}
	seen, err := ReadInvoice(i, m.clock())
	if err != nil {
		return nil, err
	}
	update := m.drafts.Invoice.UpdateOne(row)
	seen.copyTo(update.Mutation())
	c.changes, err = changesOf(ctx, update.Mutation())
	return c, err
}

func (m *Mirror) linkedProducts(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Product.Query().
		Where(product.StripeIDNotNil(), product.IDGT(after)).Order(product.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Product) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *Mirror) linkedPrices(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Price.Query().
		Where(price.StripeIDNotNil(), price.IDGT(after)).Order(price.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Price) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *Mirror) linkedCustomers(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Customer.Query().
		Where(customer.StripeIDNotNil(), customer.IDGT(after)).Order(customer.ByID()).Limit(limit).All(store.WithDeleted(ctx))
	return links(rows, func(r *ent.Customer) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

// linkedSubscriptions leaves those out that have ended, which nothing can be
// wrong with any more.
func (m *Mirror) linkedSubscriptions(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Subscription.Query().Where(
		subscription.StripeIDNotNil(), subscription.IDGT(after), subscription.StatusNotIn(
			billing.SubscriptionCanceled, billing.SubscriptionRevoked, billing.SubscriptionIncompleteExpired),
	).Order(subscription.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Subscription) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *Mirror) linkedInvoices(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Invoice.Query().
		Where(invoice.StripeIDNotNil(), invoice.IDGT(after)).Order(invoice.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Invoice) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func links[T any](rows []T, link func(T) linkedRow) []linkedRow {
	linked := make([]linkedRow, len(rows))
	for i, row := range rows {
		linked[i] = link(row)
	}
	return linked
}
