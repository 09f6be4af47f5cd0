package subscription

import (
	"math/big"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/state"
)

// discountAmount is what one discount takes off.
type discountAmount struct {
	Amount   int64  `json:"amount"`
	Discount string `json:"discount"`
}

// LiveDiscount is the end of a discount's time.
func LiveDiscount(t *state.Tx, id string) error {
	over, _, err := discount.ByID(t, id)
	if err != nil {
		return err
	}
	return dropDiscount(t, over)
}

// dropDiscount takes a discount away from whoever has it.
func dropDiscount(t *state.Tx, over *discount.Discount) error {
	if over.Subscription != nil {
		subs, err := state.FindAll[Subscription](t, "subscription", state.Equal("id", *over.Subscription), state.Equal("discount", over.ID))
		if err != nil {
			return err
		}
		for _, sub := range subs {
			sub.Discount = nil
			if err := t.Update(sub, "customer.subscription.updated"); err != nil {
				return err
			}
		}
	} else if over.Customer != nil {
		payers, err := state.FindAll[customer.Customer](t, "customer", state.Equal("id", *over.Customer), state.Equal("discount", over.ID))
		if err != nil {
			return err
		}
		for _, payer := range payers {
			payer.Discount = nil
			if err := t.Update(payer, "customer.updated"); err != nil {
				return err
			}
		}
	}
	_, err := discount.Remove(t, over.ID)
	return err
}

// inheritDiscount gives a new invoice the discount of its subscription, or else its customer's.
func (x *Invoice) inheritDiscount(t *state.Tx, of, otherwise *string) error {
	if of == nil {
		of = otherwise
	}
	if of == nil {
		return nil
	}
	found, _, err := discount.ByID(t, *of)
	if err != nil || found.Ended(x.Created) {
		return err
	}
	x.setDiscounts([]string{found.ID})
	return nil
}

// setDiscounts says which discounts an invoice has; there is a field of its own for the
// only one.
func (x *Invoice) setDiscounts(ids []string) {
	x.Discounts, x.Discount = ids, nil
	if len(ids) == 1 {
		x.Discount = &ids[0]
	}
}

// holder is who has a discount on an invoice.
func (x *Invoice) holder() discount.Holder {
	return discount.Holder{Customer: x.Customer, Clock: form.OrDefault(x.TestClock, ""), Invoice: &x.ID, Currency: x.Currency}
}

// resolveDiscounts are the ids of the discounts that a request names, redeemed where
// they are new.
func resolveDiscounts(t *state.Tx, chosen []discount.Choice, holder discount.Holder) ([]string, error) {
	var ids []string
	for _, one := range chosen {
		found, err := one.Resolve(t, holder)
		if err != nil {
			return nil, err
		}
		ids = append(ids, found.ID)
	}
	return ids, nil
}

// useUpDiscounts takes away, once an invoice is final, the discounts that were for one
// invoice alone.
func useUpDiscounts(t *state.Tx, due *Invoice) error {
	for _, taken := range due.TotalDiscountAmounts {
		used, coupon, err := discount.ByID(t, taken.Discount)
		if err != nil {
			return err
		}
		bound := used.Invoice != nil || used.InvoiceItem != nil // to what will not be billed again anyway
		if bound || coupon.Duration != discount.Once || taken.Amount == 0 {
			continue
		}
		if err := dropDiscount(t, used); err != nil {
			return err
		}
	}
	return nil
}

// takeOff lets one discount reduce the lines of an invoice that it applies to.
func takeOff(t *state.Tx, lines []InvoiceLine, id string, applies func(line *InvoiceLine) bool) (total int64, err error) {
	_, coupon, err := discount.ByID(t, id)
	if err != nil {
		return 0, err
	}
	left, covered := make([]int64, len(lines)), make([]bool, len(lines))
	for i := range lines {
		line := &lines[i]
		if !line.Discountable || !applies(line) {
			continue
		}
		terms, err := catalog.PriceByID(t, line.Price)
		if err != nil {
			return 0, err
		}
		if covered[i] = coupon.Covers(terms.Product); covered[i] {
			left[i] = line.net()
		}
	}
	for i, off := range coupon.Reduction().Of(left) {
		if covered[i] {
			lines[i].DiscountAmounts = append(lines[i].DiscountAmounts, discountAmount{Amount: off, Discount: id})
			total += off
		}
	}
	return total, nil
}

// net is what a line comes to after its discounts.
func (x *InvoiceLine) net() int64 {
	amount := x.Amount
	for _, taken := range x.DiscountAmounts {
		amount -= taken.Amount
	}
	return amount
}

// redeem gives a subscription the discount that a request asks for. Amount is what is
// to be paid with it.
func (x *Subscription) redeem(t *state.Tx, chosen discount.Choice, amount int64) error {
	return chosen.Change(t, &x.Discount, discount.Holder{
		Customer: x.Customer, Clock: form.OrDefault(x.TestClock, ""), Subscription: &x.ID, Currency: x.Currency, Amount: &amount,
	})
}

// redeemLater is redeem for a subscription that runs already.
func (x *Subscription) redeemLater(t *state.Tx, chosen discount.Choice) error {
	if !chosen.Redeems() && !chosen.Clears() {
		return nil
	}
	terms, err := pricesOf(t, x)
	if err != nil {
		return err
	}
	return x.redeem(t, chosen, x.amount(terms))
}

func deleteSubscriptionDiscount(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, err := SubscriptionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if sub.Discount == nil {
		return nil, discount.None("subscription", sub.ID)
	}
	gone, err := discount.Remove(c.Tx, *sub.Discount)
	if err != nil {
		return nil, err
	}
	sub.Discount = nil
	return gone, c.Update(sub, "customer.subscription.updated")
}

// discountedCost is what a whole period of an item costs as far as prorations count: a
// credit gives back what was paid, a charge is reduced by the percentage that is in
// force.
func discountedCost(t *state.Tx, sub *Subscription, item subscriptionItem, terms *catalog.Price, credit bool) (int64, error) {
	cost := terms.Cost(item.Quantity)
	if credit {
		_, billed, err := billedLine(t, sub.ID, item.ID, item.Price)
		if err != nil || billed == nil {
			return cost, err
		}
		share := new(big.Int).Mul(big.NewInt(cost), big.NewInt(billed.net()))
		return share.Div(share, big.NewInt(billed.Amount)).Int64(), nil
	}
	id := sub.Discount
	if id == nil {
		payer, err := state.Find[customer.Customer](t, "customer", sub.Customer, apierror.NotFound("customer", sub.Customer, "customer"))
		if err != nil {
			return 0, err
		}
		id = payer.Discount
	}
	if id == nil {
		return cost, nil
	}
	held, coupon, err := discount.ByID(t, *id)
	if err != nil || held.Ended(t.Now) || coupon.PercentOff == nil || coupon.Duration == discount.Once || !coupon.Covers(terms.Product) {
		return cost, err
	}
	return cost - coupon.Reduction().Of([]int64{cost})[0], nil
}
