package hook

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// configuredEndpoint is the id of the endpoint that Options or SetWebhook name, next to
// those made over the API.
const configuredEndpoint = "we_1SandboxConfigured"

const allEvents = "*"

type webhookEndpoint struct {
	state.Record
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

// endpointChange is what a request says about an endpoint, at its creation or later.
type endpointChange struct {
	url, description *string
	events           []string
	eventsGiven      bool
	metadata         form.MetadataChange
}

func readEndpointChange(p *form.Params) endpointChange {
	change := endpointChange{url: p.Text("url", form.MaxText), description: p.Clearable("description", form.MaxText), metadata: p.Metadata()}
	change.events, change.eventsGiven = p.Texts("enabled_events")
	if change.url != nil {
		if target, err := url.Parse(*change.url); err != nil || target.Host == "" || !strings.HasPrefix(target.Scheme, "http") {
			p.Fail(apierror.Invalid("url", "Invalid URL: An explicit scheme (such as https) must be provided.").WithCode("url_invalid"))
		}
	}
	if change.eventsGiven && len(change.events) == 0 {
		p.Fail(apierror.Invalid("enabled_events", "You must subscribe to at least one event type."))
	}
	return change
}

func (change endpointChange) applyTo(x *webhookEndpoint) (err error) {
	form.Set(&x.URL, change.url)
	form.SetNullable(&x.Description, change.description)
	if change.eventsGiven {
		x.EnabledEvents = change.events
	}
	x.Metadata, err = change.metadata.ApplyTo(x.Metadata)
	return err
}

// createEndpoint is the only answer that shows the secret which the endpoint's
// deliveries are signed with.
func createEndpoint(c *state.Request) (any, error) {
	c.Params.Choice("api_version", state.APIVersion)
	change := readEndpointChange(c.Params)
	switch {
	case change.url == nil:
		c.Params.Missing("url")
	case !change.eventsGiven:
		c.Params.Missing("enabled_events")
	}
	if err := c.Params.Done("connect"); err != nil {
		return nil, err
	}
	made := newEndpoint(c.Tx, state.NewID("we_1"), newWebhookSecret())
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	return struct {
		*webhookEndpoint
		Secret string `json:"secret"`
	}{made, made.Private.Secret}, c.Insert(made)
}

func newWebhookSecret() string { return "whsec_" + state.RandomString(32, state.IDAlphabet) }

func newEndpoint(t *state.Tx, id, secret string) *webhookEndpoint {
	made := &webhookEndpoint{
		Record: t.NewRecord("webhook_endpoint", "we_1"), Status: "enabled", Metadata: map[string]string{},
		EnabledEvents: []string{allEvents}, Private: endpointSecret{secret},
	}
	made.ID = id
	return made
}

// namedEndpoint is the one that the URL names.
func namedEndpoint(c *state.Request) (*webhookEndpoint, error) {
	return state.Find[webhookEndpoint](c.Tx, "webhook_endpoint", c.ID(), apierror.NotFound("webhook_endpoint", c.ID(), "webhook_endpoint"))
}

func getEndpoint(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedEndpoint(c)
}

func updateEndpoint(c *state.Request) (any, error) {
	change := readEndpointChange(c.Params)
	disabled := c.Params.Boolean("disabled")
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedEndpoint(c)
	if err != nil {
		return nil, err
	}
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if disabled != nil {
		changed.Status = map[bool]string{true: "disabled", false: "enabled"}[*disabled]
	}
	return changed, c.Replace(changed, false)
}

// deleteEndpoint takes along what still waits to be delivered there.
func deleteEndpoint(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := namedEndpoint(c)
	if err != nil {
		return nil, err
	}
	return state.StubOf(gone), removeEndpoint(c.Tx, gone)
}

func removeEndpoint(t *state.Tx, gone *webhookEndpoint) error {
	if err := forgetDeliveries(t, gone.ID); err != nil {
		return err
	}
	return t.Replace(gone, true)
}

func listEndpoints(c *state.Request) (any, error) {
	return c.NewList("webhook_endpoint", "/v1/webhook_endpoints").Run()
}

// ConfigureEndpoint makes, changes or, with an empty address, removes the endpoint that
// is configured from outside.
func ConfigureEndpoint(t *state.Tx, address, secret string) error {
	body, _, err := t.Body(configuredEndpoint)
	if errors.Is(err, sql.ErrNoRows) {
		if address == "" {
			return nil
		}
		made := newEndpoint(t, configuredEndpoint, secret)
		made.URL = address
		return t.Insert(made)
	}
	if err != nil {
		return err
	}
	known, err := state.Decode[webhookEndpoint](body)
	if err != nil {
		return err
	}
	if address == "" {
		return removeEndpoint(t, known)
	}
	known.URL, known.Private.Secret, known.Status = address, secret, "enabled"
	return t.Replace(known, false)
}
