package stripesim

import (
	"database/sql"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// configuredEndpoint is the id of the endpoint that Options or SetWebhook name, next to those made over the API.
const configuredEndpoint = "we_1SandboxConfigured"

const allEvents = "*"

type webhookEndpoint struct {
	record
	APIVersion    *string           `json:"api_version"`
	Application   *string           `json:"application"`
	Description   *string           `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	Metadata      map[string]string `json:"metadata"`
	Status        string            `json:"status"`
	URL           string            `json:"url"`
	Private       endpointSecret    `json:"_private"`
}

type endpointSecret struct {
	Secret string `json:"secret"`
}

// wants says whether the endpoint is to hear of events of this type.
func (x *webhookEndpoint) wants(eventType string) bool {
	return x.Status == "enabled" && (slices.Contains(x.EnabledEvents, allEvents) || slices.Contains(x.EnabledEvents, eventType))
}

// endpointChange is what a request says about an endpoint, at its creation or later.
type endpointChange struct {
	url, description *string
	events           []string
	eventsGiven      bool
	metadata         metadataChange
}

func readEndpointChange(p *params) endpointChange {
	change := endpointChange{url: p.text("url", maxText), description: p.clearable("description", maxText), metadata: p.metadata()}
	change.events, change.eventsGiven = p.texts("enabled_events")
	if change.url != nil {
		if target, err := url.Parse(*change.url); err != nil || target.Host == "" || !strings.HasPrefix(target.Scheme, "http") {
			p.fail(invalid("url", "Invalid URL: An explicit scheme (such as https) must be provided.").withCode("url_invalid"))
		}
	}
	if change.eventsGiven && len(change.events) == 0 {
		p.fail(invalid("enabled_events", "You must subscribe to at least one event type."))
	}
	return change
}

func (change endpointChange) applyTo(x *webhookEndpoint) (err error) {
	set(&x.URL, change.url)
	setNullable(&x.Description, change.description)
	if change.eventsGiven {
		x.EnabledEvents = change.events
	}
	x.Metadata, err = change.metadata.applyTo(x.Metadata)
	return err
}

// createEndpoint is the only answer that shows the secret which the endpoint's deliveries are signed with.
func createEndpoint(c *call) (any, error) {
	c.params.choice("api_version", apiVersion)
	change := readEndpointChange(c.params)
	switch {
	case change.url == nil:
		c.params.missing("url")
	case !change.eventsGiven:
		c.params.missing("enabled_events")
	}
	if err := c.params.done("connect"); err != nil {
		return nil, err
	}
	made := c.newEndpoint(newID("we_1"), newWebhookSecret())
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	return struct {
		*webhookEndpoint
		Secret string `json:"secret"`
	}{made, made.Private.Secret}, c.insert(made)
}

func newWebhookSecret() string { return "whsec_" + randomString(32, idAlphabet) }

func (c *tx) newEndpoint(id, secret string) *webhookEndpoint {
	made := &webhookEndpoint{
		record: c.newRecord("webhook_endpoint", "we_1"), Status: "enabled", Metadata: map[string]string{},
		EnabledEvents: []string{allEvents}, Private: endpointSecret{secret},
	}
	made.ID = id
	return made
}

// endpoint is the one that the URL names.
func (c *call) endpoint() (*webhookEndpoint, error) {
	return find[webhookEndpoint](c.tx, "webhook_endpoint", c.id(), notFound("webhook_endpoint", c.id(), "webhook_endpoint"))
}

func getEndpoint(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.endpoint()
}

func updateEndpoint(c *call) (any, error) {
	change := readEndpointChange(c.params)
	disabled := c.params.boolean("disabled")
	if err := c.params.done(); err != nil {
		return nil, err
	}
	changed, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if disabled != nil {
		changed.Status = map[bool]string{true: "disabled", false: "enabled"}[*disabled]
	}
	return changed, c.replace(changed, false)
}

// deleteEndpoint takes along what still waits to be delivered there.
func deleteEndpoint(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	gone, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	return stubOf(gone), c.removeEndpoint(gone)
}

func (c *tx) removeEndpoint(gone *webhookEndpoint) error {
	if err := c.forgetDeliveries(gone.ID); err != nil {
		return err
	}
	return c.replace(gone, true)
}

func listEndpoints(c *call) (any, error) {
	return c.newList("webhook_endpoint", "/v1/webhook_endpoints").run()
}

// SetWebhook says where events go from now on, and what waited for the address before goes there too. An empty address
// ends that. Endpoints made over the API are not touched.
func (s *Sandbox) SetWebhook(address, secret string) error {
	t, err := s.store.begin(s.background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	t.now = s.now()
	if err := t.configureEndpoint(address, secret); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	s.courier.setConfigured(address != "")
	return nil
}

func (c *tx) configureEndpoint(address, secret string) error {
	body, _, err := c.body(configuredEndpoint)
	if errors.Is(err, sql.ErrNoRows) {
		if address == "" {
			return nil
		}
		made := c.newEndpoint(configuredEndpoint, secret)
		made.URL = address
		return c.insert(made)
	}
	if err != nil {
		return err
	}
	known, err := decode[webhookEndpoint](body)
	if err != nil {
		return err
	}
	if address == "" {
		return c.removeEndpoint(known)
	}
	known.URL, known.Private.Secret, known.Status = address, secret, "enabled"
	return c.replace(known, false)
}
