package subscription

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// notInvoiced are the items that wait for an invoice.
var notInvoiced = state.Condition{Sql: "body ->> '$.invoice' IS NULL"}

// itemUnmodelled are Stripe's parameters of an invoice item that the sandbox leaves out.
var itemUnmodelled = []string{"tax_behavior", "tax_code"}

func createInvoiceItem(c *state.Request) (any, error) {
	customerID := c.Params.Required("customer", form.MaxText)
	amount, currency := c.Params.Integer("amount"), c.Params.Text("currency", 3)
	priceID, inline := c.Params.Text("price", form.MaxText), catalog.ReadInline(c.Params, "price_data")
	quantity := form.OrDefault(c.Params.Between("quantity", 0, 1_000_000), 1)
	each := c.Params.Integer("unit_amount")
	invoiceID, subscriptionID := c.Params.Text("invoice", form.MaxText), c.Params.Text("subscription", form.MaxText)
	description, metadata, span := c.Params.Clearable("description", form.MaxText), c.Params.Metadata(), c.Params.Object("period")
	discounts, _ := discount.ReadList(c.Params, "coupon", "discount")
	taxRates := tax.Read(c.Params, "tax_rates")
	made := &invoiceItem{
		Discountable: form.OrDefault(c.Params.Boolean("discountable"), amount == nil || *amount >= 0),
		ID:           state.NewID("ii_1"), Object: "invoiceitem", Customer: customerID, Date: c.Now, Period: period{Start: c.Now, End: c.Now},
		Quantity: quantity, Currency: strings.ToLower(form.OrDefault(currency, "usd")),
	}
	if span != nil {
		made.Period.Start, made.Period.End = form.OrDefault(span.Integer("start"), c.Now), form.OrDefault(span.Integer("end"), c.Now)
	}
	if amount == nil && priceID == nil && inline == nil && each == nil {
		c.Params.Missing("amount")
	}
	if err := c.Params.Done(append(itemUnmodelled, "unit_amount_decimal")...); err != nil {
		return nil, err
	}
	payer, err := payerOf(c.Tx, customerID)
	if err != nil {
		return nil, err
	}
	made.TestClock = payer.TestClock
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	if amount != nil {
		each, made.Quantity = amount, 1
	}
	if err := made.priceBy(c.Tx, priceID, inline, each, form.OrDefault(description, "")); err != nil {
		return nil, err
	}
	if err := taxRates.ApplyTo(c.Tx, &made.TaxRates); err != nil {
		return nil, err
	}
	if made.Discounts, err = resolveDiscounts(c.Tx, discounts, made.holder()); err != nil {
		return nil, err
	}
	if err := made.belongTo(c.Tx, subscriptionID); err != nil {
		return nil, err
	}
	if invoiceID == nil {
		return made, c.Create(made, "invoiceitem.created")
	}
	return made, addToDraft(c.Tx, made, *invoiceID)
}

// belongTo names the subscription that an item is billed with, if one is given.
func (x *invoiceItem) belongTo(t *state.Tx, subscriptionID *string) error {
	if subscriptionID == nil {
		return nil
	}
	sub, err := state.Find[Subscription](t, "subscription", *subscriptionID, apierror.UnknownReference("subscription", *subscriptionID, "subscription"))
	if err != nil {
		return err
	}
	x.Subscription = state.Ref(sub.ID)
	return nil
}

// priceBy gives an item its price: one that exists, or a new one.
func (x *invoiceItem) priceBy(t *state.Tx, id *string, inline *catalog.Inline, each *int64, description string) error {
	var terms *catalog.Price
	var err error
	switch {
	case id != nil:
		terms, err = state.Find[catalog.Price](t, "price", *id, apierror.UnknownReference("price", *id, "price"))
	case inline != nil:
		terms, err = inline.Make(t)
	default:
		terms, err = catalog.OneTime(t, cmp.Or(description, "Invoice item"), x.Currency, *each)
	}
	if err != nil {
		return err
	}
	if terms.Recurring != nil {
		return apierror.Invalid("price", "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.")
	}
	owner, err := state.Find[catalog.Product](t, "product", terms.Product, apierror.NotFound("product", terms.Product, "product"))
	if err != nil {
		return err
	}
	x.Price, x.Currency, x.UnitAmount, x.UnitAmountText = terms.ID, terms.Currency, terms.UnitAmount, terms.UnitAmountDecimal
	x.Amount, x.Description = terms.Cost(&x.Quantity), cmp.Or(description, owner.Name)
	return nil
}

// addToDraft puts a new item on a draft at once.
func addToDraft(t *state.Tx, item *invoiceItem, invoiceID string) error {
	draft, err := draftToChange(t, invoiceID)
	if err != nil {
		return err
	}
	if draft.Customer != item.Customer {
		return apierror.Invalid("invoice", "The invoice %s does not belong to the customer %s.", draft.ID, item.Customer)
	}
	item.Invoice = &draft.ID
	if err := t.Create(item, "invoiceitem.created"); err != nil {
		return err
	}
	if err := draft.addUp(t, append(draft.Lines.Data, item.line())); err != nil {
		return err
	}
	return t.Update(draft, "invoice.updated")
}

func draftToChange(t *state.Tx, id string) (*Invoice, error) {
	draft, err := state.Find[Invoice](t, "invoice", id, apierror.UnknownReference("invoice", id, "invoice"))
	if err == nil && draft.Status != "draft" {
		err = apierror.Invalid("invoice", "The invoice %s is no longer editable.", id).WithCode("invoice_not_editable")
	}
	return draft, err
}

// holder is who has a discount on an item.
func (x *invoiceItem) holder() discount.Holder {
	return discount.Holder{Customer: x.Customer, Clock: form.OrDefault(x.TestClock, ""), InvoiceItem: &x.ID, Currency: x.Currency}
}

// line is what an item becomes on an invoice.
func (x *invoiceItem) line() InvoiceLine {
	return InvoiceLine{
		ID: state.NewID("il_1"), Object: "line_item", Type: "invoiceitem", Amount: x.Amount, AmountExcludingTax: x.Amount,
		Currency: x.Currency, Description: x.Description, Discountable: x.Discountable, Discounts: x.Discounts, TaxRates: x.TaxRates, Invoice: form.OrDefault(x.Invoice, ""), InvoiceItem: x.ID,
		Metadata: x.Metadata, Period: x.Period, Price: x.Price, Proration: x.Proration, Quantity: x.Quantity,
		Subscription: x.Subscription, SubscriptionItem: x.SubscriptionItem, UnitAmountExcludingTax: x.UnitAmountText,
	}
}

func namedItem(c *state.Request) (*invoiceItem, *Invoice, error) {
	item, err := state.Find[invoiceItem](c.Tx, "invoiceitem", c.ID(), apierror.NotFound("invoiceitem", c.ID(), "invoiceitem"))
	if err != nil || item.Invoice == nil {
		return item, nil, err
	}
	draft, err := draftToChange(c.Tx, *item.Invoice)
	return item, draft, err
}

func updateInvoiceItem(c *state.Request) (any, error) {
	amount, quantity := c.Params.Integer("amount"), c.Params.Between("quantity", 0, 1_000_000)
	description, metadata := c.Params.Text("description", form.MaxText), c.Params.Metadata()
	discountable := c.Params.Boolean("discountable")
	discounts, discountsGiven := discount.ReadList(c.Params, "coupon", "discount")
	taxRates := tax.Read(c.Params, "tax_rates")
	if err := c.Params.Done(append(itemUnmodelled, "period", "price", "price_data", "unit_amount", "unit_amount_decimal")...); err != nil {
		return nil, err
	}
	changed, draft, err := namedItem(c)
	if err != nil {
		return nil, err
	}
	form.Set(&changed.Description, description)
	if quantity != nil && changed.UnitAmount != nil {
		changed.Quantity, changed.Amount = *quantity, *quantity**changed.UnitAmount
	}
	if amount != nil {
		text := strconv.FormatInt(*amount, 10)
		changed.Quantity, changed.Amount, changed.UnitAmount, changed.UnitAmountText = 1, *amount, amount, &text
	}
	form.Set(&changed.Discountable, discountable)
	if err := taxRates.ApplyTo(c.Tx, &changed.TaxRates); err != nil {
		return nil, err
	}
	if discountsGiven {
		if changed.Discounts, err = resolveDiscounts(c.Tx, discounts, changed.holder()); err != nil {
			return nil, err
		}
	}
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	if err := c.Update(changed, "invoiceitem.updated"); err != nil || draft == nil {
		return changed, err
	}
	return changed, changed.showOn(c.Tx, draft)
}

// showOn brings an item's line on a draft invoice up to date.
func (x *invoiceItem) showOn(t *state.Tx, draft *Invoice) error {
	lines := draft.Lines.Data
	for i := range lines {
		if lines[i].InvoiceItem == x.ID {
			id := lines[i].ID
			lines[i] = x.line()
			lines[i].ID = id
		}
	}
	if err := draft.addUp(t, lines); err != nil {
		return err
	}
	return t.Update(draft, "invoice.updated")
}

func deleteInvoiceItem(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, draft, err := namedItem(c)
	if err != nil {
		return nil, err
	}
	if draft != nil {
		rest := slices.DeleteFunc(draft.Lines.Data, func(line InvoiceLine) bool { return line.InvoiceItem == gone.ID })
		if err := draft.addUp(c.Tx, rest); err != nil {
			return nil, err
		}
		if err := c.Update(draft, "invoice.updated"); err != nil {
			return nil, err
		}
	}
	return state.StubOf(gone), c.Remove(gone, "invoiceitem.deleted")
}
