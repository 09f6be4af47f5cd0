package stripesim

// event is the record of one change, in the form that webhooks carry.
type event struct {
	record
	APIVersion      string     `json:"api_version"`
	Data            eventData  `json:"data"`
	PendingWebhooks int        `json:"pending_webhooks"`
	Request         requestRef `json:"request"`
	Type            string     `json:"type"`
}

type eventData struct {
	Object             any            `json:"object"`
	PreviousAttributes map[string]any `json:"previous_attributes,omitempty"`
}

// emit records an event about d in the call's transaction, and queues it for the webhooks: it exists exactly when the
// change does.
func (c *tx) emit(kind string, d document, previous map[string]any) error {
	snapshot, err := c.render(d, nil)
	if err != nil {
		return err
	}
	made := &event{
		record:     c.newRecord("event", "evt_1"),
		APIVersion: apiVersion,
		Data:       eventData{Object: snapshot, PreviousAttributes: previous},
		Request:    c.request,
		Type:       kind,
	}
	if made.PendingWebhooks, err = c.enqueue(made); err != nil {
		return err
	}
	return c.insert(made)
}

func getEvent(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return find[event](c.tx, "event", c.id(), notFound("event", c.id(), "id"))
}

func listEvents(c *call) (any, error) {
	list := c.newList("event", "/v1/events")
	if pattern := c.params.text("type", maxText); pattern != nil {
		list.where(condition{sql: "body ->> '$.type' GLOB ?", args: []any{*pattern}}) // invoice.* means all of them
	}
	if types, given := c.params.texts("types"); given {
		list.where(oneOf("type", types))
	}
	list.matchTime("created")
	return list.run("delivery_success")
}
