package subscription

import (
	"strconv"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/state"
)

// invoiceItem is an amount that waits for an invoice, or is on one.
type invoiceItem struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Amount           int64             `json:"amount"`
	Currency         string            `json:"currency"`
	Customer         string            `json:"customer"`
	Date             int64             `json:"date"`
	Description      string            `json:"description"`
	Discountable     bool              `json:"discountable"` // never where prorations have reckoned with discounts already
	Discounts        []string          `json:"discounts,omitempty"`
	Invoice          *string           `json:"invoice"`
	Livemode         bool              `json:"livemode"`
	Metadata         map[string]string `json:"metadata"`
	Period           period            `json:"period"`
	Price            string            `json:"price"`
	Proration        bool              `json:"proration"`
	Quantity         int64             `json:"quantity"`
	Subscription     state.Ref         `json:"subscription"`
	SubscriptionItem string            `json:"subscription_item,omitempty"`
	TaxRates         []string          `json:"tax_rates,omitempty"`
	TestClock        *string           `json:"test_clock"`
	UnitAmount       *int64            `json:"unit_amount"`
	UnitAmountText   *string           `json:"unit_amount_decimal"`
}

func (x *invoiceItem) Identity() (id, kind string) { return x.ID, x.Object }

func getInvoiceItem(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return state.Find[invoiceItem](c.Tx, "invoiceitem", c.ID(), apierror.NotFound("invoiceitem", c.ID(), "id"))
}

func listInvoiceItems(c *state.Request) (any, error) {
	list := c.NewList("invoiceitem", "/v1/invoiceitems")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.Match("invoice", c.Params.Text("invoice", form.MaxText))
	if pending := c.Params.Boolean("pending"); pending != nil && *pending {
		list.Where(notInvoiced)
	}
	return list.Run("created")
}

// prorate leaves pending what a change of items in the middle of a period comes to: the
// unused time on what was comes back, and, unless a new period begins at once, the
// remaining time on what is gets charged.
func prorate(t *state.Tx, was, is *Subscription, newPeriod bool, at int64) error {
	for _, item := range was.Items.Data {
		if keeps(is, item) && !newPeriod {
			continue
		}
		if err := addProration(t, was, item, -1, "Unused time on ", at); err != nil {
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
		if err := addProration(t, is, item, 1, "Remaining time on ", at); err != nil {
			return err
		}
	}
	return nil
}

// keeps says whether a subscription has the same item at the same price and quantity.
func keeps(sub *Subscription, item subscriptionItem) bool {
	for _, other := range sub.Items.Data {
		if other.ID == item.ID && other.Price == item.Price && form.OrDefault(other.Quantity, 0) == form.OrDefault(item.Quantity, 0) {
			return true
		}
	}
	return false
}

// creditUnusedTime leaves pending what an end in the middle of a period gives back.
func creditUnusedTime(t *state.Tx, sub *Subscription) error {
	if sub.Status == StatusTrialing || sub.Status == StatusIncomplete {
		return nil
	}
	for _, item := range sub.Items.Data {
		if err := addProration(t, sub, item, -1, "Unused time on ", t.Now); err != nil {
			return err
		}
	}
	return nil
}

// addProration leaves the rest of the period on one item pending, as a charge (sign 1)
// or a credit (sign -1).
func addProration(t *state.Tx, sub *Subscription, item subscriptionItem, sign int64, label string, at int64) error {
	terms, err := catalog.PriceByID(t, item.Price)
	if err != nil {
		return err
	}
	owner, err := state.Find[catalog.Product](t, "product", terms.Product, apierror.NotFound("product", terms.Product, "product"))
	if err != nil {
		return err
	}
	cost, err := discountedCost(t, sub, item, terms, sign < 0)
	if err != nil {
		return err
	}
	amount := sign * billing.UnusedShare(cost, sub.CurrentPeriodStart, sub.CurrentPeriodEnd, at)
	unit, unitText := signed(terms, sign)
	return t.Create(&invoiceItem{
		ID: state.NewID("ii_1"), Object: "invoiceitem", Amount: amount, Currency: sub.Currency, Customer: sub.Customer,
		Date: t.Now, Description: label + several(item.Quantity) + owner.Name + " after " + onDay(at), Metadata: map[string]string{},
		Period: period{Start: at, End: sub.CurrentPeriodEnd}, Price: terms.ID, Proration: true, Quantity: form.OrDefault(item.Quantity, 0),
		Subscription: state.Ref(sub.ID), SubscriptionItem: item.ID, TaxRates: item.TaxRates, TestClock: sub.TestClock,
		UnitAmount: unit, UnitAmountText: unitText,
	}, "invoiceitem.created")
}

// several names a quantity of more than one.
func several(quantity *int64) string {
	if n := form.OrDefault(quantity, 1); n > 1 {
		return strconv.FormatInt(n, 10) + " × "
	}
	return ""
}

// signed is a price's amount per unit, as a charge or a credit; nothing where it has none.
func signed(terms *catalog.Price, sign int64) (*int64, *string) {
	if terms.UnitAmount == nil {
		return nil, nil
	}
	amount := sign * *terms.UnitAmount
	text := strconv.FormatInt(amount, 10)
	return &amount, &text
}

// pendingOf are the items that wait for a subscription's next invoice, oldest first:
// its own, and those of its customer that name no subscription.
func pendingOf(t *state.Tx, sub *Subscription) ([]*invoiceItem, error) {
	newestFirst, err := state.FindAll[invoiceItem](t, "invoiceitem", state.Equal("customer", sub.Customer),
		state.Condition{Sql: "coalesce(body ->> '$.subscription', ?) = ?", Args: []any{sub.ID, sub.ID}}, notInvoiced)
	oldestFirst := make([]*invoiceItem, 0, len(newestFirst))
	for i := len(newestFirst) - 1; i >= 0; i-- {
		oldestFirst = append(oldestFirst, newestFirst[i])
	}
	return oldestFirst, err
}

// takePending binds what waits for a subscription's next invoice to that one, and
// returns the lines that it becomes.
func takePending(t *state.Tx, sub *Subscription, invoiceID string) ([]InvoiceLine, error) {
	pending, err := pendingOf(t, sub)
	if err != nil {
		return nil, err
	}
	var lines []InvoiceLine
	for _, item := range pending {
		line, err := billPending(t, item, invoiceID)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// billPending binds a pending item to an invoice and returns the line that it becomes.
func billPending(t *state.Tx, item *invoiceItem, invoiceID string) (InvoiceLine, error) {
	item.Invoice = &invoiceID
	credited, err := creditedBy(t, item)
	if err != nil {
		return InvoiceLine{}, err
	}
	line := item.line()
	line.ProrationDetails = credited
	return line, t.Update(item, "invoiceitem.updated")
}

// collectPending bills at once what is pending.
func collectPending(t *state.Tx, sub *Subscription) (declined *apierror.Error, err error) {
	pending, err := pendingOf(t, sub)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	due, err := DraftInvoice(t, sub, ReasonUpdate, sub.CurrentPeriodStart, nil)
	if err != nil {
		return nil, err
	}
	return collectInvoice(t, due)
}

// prorationDetails say what a credit gives back.
type prorationDetails struct {
	CreditedItems *creditedItems `json:"credited_items"`
}

type creditedItems struct {
	Invoice   string   `json:"invoice"`
	LineItems []string `json:"invoice_line_items"`
}

// creditedBy finds the line that billed what a proration credits; nil for a charge.
func creditedBy(t *state.Tx, item *invoiceItem) (*prorationDetails, error) {
	if !item.Proration || item.Amount >= 0 {
		return nil, nil
	}
	due, line, err := billedLine(t, string(item.Subscription), item.SubscriptionItem, item.Price)
	if err != nil || line == nil {
		return nil, err
	}
	return &prorationDetails{&creditedItems{Invoice: due.ID, LineItems: []string{line.ID}}}, nil
}

// billedLine is the line that billed an item at a price for the last time; nil when none has.
func billedLine(t *state.Tx, subscriptionID, itemID, price string) (*Invoice, *InvoiceLine, error) {
	earlier, err := state.FindAll[Invoice](t, "invoice", state.Equal("subscription", subscriptionID))
	if err != nil {
		return nil, nil, err
	}
	for _, due := range earlier {
		for i := range due.Lines.Data {
			if line := &due.Lines.Data[i]; line.SubscriptionItem == itemID && line.Price == price && line.Amount > 0 {
				return due, line, nil
			}
		}
	}
	return nil, nil, nil
}
