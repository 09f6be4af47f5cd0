// Package stripeapi talks to Stripe: it builds the stripe-go client, puts
// every request on record, holds it to the account's rate, stops asking while
// Stripe does not answer, and says what an answer means.
package stripeapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"tallystick/internal/billing"
)

// Options configure a [Client].
type Options struct {
	SecretKey string
	// NextSecretKey takes over when Stripe refuses SecretKey (401), as while that
	// one is being replaced; empty when there is none.
	NextSecretKey string
	// BaseURL replaces Stripe's own; for a proxy, a test double or the
	// sandbox.
	BaseURL string
	// Sandbox says that the other side is the built-in sandbox.
	Sandbox bool
	// Timeout bounds one request; 8 seconds by default. It must stay well
	// under the lease of an operation.
	Timeout time.Duration
	// RequestsPerSecond is the account's limit of reads, and of writes; 0 is
	// Stripe's for the kind of key, and none for the sandbox.
	RequestsPerSecond float64
	// Quota is what all processes share that use the account; by default this one
	// has it for itself.
	Quota Quota
	// ProbeEvery is how often Stripe is probed while it does not answer; 2
	// seconds by default.
	ProbeEvery time.Duration
	// Unbound says that no database depends on whose key it is: every answer is
	// believed without [Client.Confirm].
	Unbound bool
	Logger  *slog.Logger
}

// Client is the way to Stripe. Its API is stripe-go's, without retries: the
// caller decides what to repeat, so that every request is on record.
type Client struct {
	*client.API
	gate       *gate
	sandbox    bool
	keys       *keyring
	probeEvery time.Duration
	logger     *slog.Logger
}

// New builds a client. It sends nothing.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 8 * time.Second
	}
	if o.ProbeEvery == 0 {
		o.ProbeEvery = 2 * time.Second
	}
	if o.BaseURL == "" {
		o.BaseURL = stripe.APIURL
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	base := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, unless the program replaces it
	base.MaxIdleConnsPerHost = 64
	g := newGate(o.ProbeEvery, o.Logger)
	g.confirmed.Store(o.Unbound)
	keys := newKeyring(o)
	httpClient := &http.Client{
		Timeout:   o.Timeout,
		Transport: &transport{base: base, gate: g, limiter: newLimiter(o), keys: keys, logger: o.Logger},
		// Stripe does not redirect; a proxy that does is not Stripe.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(o.BaseURL),
		HTTPClient:        httpClient,
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		// Its log repeats what Stripe says of keys and cards.
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	return &Client{
		API:        client.New(o.SecretKey, &stripe.Backends{API: backend}),
		gate:       g,
		sandbox:    o.Sandbox,
		keys:       keys,
		probeEvery: o.ProbeEvery,
		logger:     o.Logger,
	}
}

// Health is how Stripe answered last.
func (c *Client) Health() billing.StripeHealth {
	h := c.gate.health()
	if h == billing.StripeOK && c.sandbox {
		return billing.StripeSandbox
	}
	return h
}

// Available reports whether a request would be sent now. It is false while
// Stripe is known not to answer, or not to accept the key.
func (c *Client) Available() bool { return c.gate.open() }

// Watch asks Stripe once how it is, and from then on while it is not
// available or the account is not confirmed, until the context ends. It calls
// confirm as long as the account is not, and recovered each time Stripe is back.
func (c *Client) Watch(ctx context.Context, confirm func(context.Context) error, recovered func()) {
	ticker := time.NewTicker(c.probeEvery)
	defer ticker.Stop()
	answered := c.answers(ctx, confirm)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.gate.recovered:
			recovered()
		case <-ticker.C:
			if !answered || !c.gate.open() || !c.gate.confirmed.Load() {
				answered = c.answers(ctx, confirm)
			}
		}
	}
}

// answers asks Stripe how it is, for the gate to know, and reports whether
// anything has answered. One question without an answer does not close the
// gate yet.
func (c *Client) answers(ctx context.Context, confirm func(context.Context) error) bool {
	ask := c.Ping
	if !c.gate.confirmed.Load() || c.gate.refused() && len(c.keys.keys) > 1 {
		ask = confirm
	}
	f := Classify(ask(ctx))
	return f == nil || f.Status != 0
}

// Ping makes the cheapest request there is and returns why it was not
// answered.
func (c *Client) Ping(ctx context.Context) error {
	params := &stripe.ProductListParams{}
	params.Context = ctx
	params.Single = true
	params.Limit = stripe.Int64(1)
	return c.Products.List(params).Err()
}
