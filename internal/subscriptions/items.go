package subscriptions

import (
	"context"
	"strconv"

	"tallystick/ent"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/store"
)

// item is one price of a subscription with a quantity, as an operation is to
// bring it about.
type item struct {
	row      *ent.SubscriptionItem // nil for a new one
	price    *ent.Price
	quantity *int64 // nil for a metered price
}

// subscribablePrice reads a price that a subscription can be on.
func subscribablePrice(ctx context.Context, tx *store.Tx, id string, field ...string) (*ent.Price, error) {
	row, err := catalog.ActivePrice(ctx, tx, id, "priceId")
	switch {
	case err != nil:
	case !row.Edges.Product.Active:
		err = billing.Errorf(billing.CodePriceNotActive, "The price's product %q is archived.", row.Edges.Product.Name).
			At("priceId").About(row.ProductID)
	case row.Interval == nil:
		err = billing.Errorf(billing.CodeInvalidInput, "The price is paid once; a subscription needs a recurring one.").
			At("priceId").About(id)
	default:
		return row, nil
	}
	for i := len(field) - 1; i >= 0; i-- {
		err = billing.Under(field[i], err)
	}
	return nil, err
}

// quantityOf is how many units of a price are subscribed to: what the client has
// said, or else what was before. A metered price has no quantity.
func quantityOf(p *ent.Price, said *int, before *int64) (*int64, error) {
	if p.UsageType == billing.UsageMetered {
		if said != nil {
			return nil, billing.Errorf(billing.CodeInvalidInput, "The price is metered: its quantity is what is used.").
				At("quantity").About(p.ID)
		}
		return nil, nil
	}
	quantity := int64(1)
	switch {
	case said != nil:
		quantity = int64(*said)
	case before != nil:
		quantity = *before
	}
	return &quantity, nil
}

// checkItems checks what one subscription would be for. Stripe wants each price
// once, and all of them with one period and one currency
// (https://docs.stripe.com/billing/subscriptions/multiple-products#restrictions).
func checkItems(items []item) error {
	if len(items) == 0 {
		return billing.Errorf(billing.CodeInvalidInput, "A subscription needs one item at least; cancel it instead.").At("items")
	}
	seen := map[string]bool{}
	first := items[0].price
	for _, i := range items {
		switch {
		case seen[i.price.ID]:
			return billing.Errorf(billing.CodeInvalidInput, "A subscription can have a price only once; raise its quantity instead.").
				At("items").About(i.price.ID)
		case *i.price.Interval != *first.Interval, i.price.IntervalCount != first.IntervalCount:
			return billing.Errorf(billing.CodeInvalidInput, "All prices of a subscription must have the same period.").
				At("items").About(i.price.ID)
		case i.price.Currency != first.Currency:
			return billing.Errorf(billing.CodeInvalidInput, "All prices of a subscription must have the same currency.").
				At("items").About(i.price.ID)
		}
		seen[i.price.ID] = true
	}
	return nil
}

// itemsOf are the items of a subscription with their prices, the oldest first.
func itemsOf(ctx context.Context, tx *store.Tx, subscriptionID string) ([]item, error) {
	rows, err := tx.SubscriptionItem.Query().
		Where(subscriptionitem.SubscriptionID(subscriptionID)).
		WithPrice().
		Order(subscriptionitem.ByID()).
		All(ctx)
	items := make([]item, len(rows))
	for i, row := range rows {
		items[i] = item{row: row, price: row.Edges.Price, quantity: row.Quantity}
	}
	return items, err
}

func checkItemID(id string, path ...string) error {
	err := billing.CheckID("subscription item", billing.SubscriptionItemPrefix, id, path[len(path)-1])
	for i := len(path) - 2; i >= 0; i-- {
		err = billing.Under(path[i], err)
	}
	return err
}

// at names an element of the input's list of items.
func at(i int, err error) error {
	return billing.Under("items", billing.Under(strconv.Itoa(i), err))
}
