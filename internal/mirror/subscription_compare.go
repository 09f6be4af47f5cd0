package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

func (m *subscriptions) read(ctx context.Context, id string) (json.RawMessage, error) {
	s, err := m.stripe.Subscriptions.Get(id, &stripe.SubscriptionParams{Params: read(ctx)})
	return rawUnlessGone(s.LastResponse, false, err)
}

func (m *subscriptions) compare(ctx context.Context, raw json.RawMessage) (*compared, error) {
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
func (m *subscriptions) compareItems(ctx context.Context, row *ent.Subscription, items []Item) ([]change, error) {
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

// linked leaves those out that have ended, which nothing can be
// wrong with any more.
func (m *subscriptions) linked(ctx context.Context, after string, limit int) ([]linkedRow, error) {
	rows, err := m.store.Reader.Subscription.Query().Where(
		subscription.StripeIDNotNil(), subscription.IDGT(after), subscription.StatusNotIn(
			billing.SubscriptionCanceled, billing.SubscriptionRevoked, billing.SubscriptionIncompleteExpired),
	).Order(subscription.ByID()).Limit(limit).All(ctx)
	return links(rows, func(r *ent.Subscription) linkedRow { return linkedRow{r.ID, *r.StripeID} }), err
}

func (m *subscriptions) show(ctx context.Context, raw json.RawMessage, asOf time.Time) error {
	s, err := decodeObject(raw, func(s *stripe.Subscription, r *stripe.APIResponse) { s.LastResponse = r })
	if err != nil {
		return err
	}
	return m.mirror(ctx, nil, nil, s, asOf)
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
