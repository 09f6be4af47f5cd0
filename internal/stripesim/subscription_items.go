package stripesim

// subscriptionItemByID finds an item in the subscription that has it.
func (c *tx) subscriptionItemByID(id string) (*subscription, *subscriptionItem, error) {
	subs, err := findAll[subscription](c, "subscription", condition{
		sql:  "EXISTS (SELECT 1 FROM json_each(body, '$.items.data') AS item WHERE item.value ->> '$.id' = ?)",
		args: []any{id},
	})
	if err != nil {
		return nil, nil, err
	}
	for _, sub := range subs {
		for i := range sub.Items.Data {
			if sub.Items.Data[i].ID == id {
				return sub, &sub.Items.Data[i], nil
			}
		}
	}
	return nil, nil, notFound("subscription_item", id, "item")
}

func getSubscriptionItem(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	_, item, err := c.subscriptionItemByID(c.id())
	return item, err
}

func listSubscriptionItems(c *call) (any, error) {
	id := c.params.required("subscription", maxText)
	c.params.between("limit", 1, 100)
	if err := c.params.done("ending_before", "starting_after"); err != nil {
		return nil, err
	}
	sub, err := find[subscription](c.tx, "subscription", id, unknownReference("subscription", id, "subscription"))
	if err != nil {
		return nil, err
	}
	return sublist[subscriptionItem]{Object: "list", URL: "/v1/subscription_items", Data: sub.Items.Data}, nil
}

// itemParams are those of a change of one item that are not the item's own.
func readItemTerms(p *params) (proration string) {
	p.choice("payment_behavior", behaviorAllow, behaviorDefault, behaviorError, behaviorPending)
	p.integer("proration_date")
	p.boolean("off_session")
	return orDefault(p.choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations")
}

func createSubscriptionItem(c *call) (any, error) {
	id := c.params.required("subscription", maxText)
	change := itemChange{
		price: c.params.text("price", maxText), quantity: c.params.between("quantity", 0, 1_000_000), metadata: c.params.metadata(),
	}
	if change.price == nil {
		c.params.missing("price")
	}
	in := subscriptionChange{proration: readItemTerms(c.params), items: []itemChange{change}}
	if err := c.params.done("billing_thresholds", "tax_rates"); err != nil {
		return nil, err
	}
	sub, err := find[subscription](c.tx, "subscription", id, unknownReference("subscription", id, "subscription"))
	if err != nil {
		return nil, err
	}
	if err := c.changeOneItem(sub, in); err != nil {
		return nil, err
	}
	return &sub.Items.Data[len(sub.Items.Data)-1], nil
}

func updateSubscriptionItem(c *call) (any, error) {
	id := c.id()
	change := itemChange{
		id: &id, price: c.params.text("price", maxText), quantity: c.params.between("quantity", 0, 1_000_000), metadata: c.params.metadata(),
	}
	in := subscriptionChange{proration: readItemTerms(c.params), items: []itemChange{change}}
	if err := c.params.done("billing_thresholds", "tax_rates"); err != nil {
		return nil, err
	}
	sub, item, err := c.subscriptionItemByID(id)
	if err != nil {
		return nil, err
	}
	return item, c.changeOneItem(sub, in)
}

func deleteSubscriptionItem(c *call) (any, error) {
	id := c.id()
	in := subscriptionChange{proration: readItemTerms(c.params), items: []itemChange{{id: &id, deleted: true}}}
	c.params.boolean("clear_usage")
	if err := c.params.done(); err != nil {
		return nil, err
	}
	sub, _, err := c.subscriptionItemByID(id)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": id, "object": "subscription_item", "deleted": true}, c.changeOneItem(sub, in)
}

// changeOneItem does to one item what an update of its subscription would.
func (c *tx) changeOneItem(sub *subscription, in subscriptionChange) error {
	if err := checkUpdatable(sub, subscriptionChange{touchesBilling: true, touchesMoreThanEnd: true}); err != nil {
		return err
	}
	_, err := c.applyBilling(sub, in)
	return err
}
