package state

import (
	"net/http"

	"tallystick/internal/stripesim/form"
)

// Request is one API request under way: its parameters, its transaction, and the moment
// it happens at.
type Request struct {
	*Tx
	Params *form.Params
	HTTP   *http.Request
}

// PrefixHeader is set by a host of several sandboxes to what it took from the front of
// a request's path.
const PrefixHeader = "X-Sandbox-Prefix"

// Address is the address of one of the sandbox's pages, as the caller of the API
// reaches the sandbox.
func (c *Request) Address(path string) string {
	scheme := "http"
	if c.HTTP.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.HTTP.Host + c.HTTP.Header.Get(PrefixHeader) + path
}

// ID is the object that the URL names.
func (c *Request) ID() string { return c.HTTP.PathValue("id") }

// Endpoint does the work of one API request inside its transaction, and returns what to render.
type Endpoint func(c *Request) (any, error)
