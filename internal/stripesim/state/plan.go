package state

// The real API still sends what its specification has left out: the plan that a
// recurring price also is, where a plan once stood, and how many elements a list inside
// an object has.

// addUndeclared adds to an object that is complete otherwise what only the real API tells of.
func addUndeclared(object map[string]any, kind string) {
	if object["deleted"] == true {
		return
	}
	switch kind {
	case "price":
		if recurring, ok := object["recurring"].(map[string]any); ok {
			if _, kept := recurring["trial_period_days"]; !kept {
				recurring["trial_period_days"] = nil
			}
		}
	case "subscription_item", "line_item", "invoiceitem":
		object["plan"] = planOf(object["price"])
	case "invoice":
		countElements(object["lines"])
	case "subscription":
		object["plan"], object["quantity"] = nil, nil
		if items := countElements(object["items"]); len(items) == 1 {
			if only, ok := items[0].(map[string]any); ok {
				object["plan"], object["quantity"] = only["plan"], only["quantity"]
			}
		}
	}
}

func countElements(list any) []any {
	object, _ := list.(map[string]any)
	data, _ := object["data"].([]any)
	if object != nil {
		object["total_count"] = len(data)
	}
	return data
}

// planOf is a recurring price as a plan; nothing for what is billed once.
func planOf(price any) any {
	terms, _ := price.(map[string]any)
	recurring, ok := terms["recurring"].(map[string]any)
	if !ok {
		return nil
	}
	return map[string]any{
		"id": terms["id"], "object": "plan", "active": terms["active"], "aggregate_usage": recurring["aggregate_usage"],
		"amount": terms["unit_amount"], "amount_decimal": terms["unit_amount_decimal"], "billing_scheme": terms["billing_scheme"],
		"created": terms["created"], "currency": terms["currency"], "interval": recurring["interval"],
		"interval_count": recurring["interval_count"], "livemode": false, "metadata": terms["metadata"], "nickname": terms["nickname"],
		"product": terms["product"], "tiers_mode": terms["tiers_mode"], "transform_usage": nil, "trial_period_days": recurring["trial_period_days"],
		"usage_type": recurring["usage_type"],
	}
}

// EmitPlan records what has happened to the plan that a recurring price also is. Before
// is the price as it was; nil for a new one. A change that the plan does not show
// leaves no event.
func (t *Tx) EmitPlan(event string, price, before Document) error {
	plan, err := planOfDocument(price)
	if err != nil {
		return err
	}
	var previous map[string]any
	if before != nil {
		was, err := planOfDocument(before)
		if err != nil {
			return err
		}
		if previous = difference(was, plan); len(previous) == 0 {
			return nil
		}
	}
	return t.emit(event, plan, previous)
}

func planOfDocument(price Document) (map[string]any, error) {
	_, terms, err := encoded(price)
	if err != nil {
		return nil, err
	}
	plan, _ := planOf(terms).(map[string]any)
	return plan, nil
}
