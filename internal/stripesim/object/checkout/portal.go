package checkout

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// portalConfiguration is the account's only configuration of the customer portal.
const portalConfiguration = "bpc_1SandboxDefault"

// PortalSession is a visit to the customer portal.
type PortalSession struct {
	state.Record
	Configuration string      `json:"configuration"`
	Customer      string      `json:"customer"`
	Flow          *PortalFlow `json:"flow"`
	Locale        *string     `json:"locale"`
	ReturnURL     *string     `json:"return_url"`
	URL           string      `json:"url"`
}

func createPortalSession(c *state.Request) (any, error) {
	customerID := c.Params.Required("customer", form.MaxText)
	returnURL, locale := c.Params.Text("return_url", 5000), c.Params.Text("locale", form.MaxText)
	checkURL(c.Params, "return_url", returnURL)
	flow := readFlow(c.Params)
	if err := c.Params.Done(append(flowUnmodelled, "configuration", "on_behalf_of")...); err != nil {
		return nil, err
	}
	if _, err := state.Find[customer.Customer](c.Tx, "customer", customerID, apierror.UnknownReference("customer", customerID, "customer")); err != nil {
		return nil, err
	}
	if flow != nil {
		if err := flow.check(c.Tx, customerID); err != nil {
			return nil, err
		}
	}
	made := &PortalSession{
		Record: c.NewRecord("billing_portal.session", "bps_1"), Configuration: portalConfiguration, Customer: customerID,
		Flow: flow, Locale: locale, ReturnURL: returnURL,
	}
	made.URL = c.Address("/p/session/" + made.ID)
	return made, c.Create(made, "billing_portal.session.created")
}
