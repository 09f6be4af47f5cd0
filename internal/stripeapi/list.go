package stripeapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
)

// page is one page of a list, with the objects as Stripe wrote them.
type page struct {
	stripe.APIResource
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
}

// Each goes through a list of Stripe's, the newest object first, a page at a
// time. It stops with the function's first error. A parameter is a name and a
// value; stripe-go's own lists lose what it does not know of the objects.
func (c *Client) Each(ctx context.Context, path string, parameters [][2]string, each func(json.RawMessage) error) error {
	after := ""
	for {
		var p page
		body := &form.Values{}
		body.Add("limit", "100")
		for _, parameter := range parameters {
			body.Add(parameter[0], parameter[1])
		}
		if after != "" {
			body.Add("starting_after", after)
		}
		if err := c.Products.B.CallRaw(http.MethodGet, path, c.keys.keys[0], body, &stripe.Params{Context: ctx}, &p); err != nil {
			return err
		}
		for _, raw := range p.Data {
			var object struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(raw, &object); err != nil {
				return err
			}
			after = object.ID
			if err := each(raw); err != nil {
				return err
			}
		}
		if !p.HasMore || len(p.Data) == 0 {
			return nil
		}
	}
}
