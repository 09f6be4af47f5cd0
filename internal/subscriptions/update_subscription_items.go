package subscriptions

import (
	"context"
	"slices"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// UpdateSubscriptionItems is the input of
// [Subscriptions.UpdateSubscriptionItems].
type UpdateSubscriptionItems struct {
	SubscriptionID string
	Items          []*billing.ItemChange
	Proration      billing.ProrationBehavior
	IdempotencyKey *string
}

func (in UpdateSubscriptionItems) check() error {
	if err := checkID(in.SubscriptionID); err != nil {
		return err
	}
	if n := len(in.Items); n == 0 || n > billing.MaxItems {
		return billing.Errorf(billing.CodeInvalidInput, "1 to %d items can change at once, not %d.", billing.MaxItems, n).At("items")
	}
	named := map[string]bool{}
	for i, change := range in.Items {
		if err := checkChange(change, named); err != nil {
			return at(i, err)
		}
	}
	return nil
}

func checkChange(c *billing.ItemChange, named map[string]bool) error {
	deletes := billing.ValueOr(c.Delete, false)
	switch {
	case c.ID == nil && deletes:
		return billing.Errorf(billing.CodeInvalidInput, "Name the item that is removed.").At("id")
	case c.ID == nil && c.PriceID == nil:
		return billing.Errorf(billing.CodeInvalidInput, "Name the item that changes, or the price of a new one.").At("priceId")
	case c.ID != nil && named[*c.ID]:
		return billing.Errorf(billing.CodeInvalidInput, "An item can change only once.").At("id")
	case deletes && (c.PriceID != nil || c.Quantity != nil):
		return billing.Errorf(billing.CodeInvalidInput, "An item that is removed cannot change.").At("delete")
	case c.ID != nil && !deletes && c.PriceID == nil && c.Quantity == nil:
		return billing.Errorf(billing.CodeInvalidInput, "Say what changes about the item.").At("id")
	}
	if c.ID != nil {
		named[*c.ID] = true
		if err := checkItemID(*c.ID, "id"); err != nil {
			return err
		}
	}
	if c.PriceID != nil {
		if err := billing.CheckID("price", billing.PricePrefix, *c.PriceID, "priceId"); err != nil {
			return err
		}
	}
	return billing.At(billing.CheckQuantity(c.Quantity), "quantity")
}

// UpdateSubscriptionItems adds, changes and removes items of a subscription, all of
// them or none. Proration says what is charged for the current period.
//
// It returns PRICE_NOT_ACTIVE for a price that is not ACTIVE or whose product is
// archived, NOT_FOUND for an item of another subscription, INVALID_INPUT when no
// item would remain or when Stripe does not combine the prices, SUBSCRIPTION_ENDED
// when the subscription has ended, and INVALID_TRANSITION in every other status
// than TRIALING, ACTIVE and PAST_DUE.
func (s *Subscriptions) UpdateSubscriptionItems(ctx context.Context, in UpdateSubscriptionItems) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "updateSubscriptionItems", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckPriceChange(); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			changes, err := in.changes(ctx, tx, row)
			if err != nil {
				return nil, err
			}
			return begin(ctx, tx, s.itemUpdate, itemUpdate{
				target: targetOf(row), Items: changes, Proration: in.Proration,
			}, stripesync.StepOf[itemUpdate](updateItems))
		},
	})
	return s.result(ctx, op, rejection)
}

// itemUpdate is the frozen input of the operation.
type itemUpdate struct {
	target
	Items     []itemChange              `json:"items"`
	Proration billing.ProrationBehavior `json:"proration"`
}

// itemChange is what Stripe is told of one item.
type itemChange struct {
	StripeID      string `json:"id,omitempty"` // empty for a new item
	PriceStripeID string `json:"price,omitempty"`
	Quantity      *int64 `json:"quantity,omitempty"`
	Delete        bool   `json:"delete,omitempty"`
}

// changes are what Stripe is told, once what would come of them was found to be a
// subscription that Stripe can have.
func (in UpdateSubscriptionItems) changes(ctx context.Context, tx *store.Tx, row *ent.Subscription) ([]itemChange, error) {
	items, err := itemsOf(ctx, tx, row.ID)
	if err != nil {
		return nil, err
	}
	changes := make([]itemChange, len(in.Items))
	for n, wanted := range in.Items {
		if items, changes[n], err = applyChange(ctx, tx, items, wanted); err != nil {
			return nil, at(n, err)
		}
	}
	return changes, checkItems(items)
}

func applyChange(ctx context.Context, tx *store.Tx, items []item, wanted *billing.ItemChange) ([]item, itemChange, error) {
	var change itemChange
	next := item{}
	i := len(items)
	if wanted.ID != nil {
		i = slices.IndexFunc(items, func(i item) bool { return i.row != nil && i.row.ID == *wanted.ID })
		if i < 0 {
			return nil, change, billing.At(billing.NotFound("item", *wanted.ID), "id")
		}
		next, change.StripeID = items[i], billing.ValueOr(items[i].row.StripeID, "")
	}
	if billing.ValueOr(wanted.Delete, false) {
		change.Delete = true
		return slices.Delete(items, i, i+1), change, nil
	}
	if wanted.PriceID != nil {
		price, err := subscribablePrice(ctx, tx, *wanted.PriceID)
		if err != nil {
			return nil, change, err
		}
		next.price, change.PriceStripeID = price, *price.StripeID
	}
	quantity, err := quantityOf(next.price, wanted.Quantity, next.quantity)
	if err != nil {
		return nil, change, err
	}
	next.quantity = quantity
	if wanted.Quantity != nil || wanted.ID == nil {
		change.Quantity = quantity
	}
	if i == len(items) {
		return append(items, next), change, nil
	}
	items[i] = next
	return items, change, nil
}

// updateItems sends one POST /v1/subscriptions/{id} for all items. It has no undo, as it is
// the only step, and Finish rejects nothing. After a refusal GET /v1/subscriptions/{id}
// follows, and a subscription that has ended is SUBSCRIPTION_ENDED; where the refusal says
// that a price is missing or not active, GET /v1/prices/{id} follows too. Spend is an
// update of the customer that changes nothing.
var updateItems = &stripesync.Step[itemUpdate, report]{
	Name: "update_items",
	Do: func(c *stripesync.Call[itemUpdate]) (report, error) {
		params := &stripe.SubscriptionParams{
			Params:            c.Write(),
			ProrationBehavior: stripe.String(stripeapi.Lower(c.Params.Proration)),
		}
		var prices []string
		for _, change := range c.Params.Items {
			item := &stripe.SubscriptionItemsParams{
				ID: stripeapi.NonEmpty(change.StripeID), Price: stripeapi.NonEmpty(change.PriceStripeID), Quantity: change.Quantity,
			}
			if change.Delete {
				item.Deleted = stripe.Bool(true)
			}
			if change.PriceStripeID != "" {
				prices = append(prices, change.PriceStripeID)
			}
			params.Items = append(params.Items, item)
		}
		params.AddExpand("latest_invoice")
		now, ended, err := changeUnlessEnded(c, func() (*stripe.Subscription, error) {
			return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
		})
		if ended {
			return reportOf(now), endedInStripe(now)
		}
		return reportOf(now), refreshPrices(c, prices, err)
	},
	// An item that was added or removed cannot be added or removed again.
	Find: func(c *stripesync.Call[itemUpdate]) (report, bool, error) {
		return look(c, func(now *mirror.Subscription) bool { return c.Params.hold(now.Terms.Items) })
	},
	Spend: spendKey[itemUpdate],
	Keep:  true,
}

// hold reports whether all changes are so already among the items that Stripe has.
func (p itemUpdate) hold(items []mirror.Item) bool {
	return !slices.ContainsFunc(p.Items, func(change itemChange) bool {
		i := slices.IndexFunc(items, func(i mirror.Item) bool {
			if change.StripeID == "" {
				return i.PriceStripeID == change.PriceStripeID
			}
			return i.StripeID == change.StripeID
		})
		switch {
		case i < 0 || change.Delete:
			return change.Delete != (i < 0)
		case change.PriceStripeID != "" && items[i].PriceStripeID != change.PriceStripeID:
			return true
		}
		return change.Quantity != nil && billing.ValueOr(items[i].Quantity, 0) != *change.Quantity
	})
}

func (s *Subscriptions) itemUpdateOperation() *stripesync.Operation[itemUpdate] {
	return oneStep(s, billing.KindUpdateSubscriptionItems, updateItems)
}
