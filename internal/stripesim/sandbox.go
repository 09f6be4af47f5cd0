package stripesim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// apiVersion is the one version of the Stripe API that the sandbox speaks.
const apiVersion = "2023-10-16"

// Options configure a Sandbox.
type Options struct {
	Path      string           // SQLite file that holds the sandbox's state; created when missing
	SecretKey string           // the only accepted key; empty accepts any sk_test_… / rk_test_… key
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: discard

	WebhookURL    string // where events are posted to; empty: nowhere until SetWebhook says so
	WebhookSecret string // what they are signed with
}

// Sandbox answers Stripe's API under /v1/ and its own controls under /_sim/. It is safe for concurrent use.
type Sandbox struct {
	store     *store
	secretKey string
	clock     clock
	log       *slog.Logger
	mux       *http.ServeMux

	keys     inFlightKeys
	faults   faultList
	requests requestLog

	courier *courier

	living   sync.Mutex    // held while time passes: one thing happens after the other
	lifeWake chan struct{} // has room for one
	lived    chan struct{}

	background context.Context //nolint:containedctx // what goes on without a request, until Close
	close      context.CancelFunc
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
	store, err := openStore(ctx, o.Path)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{
		store: store, secretKey: o.SecretKey, log: o.Logger, mux: http.NewServeMux(),
		lifeWake: make(chan struct{}, 1), lived: make(chan struct{}),
	}
	s.clock.real = o.Now
	s.courier = newCourier(store, s.now, o.Logger)
	s.background, s.close = context.WithCancel(context.WithoutCancel(ctx))
	for pattern, run := range endpoints() {
		s.mux.Handle(pattern, s.serve(run))
	}
	s.mux.Handle("/", s.serve(func(c *call) (any, error) { return nil, unrecognizedURL(c.http) }))
	s.routeControl()
	s.routePages()
	if err := s.start(o); err != nil {
		s.close()
		return nil, errors.Join(err, store.close())
	}
	return s, nil
}

// start takes up life where it was left: what became due in the meantime happens before the first request.
func (s *Sandbox) start(o Options) error {
	t, err := s.store.begin(s.background, false)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := s.clock.readOffset(t); err != nil {
		return err
	}
	if o.WebhookURL != "" {
		if err := s.SetWebhook(o.WebhookURL, o.WebhookSecret); err != nil {
			return err
		}
	}
	if err := s.liveUntil(s.now()); err != nil {
		s.log.Error("the sandbox's time does not go on", "error", err)
	}
	go s.courier.run(s.background)
	go s.live()
	return nil
}

// Close ends what is under way and closes the database. Stop the HTTP server first.
func (s *Sandbox) Close() error {
	s.close()
	<-s.courier.done
	<-s.lived
	return s.store.close()
}

// commit makes a transaction's work stand, sends its events on their way, and lets life look at what is due now.
func (s *Sandbox) commit(t *tx) error {
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.courier.rouse()
	select {
	case s.lifeWake <- struct{}{}:
	default:
	}
	return nil
}

// ServeHTTP serves programs and browsers of this machine. A request that names another host comes from a web page whose
// name was made to lead here (DNS rebinding), and one of another origin from a web page that has no business here.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !isLocal(r.Host):
		http.Error(w, "The sandbox is only for this machine.", http.StatusMisdirectedRequest)
	case strings.HasPrefix(r.URL.Path, "/_sim/") && !isProgram(r):
		controlError(w, http.StatusForbidden, errors.New("the controls are not for web pages: send JSON, from no other origin"))
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

// isProgram tells a request that no web page of another origin can make a browser send unasked. A browser says where a
// request comes from, and sends JSON to another origin only after asking; programs that say nothing of the kind may leave
// the media type to their defaults.
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

// now is the sandbox's idea of the time.
func (s *Sandbox) now() int64 { return s.clock.now() }
