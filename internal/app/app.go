// Package app wires the parts of the server together, for the program and for
// tests that need the whole of it.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tallystick/internal/access"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/config"
	"tallystick/internal/customers"
	"tallystick/internal/demo"
	"tallystick/internal/health"
	"tallystick/internal/httpapi"
	"tallystick/internal/jobs"
	"tallystick/internal/live"
	"tallystick/internal/mirror"
	"tallystick/internal/quota"
	"tallystick/internal/reconciliation"
	"tallystick/internal/retention"
	"tallystick/internal/sandbox"
	"tallystick/internal/statuspage"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
	"tallystick/internal/subscriptions"
	"tallystick/internal/webhooks"
	"tallystick/resolvers"
)

// App is a server that has started, without its listener.
type App struct {
	// Handler serves every route.
	Handler http.Handler
	// EndStreams ends the live updates, whose clients connect again to another
	// process. The HTTP server calls it when it begins to shut down.
	EndStreams     func()
	Store          *store.Store
	Engine         *stripesync.Engine
	Stripe         *stripeapi.Client
	Mirror         *mirror.Mirror
	Catalog        *catalog.Catalog
	Customers      *customers.Customers
	Subscriptions  *subscriptions.Subscriptions
	Health         *health.Reader
	Live           *live.Hub
	Inbox          *webhooks.Inbox
	Sweeper        *webhooks.Sweeper
	Reconciliation *reconciliation.Reconciliation

	config   config.Serve
	reads    bool           // and writes nothing
	locks    []*flock.Flock // on the data directory of a sandbox, and on a SQLite database
	adminKey string
	sandbox  *sandbox.Sandbox // nil with a real Stripe key, and with another process's
	// sandboxURL is where the sandbox listens that stands in for Stripe.
	sandboxURL string
	workers    *jobs.Workers
	watching   sync.WaitGroup
	unwatch    context.CancelFunc
	started    time.Time // zero until it was reported
	logger     *slog.Logger
}

// Settings are what tests change about how an app is built.
type Settings struct {
	Stripe stripeapi.Options
	Engine stripesync.Options
	// LookEvery is how often those who watch look although they were told of nothing.
	LookEvery time.Duration
	Access    access.Rules
	// Idle leaves out everything that works by itself: the workers, and the
	// watch over Stripe.
	Idle bool
	// Beside lets this process work on a SQLite database that a server has.
	Beside bool
}

// Start opens and migrates the database, starts the sandbox unless there is a
// Stripe key, and begins to work. On an error nothing stays open.
func Start(ctx context.Context, c config.Serve, logger *slog.Logger, change ...func(*Settings)) (_ *App, err error) {
	a := &App{config: c, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(context.WithoutCancel(ctx)))
		}
	}()
	if c.Sandbox() {
		if err = a.lockDirectory(ctx, c.DataDir); err != nil {
			return nil, err
		}
	}
	if a.adminKey, err = c.AdminKey(); err != nil {
		return nil, err
	}
	if c.WeakAdminKey() {
		logger.Warn("ADMIN_API_KEY is short enough to be guessed")
	}
	if a.Store, err = store.Open(ctx, c.URL()); err != nil {
		return nil, err
	}
	if err = a.Store.Migrate(ctx); err != nil {
		return nil, err
	}
	if c.Sandbox() {
		if a.sandbox, err = sandbox.Start(ctx, sandbox.Options{Addr: c.SandboxAddr, DataDir: c.DataDir, Logger: logger}); err != nil {
			return nil, err
		}
		a.sandboxURL = a.sandbox.URL
	}
	start, err := a.buildEngine(ctx, change)
	if err != nil {
		return nil, err
	}
	if a.Handler, err = a.routes(ctx); err != nil {
		return nil, err
	}
	if err = start(ctx); err != nil { // last, as nothing may be built beside what works
		return nil, err
	}
	return a, nil
}

// buildEngine builds the ways to Stripe. start lets them work.
func (a *App) buildEngine(ctx context.Context, change []func(*Settings)) (start func(context.Context) error, err error) {
	s := Settings{Stripe: a.stripeOptions(), Access: access.DefaultRules(), LookEvery: 4 * time.Second}
	alarm, err := jobs.NewAlarm(a.Store)
	if err != nil {
		return nil, err
	}
	s.Engine = stripesync.Options{
		Store: a.Store, Alarm: alarm, Logger: a.logger, Budget: a.config.MutationTimeout,
		Requester: requester, Refresh: a.refresh, Gone: a.gone, Again: a.again,
	}
	for _, c := range change {
		c(&s)
	}
	a.Store.Reader.Intercept(s.Access.Policy())
	if !s.Beside {
		if err := a.lockDatabase(ctx, a.config.URL()); err != nil {
			return nil, err
		}
	}
	a.Live = live.New(a.Store, s.LookEvery, a.logger)
	a.Stripe = stripeapi.New(s.Stripe)
	if s.Engine.Now == nil {
		s.Engine.Now = a.Store.Now
	}
	now := s.Engine.Now
	a.Mirror = mirror.New(mirror.Options{
		Store: a.Store, Stripe: a.Stripe, Logger: a.logger, Now: now,
		Relink: func(ctx context.Context, id string) error { return a.Customers.LinkAgain(ctx, id) },
		Push: func(ctx context.Context, objectType, id string) error {
			return a.Reconciliation.Push(ctx, objectType, id)
		},
	})
	s.Engine.Stripe = a.Stripe
	a.Engine = stripesync.New(s.Engine)
	a.declareOperations()
	a.Reconciliation = reconciliation.New(a.Store, a.Engine, a.Mirror, a.logger)
	a.Health = health.New(a.Store, a.Stripe)
	if err := a.confirmAccount(ctx, stripeapi.OfKey(s.Stripe.SecretKey, s.Stripe.Sandbox)); err != nil {
		return nil, err
	}
	a.Inbox = webhooks.NewInbox(a.Store, a.Mirror, alarm, a.logger, now)
	a.Sweeper = webhooks.NewSweeper(a.Inbox, a.Mirror, a.Stripe, a.logger)
	return func(ctx context.Context) error {
		watch, unwatch := context.WithCancel(context.WithoutCancel(ctx))
		a.unwatch = unwatch
		a.watching.Go(func() { a.Live.Run(watch) })
		if s.Idle {
			return nil
		}
		return a.startWorking(ctx, watch, alarm)
	}, nil
}

// stripeOptions are how the configuration says that Stripe is reached: the sandbox
// where there is no key.
func (a *App) stripeOptions() stripeapi.Options {
	o := stripeapi.Options{BaseURL: a.config.StripeAPIBase, Quota: quota.Of(a.Store), Logger: a.logger}
	switch keys := a.config.SecretKeys(); len(keys) {
	case 2:
		o.NextSecretKey = keys[1]
		fallthrough
	case 1:
		o.SecretKey = keys[0]
	}
	if a.sandboxURL != "" {
		o.SecretKey, o.Sandbox = sandbox.Key, true
		o.BaseURL = cmp.Or(o.BaseURL, a.sandboxURL)
	}
	return o
}

// declareOperations builds the subjects, each of which declares its operations to the
// engine.
func (a *App) declareOperations() {
	a.Catalog = catalog.New(a.Store, a.Engine)
	a.Customers = customers.New(a.Store, a.Engine, a.Mirror, a.logger)
	a.Subscriptions = subscriptions.New(subscriptions.Options{
		Store: a.Store, Stripe: a.Stripe, Sync: a.Engine, Mirror: a.Mirror, Customers: a.Customers, Logger: a.logger,
	})
}

// refresh shows an object as Stripe has it. One that another operation is changing
// waits for that.
func (a *App) refresh(ctx context.Context, objectType, stripeID string) error {
	_, err := a.Mirror.Refresh(ctx, objectType, stripeID)
	if errors.Is(err, mirror.ErrBusy) {
		return billing.Errorf(billing.CodeOperationInProgress, "Another operation is changing the %s.", objectType)
	}
	return err
}

// gone reports whether an object has been deleted in Stripe, and shows that.
func (a *App) gone(ctx context.Context, objectType, stripeID string) (bool, error) {
	return a.Mirror.Gone(ctx, objectType, stripeID)
}

// again has Stripe's reports on objects since a time applied once more.
func (a *App) again(ctx context.Context, tx *store.Tx, since time.Time, objects []stripesync.Object) error {
	for _, o := range objects {
		if err := a.Inbox.Again(ctx, tx, since, webhooks.Object{Type: o.Type, ID: o.ID}); err != nil {
			return err
		}
	}
	return nil
}

// requester is who asks for an operation; nil when the program itself does.
func requester(ctx context.Context) *stripesync.Requester {
	p, ok := auth.From(ctx)
	if !ok {
		return nil
	}
	return &stripesync.Requester{Kind: string(p.Kind), ID: p.ID, Label: p.Label}
}

// startWorking starts what works by itself: the workers that carry out what
// nobody waits for, and the watch over Stripe.
func (a *App) startWorking(ctx, watch context.Context, alarm *jobs.Alarm) error {
	workers, err := jobs.NewWorkers(jobs.Options{
		Alarm: alarm, Others: a.Live,
		Store: a.Store, Stripe: a.Stripe, Engine: a.Engine, Inbox: a.Inbox,
		Sweeper: a.Sweeper, Reconciliation: a.Reconciliation,
		Retention: retention.New(a.Store, a.config.Retention, a.Store.Now), Logger: a.logger,
	})
	if err != nil {
		return err
	}
	if err := workers.Start(ctx); err != nil {
		return fmt.Errorf("start the workers: %w", err)
	}
	a.workers = workers

	a.watching.Go(func() { a.Store.FollowClock(watch, a.logger) })
	a.watching.Go(func() { a.Store.FollowServer(watch, a.logger) })
	a.watching.Go(func() {
		a.Stripe.Watch(watch, a.confirmLater, func() {
			_, err := a.Engine.Sweep(watch)
			if err = errors.Join(err, a.Inbox.Recover(watch)); err != nil {
				a.logger.Warn("could not wake up what waited for Stripe; the sweep will", "error", err)
			}
		})
	})
	return nil
}

func (a *App) routes(ctx context.Context) (http.Handler, error) {
	r := resolvers.New(resolvers.Options{
		Store: a.Store, Catalog: a.Catalog, Customers: a.Customers, Subscriptions: a.Subscriptions,
		Sync: a.Engine, Reconciliation: a.Reconciliation, Health: a.Health, Keys: access.NewManager(a.Store), Live: a.Live, Logger: a.logger,
	})
	schema := r.Schema()
	var trusted httpapi.Trusted
	if a.config.TrustedDocuments != "" {
		var err error
		if trusted, err = httpapi.ReadTrusted(ctx, a.config.TrustedDocuments, schema); err != nil {
			return nil, fmt.Errorf("TRUSTED_DOCUMENTS: %w", err)
		}
	}
	ending, end := context.WithCancel(context.WithoutCancel(ctx))
	a.EndStreams = end
	authenticate := a.authenticate(access.NewKeys(a.Store, a.adminKey, a.logger))
	return httpapi.New(httpapi.Options{
		Status: statuspage.New(statuspage.Options{
			Store: a.Store, Health: a.Health, Sync: a.Engine, Authenticate: authenticate, Logger: a.logger,
		}),
		Schema:         schema,
		Ending:         ending.Done(),
		Allowance:      a.allowance,
		Trusted:        trusted,
		SchemaNeedsKey: a.config.Introspection == "admin" || a.config.Introspection == "false",
		ErrorPresenter: r.PresentError,
		Recover:        r.Recover,
		CheckCursor:    r.CheckCursor,
		Authenticate:   authenticate,
		Around:         r.WithLoaders,
		Ready:          a.Store.Ready,
		Metrics:        a.Metrics(),
		MetricsNeedKey: !a.config.Sandbox(),
		Origins:        a.config.Origins(),
		LocalOnly:      a.config.LocalOnly(),
		Webhooks:       webhooks.NewHandler(a.Inbox, a.webhookSecrets(), a.logger),
		Logger:         a.logger,
	}), nil
}

// authenticate finds out who asks.
func (a *App) authenticate(keys *access.Keys) func(context.Context, string) (context.Context, error) {
	return func(ctx context.Context, bearer string) (context.Context, error) {
		return keys.Authenticate(access.WithRemote(ctx, httpapi.Remote(ctx)), bearer)
	}
}

// Metrics serves the process's own metrics, and the health's.
func (a *App) Metrics() http.Handler {
	own := prometheus.NewRegistry()
	own.MustRegister(health.NewCollector(a.Health, a.logger), jobs.NewCollector(a.Store, a.logger))
	own.MustRegister(a.Store.Collectors()...)
	return promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, own}, promhttp.HandlerOpts{})
}

// webhookSecrets are what events are signed with: by Stripe with one of those that
// were set, and by the sandbox with its own when none was.
func (a *App) webhookSecrets() []string {
	if secrets := a.config.WebhookSecrets(); len(secrets) > 0 || a.sandbox == nil {
		return secrets
	}
	return []string{a.sandbox.WebhookSecret}
}

// AdminKey is the key with every scope.
func (a *App) AdminKey() string { return a.adminKey }

// SandboxURL is where the built-in sandbox listens; empty with a real key.
func (a *App) SandboxURL() string {
	if a.sandbox == nil {
		return ""
	}
	return a.sandbox.URL
}

// ListensOn tells the sandbox where its events go, once the server has an
// address, and seeds the demo catalogue into a new database.
func (a *App) ListensOn(ctx context.Context, addr net.Addr) error {
	if a.sandbox == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, port) + "/webhooks/stripe"
	if err := a.sandbox.SendEvents(url, a.webhookSecrets()[0]); err != nil {
		return fmt.Errorf("connect the sandbox: %w", err)
	}
	if !a.config.Demo {
		return nil
	}
	var refusal *billing.Error
	switch err := demo.Seed(ctx, a.Store, a.Catalog); {
	case errors.As(err, &refusal): // the sandbox has another database's, say
		a.logger.Warn("there is no demo catalogue", "reason", refusal.Message)
	case err != nil:
		return fmt.Errorf("seed the demo catalogue: %w", err)
	}
	return nil
}

// Announce tells a person where to go.
func (a *App) Announce(w io.Writer, addr net.Addr) {
	link := fmt.Sprintf("http://%s/", addr)
	if a.config.AdminAPIKey == "" {
		link += "#key=" + a.adminKey
	}
	fmt.Fprintf(w, "\nTallystick is ready.\n\n  Playground  %s\n  API         http://%s/graphql\n", link, addr)
	if a.config.AdminAPIKey == "" {
		fmt.Fprintf(w, "  Admin key   %s\n", a.adminKey)
	}
	if a.sandbox != nil {
		fmt.Fprintf(w, "  Stripe      the built-in sandbox, at %s\n", a.sandbox.URL)
	}
	fmt.Fprintln(w)
}

// Close stops working and closes everything. What is under way has until the
// context ends; what is not done by then goes on at the next start.
func (a *App) Close(ctx context.Context) (err error) {
	defer func() { a.reportStop(err) }()
	var errs []error
	if a.EndStreams != nil {
		a.EndStreams()
	}
	if a.unwatch != nil {
		a.unwatch()
		a.watching.Wait()
	}
	if a.workers != nil {
		errs = append(errs, a.workers.Stop(ctx))
	}
	if a.Engine != nil {
		errs = append(errs, a.Engine.Close(ctx))
	}
	if a.sandbox != nil {
		errs = append(errs, a.sandbox.Close(ctx))
	}
	if a.Store != nil {
		errs = append(errs, a.Store.Close())
	}
	for _, lock := range a.locks {
		errs = append(errs, lock.Unlock())
	}
	return errors.Join(errs...)
}
