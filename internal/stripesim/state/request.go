package state

import (
	"net/http"

	"tallystick/internal/stripesim/form"
)

// Request is one API request under way: its parameters, its transaction, and the moment it happens at.
type Request struct {
	*Tx
	Params *form.Params
	HTTP   *http.Request
}

// ID is the object that the URL names.
func (c *Request) ID() string { return c.HTTP.PathValue("id") }

// Endpoint does the work of one API request inside its transaction, and returns what to render.
type Endpoint func(c *Request) (any, error)
