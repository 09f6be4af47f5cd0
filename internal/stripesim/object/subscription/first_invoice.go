package subscription

import (
	"slices"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// extraItem is what the first invoice of a subscription bills once, besides the period.
type extraItem struct {
	price    *string
	inline   *catalog.Inline
	quantity int64
	taxRates tax.Choice
}

func readExtraItems(p *form.Params) []extraItem {
	var all []extraItem
	for _, element := range p.Objects("add_invoice_items") {
		extra := extraItem{
			price: element.Text("price", form.MaxText), inline: catalog.ReadInline(element, "price_data"),
			quantity: form.OrDefault(element.Between("quantity", 1, 1_000_000), 1), taxRates: tax.Read(element, "tax_rates"),
		}
		if extra.price == nil && extra.inline == nil {
			element.Missing("price")
		}
		all = append(all, extra)
	}
	return all
}

// firstInvoice drafts what a subscription begins with: what its customer has pending,
// what is billed once, the time since a backdated start, and the first period, which
// may be free. A subscription that has any of it to pay is incomplete until then.
func firstInvoice(t *state.Tx, sub *Subscription, payer *customer.Customer, in NewSubscription, first *catalog.Price) (*Invoice, error) {
	invoiceID := state.NewID("in_1")
	lines, err := takePending(t, sub, invoiceID)
	if err != nil {
		return nil, err
	}
	once, err := billExtras(t, sub, payer, in.extras, invoiceID)
	if err != nil {
		return nil, err
	}
	since, err := billSince(t, sub, in.prorates, invoiceID)
	if err != nil {
		return nil, err
	}
	periods, err := PeriodLines(t, sub)
	if err != nil {
		return nil, err
	}
	sub.shortenFirst(periods, first.Recurring, in.prorates)
	due, err := newInvoice(t, invoiceID, sub, payer, reasonCreate, slices.Concat(lines, once, since, periods))
	if err != nil {
		return nil, err
	}
	if sub.Status == StatusActive && in.Collection == ChargeAutomatically && due.AmountDue > 0 {
		sub.Status = StatusIncomplete
	}
	return due, nil
}

// billExtras makes the invoice items of a first invoice, and returns the lines that
// they become.
func billExtras(t *state.Tx, sub *Subscription, payer *customer.Customer, extras []extraItem, invoiceID string) ([]InvoiceLine, error) {
	var lines []InvoiceLine
	for _, extra := range extras {
		made := &invoiceItem{
			ID: state.NewID("ii_1"), Object: "invoiceitem", Customer: payer.ID, Date: t.Now, Discountable: true, Invoice: &invoiceID,
			Period: period{Start: t.Now, End: t.Now}, Quantity: extra.quantity, Metadata: map[string]string{}, Subscription: state.Ref(sub.ID),
			TestClock: sub.TestClock,
		}
		if err := made.priceBy(t, extra.price, extra.inline, nil, ""); err != nil {
			return nil, err
		}
		if made.Currency != sub.Currency {
			return nil, apierror.Invalid("add_invoice_items", "All prices on a subscription must have the same `currency`.")
		}
		if err := extra.taxRates.ApplyTo(t, &made.TaxRates); err != nil {
			return nil, err
		}
		if err := t.Create(made, "invoiceitem.created"); err != nil {
			return nil, err
		}
		lines = append(lines, made.line())
	}
	return lines, nil
}

// anchorAt lets the first period end at the moment from which billing dates are
// counted. It is not further away than a whole period.
func (x *Subscription) anchorAt(anchor int64, terms *billing.Recurring) error {
	if natural := billing.PeriodEnd(x.Created, x.Created, terms); anchor > natural {
		return apierror.Invalid("billing_cycle_anchor", "billing_cycle_anchor cannot be later than next natural billing date (%d) for plan", natural)
	}
	x.BillingCycleAnchor, x.CurrentPeriodEnd = anchor, anchor
	return nil
}

// shortenFirst bills a first period that its anchor makes shorter by its share of a
// whole one, or not at all.
func (x *Subscription) shortenFirst(lines []InvoiceLine, terms *billing.Recurring, prorates bool) {
	if x.Status == StatusTrialing || x.BillingCycleAnchor <= x.Created {
		return
	}
	whole := billing.AddIntervals(time.Unix(x.BillingCycleAnchor, 0).UTC(), terms.Interval, -int(terms.IntervalCount)).Unix()
	for i := range lines {
		share := billing.UnusedShare(lines[i].Amount, whole, x.BillingCycleAnchor, x.Created)
		if !prorates {
			share = 0
		}
		lines[i].Amount, lines[i].AmountExcludingTax = share, share
	}
}

// billSince makes the invoice items for the time from a backdated start until now, and
// returns the lines that they become. Usage is not known of that time.
func billSince(t *state.Tx, sub *Subscription, prorates bool, invoiceID string) ([]InvoiceLine, error) {
	if sub.StartDate >= t.Now || !prorates {
		return nil, nil
	}
	var lines []InvoiceLine
	for _, item := range sub.Items.Data {
		terms, err := catalog.PriceByID(t, item.Price)
		if err != nil {
			return nil, err
		}
		if terms.Metered() {
			continue
		}
		owner, err := state.Find[catalog.Product](t, "product", terms.Product, apierror.NotFound("product", terms.Product, "product"))
		if err != nil {
			return nil, err
		}
		unit, unitText := signed(terms, 1)
		made := &invoiceItem{
			ID: state.NewID("ii_1"), Object: "invoiceitem", Amount: billing.CostOver(terms.Cost(item.Quantity), sub.StartDate, t.Now, terms.Recurring),
			Currency: sub.Currency, Customer: sub.Customer, Date: t.Now, Invoice: &invoiceID, Metadata: map[string]string{},
			Description: "Time on " + several(item.Quantity) + owner.Name + " from " + onDay(sub.StartDate) + " until " + onDay(t.Now),
			Period:      period{Start: sub.StartDate, End: t.Now}, Price: terms.ID, Proration: true, Quantity: form.OrDefault(item.Quantity, 0),
			Subscription: state.Ref(sub.ID), SubscriptionItem: item.ID, TaxRates: item.TaxRates, TestClock: sub.TestClock,
			UnitAmount: unit, UnitAmountText: unitText,
		}
		if err := t.Create(made, "invoiceitem.created"); err != nil {
			return nil, err
		}
		lines = append(lines, made.line())
	}
	return lines, nil
}

func onDay(moment int64) string { return time.Unix(moment, 0).UTC().Format("02 Jan 2006") }
