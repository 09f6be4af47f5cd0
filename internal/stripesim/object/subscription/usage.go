package subscription

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/state"
)

// usageRecord is how much of a metered item was used at a moment.
type usageRecord struct {
	ID               string `json:"id"`
	Object           string `json:"object"`
	Livemode         bool   `json:"livemode"`
	Quantity         int64  `json:"quantity"`
	SubscriptionItem string `json:"subscription_item"`
	Timestamp        int64  `json:"timestamp"`
}

// Identity implements [state.Document].
func (x *usageRecord) Identity() (id, kind string) { return x.ID, x.Object }

// usageSummary is how much of a metered item was used in a period.
type usageSummary struct {
	ID               string  `json:"id"`
	Object           string  `json:"object"`
	Invoice          *string `json:"invoice"`
	Livemode         bool    `json:"livemode"`
	Period           span    `json:"period"`
	SubscriptionItem string  `json:"subscription_item"`
	TotalUsage       int64   `json:"total_usage"`
}

// span is a period that may have no end yet.
type span struct {
	Start *int64 `json:"start"`
	End   *int64 `json:"end"`
}

func createUsageRecord(c *state.Request) (any, error) {
	quantity := c.Params.Between("quantity", 0, 1_000_000_000_000)
	action := form.OrDefault(c.Params.Choice("action", "increment", "set"), "increment")
	moment := readUsageMoment(c.Params)
	if quantity == nil {
		c.Params.Missing("quantity")
	}
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, item, err := subscriptionItemByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	at := form.OrDefault(moment, c.Now)
	terms, err := catalog.PriceByID(c.Tx, item.Price)
	if err != nil {
		return nil, err
	}
	switch {
	case !terms.Metered():
		return nil, apierror.Invalid("", "Usage records can only be created for subscription items with a metered price; %s has none.", item.ID)
	case at < sub.CurrentPeriodStart || at > c.Now:
		return nil, apierror.Invalid("timestamp", "Cannot create the usage record with this timestamp because timestamps must be after the subscription's last invoice period (or current account time).")
	}
	same, err := state.FindAll[usageRecord](c.Tx, "usage_record", state.Equal("subscription_item", item.ID), state.Equal("timestamp", at))
	if err != nil {
		return nil, err
	}
	if len(same) == 0 {
		made := &usageRecord{ID: state.NewID("mbur_1"), Object: "usage_record", Quantity: *quantity, SubscriptionItem: item.ID, Timestamp: at}
		return made, c.Insert(made)
	}
	if action == "increment" {
		*quantity += same[0].Quantity
	}
	same[0].Quantity = *quantity
	return same[0], c.Replace(same[0], false)
}

// readUsageMoment reads when something was used; nil means now.
func readUsageMoment(p *form.Params) *int64 {
	if f := p.Fields.Children["timestamp"]; f != nil && f.Value == "now" {
		p.Take("timestamp")
		return nil
	}
	return p.Integer("timestamp")
}

// usageIn is how much of an item was used in a period, as its price adds that up.
func usageIn(t *state.Tx, itemID string, terms *catalog.Price, in period) (int64, error) {
	aggregate := form.OrDefault(terms.Recurring.AggregateUsage, "sum")
	conditions := []state.Condition{
		state.Equal("subscription_item", itemID), {Sql: "body ->> '$.timestamp' < ?", Args: []any{in.End}},
	}
	if aggregate != "last_ever" {
		conditions = append(conditions, state.Condition{Sql: "body ->> '$.timestamp' >= ?", Args: []any{in.Start}})
	}
	records, err := state.FindAll[usageRecord](t, "usage_record", conditions...)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	var sum, most int64
	last := records[0]
	for _, record := range records {
		sum, most = sum+record.Quantity, max(most, record.Quantity)
		if record.Timestamp > last.Timestamp {
			last = record
		}
	}
	switch aggregate {
	case "max":
		return most, nil
	case "last_ever", "last_during_period":
		return last.Quantity, nil
	}
	return sum, nil
}

// billUsage makes a last invoice of what has been used of a subscription that ends, and
// collects it.
func billUsage(t *state.Tx, sub *Subscription) error {
	if sub.Status == StatusTrialing || sub.Status == StatusIncomplete {
		return nil
	}
	prices, err := pricesOf(t, sub)
	if err != nil {
		return err
	}
	metered := *sub
	metered.Items.Data = nil
	for i, terms := range prices {
		if terms.Metered() {
			metered.Items.Data = append(metered.Items.Data, sub.Items.Data[i])
		}
	}
	lines, err := linesAfter(t, &metered, period{Start: sub.CurrentPeriodStart, End: t.Now})
	if err != nil {
		return err
	}
	if lines = slices.DeleteFunc(lines, func(line InvoiceLine) bool { return line.Amount == 0 }); len(lines) == 0 {
		return nil
	}
	last, err := DraftInvoice(t, sub, ReasonCycle, sub.CurrentPeriodStart, lines)
	if err != nil {
		return err
	}
	if _, err := collectInvoice(t, last); err != nil {
		return err
	}
	now, err := SubscriptionByID(t, sub.ID)
	if err == nil {
		*sub = *now
	}
	return err
}

// listUsageSummaries shows the current period first, and then those that invoices have billed.
func listUsageSummaries(c *state.Request) (any, error) {
	page := c.ReadSublist()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, item, err := subscriptionItemByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	terms, err := catalog.PriceByID(c.Tx, item.Price)
	if err != nil {
		return nil, err
	}
	if !terms.Metered() {
		return nil, apierror.Invalid("", "Usage record summaries are only there for subscription items with a metered price; %s has none.", item.ID)
	}
	used, err := usageIn(c.Tx, item.ID, terms, period{Start: sub.CurrentPeriodStart, End: sub.CurrentPeriodEnd})
	if err != nil {
		return nil, err
	}
	whole := state.Sublist[usageSummary]{Object: "list", URL: "/v1/subscription_items/" + item.ID + "/usage_record_summaries"}
	add := func(id string, invoice *string, start, end *int64, total int64) {
		whole.Data = append(whole.Data, usageSummary{
			ID: id, Object: "usage_record_summary", Invoice: invoice, Period: span{start, end}, SubscriptionItem: item.ID, TotalUsage: total,
		})
	}
	add("sis_"+item.ID, nil, &sub.CurrentPeriodStart, nil, used)
	billed, err := state.FindAll[Invoice](c.Tx, "invoice", state.Equal("subscription", sub.ID))
	if err != nil {
		return nil, err
	}
	for _, due := range billed {
		for i := range due.Lines.Data {
			if line := &due.Lines.Data[i]; line.SubscriptionItem == item.ID && line.Period.Start < sub.CurrentPeriodStart {
				add("sis_"+line.ID, &due.ID, &line.Period.Start, &line.Period.End, line.Quantity)
			}
		}
	}
	return state.PageOf(page, whole, func(summary usageSummary) string { return summary.ID })
}
