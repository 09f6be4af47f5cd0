package mirror

import (
	"context"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/price"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// completeItems reads those items of a subscription that did not come with it.
func (m *subscriptions) completeItems(ctx context.Context, s *stripe.Subscription) error {
	if s.Items == nil || !s.Items.HasMore {
		return nil
	}
	params := &stripe.SubscriptionItemListParams{Subscription: stripe.String(s.ID)}
	params.Context, params.Limit = ctx, stripe.Int64(100)
	var all []*stripe.SubscriptionItem
	items := m.stripe.SubscriptionItems.List(params)
	for items.Next() {
		all = append(all, items.SubscriptionItem())
	}
	s.Items.Data, s.Items.HasMore = all, false
	return items.Err()
}

// ensurePrices makes sure that the prices of a subscription have rows.
func (m *subscriptions) ensurePrices(ctx context.Context, s *stripe.Subscription) error {
	if s.Items == nil {
		return nil
	}
	for _, i := range s.Items.Data {
		if i.Price == nil {
			continue
		}
		if err := m.prices.ensureRow(ctx, i.Price); err != nil {
			return err
		}
	}
	return nil
}

// ensureRow makes sure that a price has a row. One that Stripe has deleted is
// shown as the subscription still has it.
func (m *prices) ensureRow(ctx context.Context, p *stripe.Price) error {
	known, err := m.store.Reader.Price.Query().Where(price.StripeID(p.ID)).Exist(ctx)
	if err != nil || known {
		return err
	}
	if err := m.refresh(ctx, p.ID); err != nil {
		return err
	}
	if known, err = m.store.Reader.Price.Query().Where(price.StripeID(p.ID)).Exist(ctx); err != nil || known {
		return err
	}
	raw, err := rawOf(nil, p)
	if err != nil {
		return err
	}
	p.Active = false
	return m.mirror(ctx, nil, p, raw, m.clock())
}

// firstPrice is the row of the price of the first item.
func firstPrice(ctx context.Context, tx *store.Tx, items []Item) (*ent.Price, error) {
	if len(items) == 0 {
		return nil, errNotOurs // Stripe has no subscription without an item
	}
	return tx.Price.Query().Where(price.StripeID(items[0].PriceStripeID)).Only(ctx)
}

// copyTo writes how a subscription is paid.
func (t *Terms) copyTo(m *ent.SubscriptionMutation) {
	m.SetCollection(t.Collection)
	m.SetMetadata(t.Metadata)
	if t.Currency != "" {
		m.SetCurrency(t.Currency)
	}
	t.Pause.copyTo(m)
	showUnsupported(m, t.Unsupported)
}

// showItemsOf writes what a subscription is for. Where a price has no row yet,
// which somebody else has put in while an operation was under way, the items stay
// as they are until the event of that arrives.
func showItemsOf(ctx context.Context, tx *store.Tx, m *ent.SubscriptionMutation, row *ent.Subscription, t *Terms, asOf time.Time) error {
	if len(t.Items) == 0 {
		return nil
	}
	prices := make([]*ent.Price, len(t.Items))
	for i, item := range t.Items {
		p, err := store.OrNil(tx.Price.Query().Where(price.StripeID(item.PriceStripeID)).Only(ctx))
		if err != nil {
			return err
		}
		if p == nil {
			return nil
		}
		prices[i] = p
	}
	m.SetPriceID(prices[0].ID)
	m.SetProductID(prices[0].ProductID)
	m.SetItemCount(len(t.Items))
	if len(t.Items) == 1 {
		m.SetOnlyPriceID(prices[0].ID)
		m.SetOnlyProductID(prices[0].ProductID)
	} else {
		m.ClearOnlyPriceID()
		m.ClearOnlyProductID()
	}
	return showItems(ctx, tx, row.ID, t.Items, prices, asOf)
}

// copyTo writes a pause, or that there is none.
func (p *Pause) copyTo(m *ent.SubscriptionMutation) {
	if p == nil {
		m.ClearPausedBehavior()
		m.ClearPausedUntil()
		return
	}
	m.SetPausedBehavior(p.Behavior)
	if p.Until != nil {
		m.SetPausedUntil(*p.Until)
	} else {
		m.ClearPausedUntil()
	}
}

// showItems makes the rows of a subscription's items what Stripe has. A row that
// waits for its counterpart gets the item with its price.
func showItems(ctx context.Context, tx *store.Tx, subscriptionID string, items []Item, prices []*ent.Price, asOf time.Time) error {
	rows, err := tx.SubscriptionItem.Query().Where(subscriptionitem.SubscriptionID(subscriptionID)).
		Order(subscriptionitem.ByID()).All(ctx)
	if err != nil {
		return err
	}
	for i, item := range items {
		at := slices.IndexFunc(rows, func(r *ent.SubscriptionItem) bool {
			return billing.ValueOr(r.StripeID, "") == item.StripeID
		})
		if at < 0 {
			at = slices.IndexFunc(rows, func(r *ent.SubscriptionItem) bool {
				return r.StripeID == nil && r.PriceID == prices[i].ID
			})
		}
		if at < 0 {
			create := tx.SubscriptionItem.Create().SetSubscriptionID(subscriptionID).SetStripeID(item.StripeID)
			item.copyTo(create.Mutation(), prices[i], asOf)
			if err := create.Exec(ctx); err != nil {
				return err
			}
			continue
		}
		update := tx.SubscriptionItem.UpdateOne(rows[at]).SetStripeID(item.StripeID)
		item.copyTo(update.Mutation(), prices[i], asOf)
		if err := update.Exec(ctx); err != nil {
			return err
		}
		rows = slices.Delete(rows, at, at+1)
	}
	for _, row := range rows {
		if err := tx.SubscriptionItem.DeleteOne(row).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (i Item) copyTo(m *ent.SubscriptionItemMutation, p *ent.Price, asOf time.Time) {
	m.SetPriceID(p.ID)
	m.SetProductID(p.ProductID)
	if i.Quantity != nil {
		m.SetQuantity(*i.Quantity)
	} else {
		m.ClearQuantity()
	}
	showUnsupported(m, i.Unsupported)
	stripesync.Synced(m, asOf)
}
