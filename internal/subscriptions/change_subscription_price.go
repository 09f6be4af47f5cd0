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

// ChangeSubscriptionPrice is the input of
// [Subscriptions.ChangeSubscriptionPrice].
type ChangeSubscriptionPrice struct {
	SubscriptionID string
	PriceID        string
	ItemID         *string // nil: the only item
	Proration      billing.ProrationBehavior
	IdempotencyKey *string
}

func (in ChangeSubscriptionPrice) check() error {
	return billing.First(
		checkID(in.SubscriptionID),
		billing.CheckID("price", billing.PricePrefix, in.PriceID, "priceId"),
		in.checkItemID(),
	)
}

func (in ChangeSubscriptionPrice) checkItemID() error {
	if in.ItemID == nil {
		return nil
	}
	return checkItemID(*in.ItemID, "itemId")
}

// ChangeSubscriptionPrice moves an item of a subscription to another price now, and
// keeps its quantity. Proration says what is charged for the current period.
//
// It returns PRICE_NOT_ACTIVE for a price that is not ACTIVE or whose product is
// archived, PRICE_UNCHANGED when the item has this price, AMBIGUOUS_ITEM when none
// of several items is named, NOT_FOUND for an item of another subscription,
// INVALID_INPUT for a price that cannot be in the subscription, SUBSCRIPTION_ENDED
// when it has ended, and INVALID_TRANSITION in every other status than TRIALING,
// ACTIVE and PAST_DUE.
func (s *Subscriptions) ChangeSubscriptionPrice(ctx context.Context, in ChangeSubscriptionPrice) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "changeSubscriptionPrice", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := s.lock(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckPriceChange(); err != nil {
				return nil, billing.About(row.ID, billing.At(err, "subscriptionId"))
			}
			to, err := subscribablePrice(ctx, tx, in.PriceID)
			if err != nil {
				return nil, err
			}
			itemStripeID, err := in.itemInStripe(ctx, tx, row, to)
			if err != nil {
				return nil, err
			}
			return begin(ctx, tx, s.priceSwitch, priceSwitch{target: targetOf(row), Switch: otherPrice{
				ItemStripeID: itemStripeID, PriceStripeID: *to.StripeID, Proration: in.Proration,
			}}, stripesync.StepOf[priceSwitch](switchPrice))
		},
	})
	return s.result(ctx, op, rejection)
}

// itemInStripe is the id in Stripe of the item whose price changes. It is empty while
// the subscription's items have not been read from Stripe yet; the step asks for it then.
func (in ChangeSubscriptionPrice) itemInStripe(ctx context.Context, tx *store.Tx, row *ent.Subscription, to *ent.Price) (string, error) {
	items, err := itemsOf(ctx, tx, row.ID)
	if err != nil {
		return "", err
	}
	at := 0
	switch {
	case in.ItemID != nil:
		if at = slices.IndexFunc(items, func(i item) bool { return i.row.ID == *in.ItemID }); at < 0 {
			return "", billing.At(billing.NotFound("item", *in.ItemID), "itemId")
		}
	case len(items) > 1:
		return "", ambiguous(row.ID)
	case len(items) == 0:
		if to.ID == row.PriceID {
			return "", unchanged(to)
		}
		return "", nil
	}
	if items[at].price.ID == to.ID {
		return "", unchanged(to)
	}
	stripeID := billing.ValueOr(items[at].row.StripeID, "")
	items[at].price = to
	return stripeID, billing.At(checkItems(items), "priceId")
}

func ambiguous(subscriptionID string) error {
	return billing.Errorf(billing.CodeAmbiguousItem, "The subscription has several items; name the one that goes over to the price.").
		At("itemId").About(subscriptionID)
}

func unchanged(to *ent.Price) error {
	return billing.Errorf(billing.CodePriceUnchanged, "The item is on this price already.").At("priceId").About(to.ID)
}

// priceSwitch is the frozen input of the operation.
type priceSwitch struct {
	target
	Switch otherPrice `json:"switch"`
}

// otherPrice is the price that an item goes over to.
type otherPrice struct {
	ItemStripeID  string                    `json:"item,omitempty"` // empty: the only one
	PriceStripeID string                    `json:"price_stripe_id"`
	Proration     billing.ProrationBehavior `json:"proration"`
}

// switchPrice sends POST /v1/subscriptions/{id} for one item. It has no undo, as it is
// the only step, and Finish rejects nothing. After a refusal GET /v1/subscriptions/{id}
// follows, and readers see what that says, with the link FAILED; a subscription that
// has ended is SUBSCRIPTION_ENDED. Where the refusal says that the price is missing or
// not active, GET /v1/prices/{id} follows too. Spend is an update of the customer that
// changes nothing.
var switchPrice = &stripesync.Step[priceSwitch, report]{
	Name: "change_price",
	Do: func(c *stripesync.Call[priceSwitch]) (report, error) {
		id, err := onlyItem(c)
		if err != nil {
			return report{}, err
		}
		params := &stripe.SubscriptionParams{
			Params: c.Write(),
			Items: []*stripe.SubscriptionItemsParams{{
				ID: stripe.String(id), Price: stripe.String(c.Params.Switch.PriceStripeID),
			}},
			ProrationBehavior: stripe.String(stripeapi.Lower(c.Params.Switch.Proration)),
		}
		params.AddExpand("latest_invoice")
		now, ended, err := changeUnlessEnded(c, func() (*stripe.Subscription, error) {
			return c.Stripe.Subscriptions.Update(c.Params.StripeID, params)
		})
		if ended {
			return reportOf(now), endedInStripe(now)
		}
		return reportOf(now), refreshPrices(c, []string{c.Params.Switch.PriceStripeID}, err)
	},
	Find: func(c *stripesync.Call[priceSwitch]) (report, bool, error) {
		return look(c, func(now *mirror.Subscription) bool { return c.Params.Switch.holds(now.Terms.Items) })
	},
	Spend: spendKey[priceSwitch],
	Keep:  true,
}

// holds reports whether the item is on the price already.
func (o otherPrice) holds(items []mirror.Item) bool {
	i := slices.IndexFunc(items, func(i mirror.Item) bool { return o.ItemStripeID == "" || i.StripeID == o.ItemStripeID })
	return i >= 0 && items[i].PriceStripeID == o.PriceStripeID
}

// onlyItem is the id in Stripe of the item whose price changes. Where none was
// named and somebody has added one, it is AMBIGUOUS_ITEM.
func onlyItem(c *stripesync.Call[priceSwitch]) (string, error) {
	if c.Params.Switch.ItemStripeID != "" {
		return c.Params.Switch.ItemStripeID, nil
	}
	s, err := c.Stripe.Subscriptions.Get(c.Params.StripeID, &stripe.SubscriptionParams{Params: c.Read()})
	switch {
	case err != nil:
		return "", err
	case s.Items == nil || len(s.Items.Data) == 0:
		return "", billing.Errorf(billing.CodeStripeRejected, "The subscription has no item in Stripe.")
	case len(s.Items.Data) > 1:
		return "", ambiguous(c.Params.SubscriptionID)
	}
	return s.Items.Data[0].ID, nil
}

func (s *Subscriptions) priceSwitchOperation() *stripesync.Operation[priceSwitch] {
	return oneStep(s, billing.KindChangeSubscriptionPrice, switchPrice)
}
