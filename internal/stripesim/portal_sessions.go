package stripesim

// portalConfiguration is the account's only configuration of the customer portal.
const portalConfiguration = "bpc_1SandboxDefault"

type portalSession struct {
	record
	Configuration string  `json:"configuration"`
	Customer      string  `json:"customer"`
	Locale        *string `json:"locale"`
	ReturnURL     *string `json:"return_url"`
	URL           string  `json:"url"`
}

func createPortalSession(c *call) (any, error) {
	customerID := c.params.required("customer", maxText)
	returnURL, locale := c.params.text("return_url", 5000), c.params.text("locale", maxText)
	if err := c.params.done("configuration", "flow_data", "on_behalf_of"); err != nil {
		return nil, err
	}
	if _, err := find[customer](c.tx, "customer", customerID, unknownReference("customer", customerID, "customer")); err != nil {
		return nil, err
	}
	made := &portalSession{
		record: c.newRecord("billing_portal.session", "bps_1"), Configuration: portalConfiguration, Customer: customerID,
		Locale: locale, ReturnURL: returnURL,
	}
	made.URL = *c.pageURL("/p/session/" + made.ID)
	return made, c.create(made, "billing_portal.session.created")
}
