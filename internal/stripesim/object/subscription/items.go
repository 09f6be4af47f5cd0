package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// subscriptionItemByID finds an item in the subscription that has it.
func subscriptionItemByID(t *state.Tx, id string) (*Subscription, *subscriptionItem, error) {
	subs, err := state.FindAll[Subscription](t, "subscription", state.Condition{
		Sql:  "EXISTS (SELECT 1 FROM json_each(body, '$.items.data') AS item WHERE item.value ->> '$.id' = ?)",
		Args: []any{id},
	})
	if err != nil {
		return nil, nil, err
	}
	for _, sub := range subs {
		for i := range sub.Items.Data {
			if sub.Items.Data[i].ID == id {
				t.Now, err = t.MomentOf(t.Now, sub.ID) // the URL does not tell what test clock the item hangs on
				return sub, &sub.Items.Data[i], err
			}
		}
	}
	return nil, nil, apierror.NotFound("subscription_item", id, "item")
}

func getSubscriptionItem(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	_, item, err := subscriptionItemByID(c.Tx, c.ID())
	return item, err
}

func listSubscriptionItems(c *state.Request) (any, error) {
	id := c.Params.Required("subscription", form.MaxText)
	page := c.ReadSublist()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, err := state.Find[Subscription](c.Tx, "subscription", id, apierror.UnknownReference("subscription", id, "subscription"))
	if err != nil {
		return nil, err
	}
	whole := state.Sublist[subscriptionItem]{Object: "list", URL: "/v1/subscription_items", Data: sub.Items.Data}
	return state.PageOf(page, whole, func(item subscriptionItem) string { return item.ID })
}

// readItemTerms reads the parameters of a change of one item that are not the item's own.
func readItemTerms(p *form.Params) subscriptionChange {
	p.Choice("payment_behavior", BehaviorAllow, behaviorDefault, BehaviorError, behaviorPending)
	p.Boolean("off_session")
	return subscriptionChange{
		prorationDate: p.Integer("proration_date"),
		proration:     form.OrDefault(p.Choice("proration_behavior", "always_invoice", "create_prorations", "none"), "create_prorations"),
	}
}

func createSubscriptionItem(c *state.Request) (any, error) {
	id := c.Params.Required("subscription", form.MaxText)
	change := itemChange{
		price: c.Params.Text("price", form.MaxText), quantity: c.Params.Between("quantity", 0, 1_000_000), metadata: c.Params.Metadata(),
		taxRates: tax.Read(c.Params, "tax_rates"),
	}
	if change.price == nil {
		c.Params.Missing("price")
	}
	in := readItemTerms(c.Params)
	in.items = []itemChange{change}
	if err := c.Params.Done("billing_thresholds"); err != nil {
		return nil, err
	}
	sub, err := state.Find[Subscription](c.Tx, "subscription", id, apierror.UnknownReference("subscription", id, "subscription"))
	if err != nil {
		return nil, err
	}
	if err := changeOneItem(c.Tx, sub, in); err != nil {
		return nil, err
	}
	return &sub.Items.Data[len(sub.Items.Data)-1], nil
}

func updateSubscriptionItem(c *state.Request) (any, error) {
	id := c.ID()
	change := itemChange{
		id: &id, price: c.Params.Text("price", form.MaxText), quantity: c.Params.Between("quantity", 0, 1_000_000), metadata: c.Params.Metadata(),
		taxRates: tax.Read(c.Params, "tax_rates"),
	}
	in := readItemTerms(c.Params)
	in.items = []itemChange{change}
	if err := c.Params.Done("billing_thresholds"); err != nil {
		return nil, err
	}
	sub, item, err := subscriptionItemByID(c.Tx, id)
	if err != nil {
		return nil, err
	}
	return item, changeOneItem(c.Tx, sub, in)
}

func deleteSubscriptionItem(c *state.Request) (any, error) {
	id := c.ID()
	in := readItemTerms(c.Params)
	in.items = []itemChange{{id: &id, deleted: true}}
	c.Params.Boolean("clear_usage")
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	sub, _, err := subscriptionItemByID(c.Tx, id)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": id, "object": "subscription_item", "deleted": true}, changeOneItem(c.Tx, sub, in)
}

// changeOneItem does to one item what an update of its subscription would.
func changeOneItem(t *state.Tx, sub *Subscription, in subscriptionChange) error {
	if err := checkUpdatable(sub, subscriptionChange{touchesBilling: true, touchesMoreThanEnd: true}); err != nil {
		return err
	}
	_, err := applyBilling(t, sub, in)
	return err
}
