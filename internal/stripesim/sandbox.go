package stripesim

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/clock"
	"tallystick/internal/stripesim/control"
	"tallystick/internal/stripesim/fault"
	"tallystick/internal/stripesim/hook"
	"tallystick/internal/stripesim/page"
	"tallystick/internal/stripesim/state"
)

// Fault makes matching requests go wrong in one way.
type Fault = fault.Fault

// PrefixHeader tells, within this program, what a host of several sandboxes has taken
// from the front of a request's path.
const PrefixHeader = state.PrefixHeader

// Options configure a Sandbox.
type Options struct {
	Path      string           // SQLite file that holds the sandbox's state; created when missing
	SecretKey string           // the only accepted key; empty accepts any sk_test_… / rk_test_… key
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: discard

	WebhookURL    string // where events are posted to; empty: nowhere until SetWebhook says so
	WebhookSecret string // what they are signed with
}

// Sandbox answers Stripe's API under /v1/ and its own controls under /_sim/. It is safe
// for concurrent use.
type Sandbox struct {
	*clock.Engine
	secretKey string
	mux       *http.ServeMux
	unknown   http.Handler // answers for a path that the API does not have

	keys     inFlightKeys
	pace     pace
	wall     func() time.Time
	faults   fault.List
	requests control.RequestLog

	courier *hook.Courier
	close   context.CancelFunc
}

// Open opens the state at o.Path, or starts an empty one.
func Open(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Path == "" {
		return nil, errors.New("stripesim: Options.Path is empty")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	store, err := state.Open(ctx, o.Path)
	if err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Sandbox{Engine: clock.New(background, store, o.Now, o.Logger), secretKey: o.SecretKey, mux: http.NewServeMux(), close: cancel, wall: o.Now}
	s.courier = hook.NewCourier(store, s.Now, o.Now, o.Logger)
	s.Sent = s.courier.Rouse
	for pattern, run := range endpoints() {
		s.mux.Handle(pattern, s.serve(run))
	}
	s.unknown = s.serve(func(c *state.Request) (any, error) { return nil, apierror.UnrecognizedURL(c.HTTP) })
	s.mux.Handle("/", s.unknown)
	(&control.Controls{Engine: s.Engine, Faults: &s.faults, Requests: &s.requests, Courier: s.courier, RateLimits: &s.pace.on}).Route(s.mux)
	(&page.Pages{Engine: s.Engine}).Route(s.mux)
	if err := s.start(o); err != nil {
		s.close()
		return nil, errors.Join(err, store.Close())
	}
	return s, nil
}

// start takes up life where it was left: what became due in the meantime happens before
// the first request.
func (s *Sandbox) start(o Options) error {
	t, err := s.Store.Begin(s.Background, false)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := s.Clock.ReadOffset(t); err != nil {
		return err
	}
	limits, err := t.Setting(control.RateLimitSetting, "false")
	if err != nil {
		return err
	}
	s.pace.on.Store(limits == "true")
	if o.WebhookURL != "" {
		if err := s.SetWebhook(o.WebhookURL, o.WebhookSecret); err != nil {
			return err
		}
	}
	if err := s.LiveUntil(s.Now()); err != nil {
		s.Log.Error("the sandbox's time does not go on", "error", err)
	}
	go s.courier.Run(s.Background)
	go s.Live()
	return nil
}

// Close ends what is under way and closes the database. Stop the HTTP server first.
func (s *Sandbox) Close() error {
	s.close()
	<-s.courier.Done
	<-s.Lived
	return s.Store.Close()
}

// SetWebhook says where events go from now on, and what waited for the address before
// goes there too. An empty address ends that. Endpoints made over the API are not
// touched.
func (s *Sandbox) SetWebhook(address, secret string) error {
	t, err := s.Store.Begin(s.Background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	t.Now = s.Now()
	if err := hook.ConfigureEndpoint(t, address, secret); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	s.courier.SetConfigured(address != "")
	return nil
}

// ServeHTTP serves programs and browsers of this machine. A request that names another
// host comes from a web page whose name was made to lead here (DNS rebinding), and one
// of another origin from a web page that has no business here.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !isLocal(r.Host):
		http.Error(w, "The sandbox is only for this machine.", http.StatusMisdirectedRequest)
	case strings.HasPrefix(r.URL.Path, "/_sim/") && !isProgram(r):
		control.Fail(w, http.StatusForbidden, errors.New("the controls are not for web pages: send JSON, from no other origin"))
	case r.URL.Path != "" && path.Clean(r.URL.Path) != strings.TrimSuffix(r.URL.Path, "/") && r.URL.Path != "/":
		s.unknown.ServeHTTP(w, r) // the multiplexer would redirect to what it takes the path for
	default:
		s.mux.ServeHTTP(w, r)
	}
}

func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || host == "" || ip != nil && ip.IsLoopback()
}

// isProgram tells a request that no web page of another origin can make a browser send
// unasked. A browser says where a request comes from, and sends JSON to another origin
// only after asking; programs that say nothing of the kind may leave the media type to
// their defaults.
func isProgram(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost, err == nil && mediaType == "application/json":
		return true
	case r.Header.Get("Origin") != "", r.Header.Get("Sec-Fetch-Site") != "", r.Header.Get("Referer") != "":
		return false
	}
	return r.Header.Get("Content-Type") == "" || mediaType == "application/x-www-form-urlencoded" // what curl -d says
}
