package stripesim

import (
	"math"
	"strconv"
)

// invoiceItem is an amount that waits for the subscription's next invoice: here, always a proration.
type invoiceItem struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Amount           int64             `json:"amount"`
	Currency         string            `json:"currency"`
	Customer         string            `json:"customer"`
	Date             int64             `json:"date"`
	Description      string            `json:"description"`
	Invoice          *string           `json:"invoice"`
	Livemode         bool              `json:"livemode"`
	Metadata         map[string]string `json:"metadata"`
	Period           period            `json:"period"`
	Price            string            `json:"price"`
	Proration        bool              `json:"proration"`
	Quantity         int64             `json:"quantity"`
	Subscription     string            `json:"subscription"`
	SubscriptionItem string            `json:"subscription_item"`
	TestClock        *string           `json:"test_clock"`
	UnitAmount       *int64            `json:"unit_amount"`
	UnitAmountText   *string           `json:"unit_amount_decimal"`
}

func (x *invoiceItem) identity() (id, kind string) { return x.ID, x.Object }

func getInvoiceItem(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return find[invoiceItem](c.tx, "invoiceitem", c.id(), notFound("invoiceitem", c.id(), "id"))
}

func listInvoiceItems(c *call) (any, error) {
	list := c.newList("invoiceitem", "/v1/invoiceitems")
	list.match("customer", c.params.text("customer", maxText))
	list.match("invoice", c.params.text("invoice", maxText))
	if pending := c.params.boolean("pending"); pending != nil && *pending {
		list.where(condition{sql: "body ->> '$.invoice' IS NULL"})
	}
	return list.run("created")
}

// prorate leaves pending what a change of items in the middle of a period comes to: the unused time on what was comes
// back, and, unless a new period begins at once, the remaining time on what is gets charged.
func (c *tx) prorate(was, is *subscription, newPeriod bool) error {
	for _, item := range was.Items.Data {
		if keeps(is, item) && !newPeriod {
			continue
		}
		if err := c.addProration(was, item, -1, "Unused time on "); err != nil {
			return err
		}
	}
	if newPeriod {
		return nil
	}
	for _, item := range is.Items.Data {
		if keeps(was, item) {
			continue
		}
		if err := c.addProration(is, item, 1, "Remaining time on "); err != nil {
			return err
		}
	}
	return nil
}

// keeps says whether a subscription has the same item at the same price and quantity.
func keeps(sub *subscription, item subscriptionItem) bool {
	for _, other := range sub.Items.Data {
		if other.ID == item.ID && other.Price == item.Price && orDefault(other.Quantity, 0) == orDefault(item.Quantity, 0) {
			return true
		}
	}
	return false
}

// creditUnusedTime leaves pending what an end in the middle of a period gives back.
func (c *tx) creditUnusedTime(sub *subscription) error {
	if sub.Status == statusTrialing || sub.Status == statusIncomplete {
		return nil
	}
	for _, item := range sub.Items.Data {
		if err := c.addProration(sub, item, -1, "Unused time on "); err != nil {
			return err
		}
	}
	return nil
}

// addProration leaves the rest of the period on one item pending, as a charge (sign 1) or a credit (sign -1).
func (c *tx) addProration(sub *subscription, item subscriptionItem, sign int64, label string) error {
	terms, err := c.priceByID(item.Price)
	if err != nil {
		return err
	}
	owner, err := find[product](c, "product", terms.Product, notFound("product", terms.Product, "product"))
	if err != nil {
		return err
	}
	left := float64(max(sub.CurrentPeriodEnd-c.now, 0)) / float64(sub.CurrentPeriodEnd-sub.CurrentPeriodStart)
	amount := sign * int64(math.Round(float64(terms.cost(item.Quantity))*left))
	unit, unitText := signed(terms, sign)
	return c.create(&invoiceItem{
		ID: newID("ii_1"), Object: "invoiceitem", Amount: amount, Currency: sub.Currency, Customer: sub.Customer,
		Date: c.now, Description: label + owner.Name, Metadata: map[string]string{},
		Period: period{c.now, sub.CurrentPeriodEnd}, Price: terms.ID, Proration: true, Quantity: orDefault(item.Quantity, 0),
		Subscription: sub.ID, SubscriptionItem: item.ID, TestClock: sub.TestClock,
		UnitAmount: unit, UnitAmountText: unitText,
	}, "invoiceitem.created")
}

// signed is a price's amount per unit, as a charge or a credit; nothing where it has none.
func signed(terms *price, sign int64) (*int64, *string) {
	if terms.UnitAmount == nil {
		return nil, nil
	}
	amount := sign * *terms.UnitAmount
	text := strconv.FormatInt(amount, 10)
	return &amount, &text
}

// pendingOf are the items that wait for a subscription's next invoice, oldest first.
func (c *tx) pendingOf(sub *subscription) ([]*invoiceItem, error) {
	newestFirst, err := findAll[invoiceItem](c, "invoiceitem", equal("subscription", sub.ID), condition{sql: "body ->> '$.invoice' IS NULL"})
	oldestFirst := make([]*invoiceItem, 0, len(newestFirst))
	for i := len(newestFirst) - 1; i >= 0; i-- {
		oldestFirst = append(oldestFirst, newestFirst[i])
	}
	return oldestFirst, err
}

// moveTo binds a pending item to an invoice and returns the line that it becomes.
func (c *tx) moveTo(item *invoiceItem, invoiceID string) (invoiceLine, error) {
	item.Invoice = &invoiceID
	return invoiceLine{
		ID: newID("il_1"), Object: "line_item", Type: "invoiceitem", Amount: item.Amount, AmountExcludingTax: item.Amount,
		Currency: item.Currency, Description: item.Description, Invoice: invoiceID, InvoiceItem: item.ID,
		Metadata: map[string]string{}, Period: item.Period, Price: item.Price, Proration: true, Quantity: item.Quantity,
		Subscription: item.Subscription, SubscriptionItem: item.SubscriptionItem, UnitAmountExcludingTax: item.UnitAmountText,
	}, c.update(item, "invoiceitem.updated")
}

// collectPending bills at once what is pending.
func (c *tx) collectPending(sub *subscription) (declined *apiError, err error) {
	pending, err := c.pendingOf(sub)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	due, err := c.draft(sub, reasonUpdate, sub.CurrentPeriodStart, nil)
	if err != nil {
		return nil, err
	}
	return c.collect(due)
}
