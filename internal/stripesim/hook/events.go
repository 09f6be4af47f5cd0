package hook

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

func getEvent(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return state.Find[state.Event](c.Tx, "event", c.ID(), apierror.NotFound("event", c.ID(), "id"))
}

func listEvents(c *state.Request) (any, error) {
	list := c.NewList("event", "/v1/events")
	if pattern := c.Params.Text("type", form.MaxText); pattern != nil {
		list.Where(state.Condition{Sql: "body ->> '$.type' GLOB ?", Args: []any{*pattern}}) // invoice.* means all of them
	}
	if types, given := c.Params.Texts("types"); given {
		list.Where(state.OneOf("type", types))
	}
	list.MatchTime("created")
	return list.Run("delivery_success")
}
