// Tallystick is a GraphQL billing API in front of Stripe that keeps its own
// database and Stripe equal.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/net/netutil"

	"tallystick/ent/apikey"
	"tallystick/internal/access"
	"tallystick/internal/app"
	"tallystick/internal/auth"
	"tallystick/internal/config"
	"tallystick/internal/memory"
	"tallystick/internal/mirror"
	"tallystick/internal/reconciliation/report"
	"tallystick/internal/sandbox"
	"tallystick/internal/store"
)

type cli struct {
	Serve     serve            `cmd:"" default:"withargs" help:"Start the API (the default)."`
	Migrate   migrate          `cmd:"" help:"Bring the database up to date, and stop. The server does so too when it starts."`
	Reconcile reconcile        `cmd:"" help:"Compare this database with Stripe, and record what differs."`
	Import    importCommand    `cmd:"" help:"Take in everything that a Stripe account has. It can be stopped and repeated at any time."`
	Keys      keysCommand      `cmd:"" help:"Make, list and revoke API keys."`
	Sandbox   sandboxCommand   `cmd:"" help:"Run the Stripe sandbox alone, or control one that runs."`
	Version   kong.VersionFlag `help:"Print the version." name:"version"`
}

func main() {
	ballast := memory.Tune()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx)
	stop()
	runtime.KeepAlive(ballast)
	if errors.Is(err, errDifferent) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tallystick:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	parser, err := kong.New(&cli{},
		kong.Name("tallystick"),
		kong.Description("A GraphQL billing API in front of Stripe. Every flag has an environment variable."),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Vars{"version": version()},
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		return err
	}
	return command.Run()
}

// version is that of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			version += " " + setting.Value
		}
	}
	return version
}

type migrate struct {
	config.Database
}

// Run migrates the database.
func (m migrate) Run(ctx context.Context) error {
	s, err := store.Open(ctx, m.URL())
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Close())
}

// errDifferent says that both halves are not equal; what differs is printed.
var errDifferent = errors.New("both halves differ")

type reconcile struct {
	config.Both
	Repair bool `help:"Repair what differs. Nothing is ever deleted in Stripe." xor:"mode"`
	Check  bool `help:"Write nothing; exit with 0 when both halves are equal, with 2 when they are not." xor:"mode"`
	JSON   bool `help:"With --check, print what differs as JSON." name:"json"`
}

// Run compares both halves.
func (r reconcile) Run(ctx context.Context) error {
	if r.JSON && !r.Check {
		return errors.New("--json goes with --check")
	}
	open := app.Open
	if r.Check {
		open = app.OpenToRead
	}
	a, err := open(ctx, r.Both, r.Logger())
	if err != nil {
		return err
	}
	defer a.Close(context.WithoutCancel(ctx))
	if r.Check {
		return report.Check(ctx, a.Mirror, report.Options{JSON: r.JSON, Out: os.Stdout, Progress: os.Stderr}, errDifferent)
	}
	return report.Reconcile(ctx, a.Mirror, mirror.Reconciliation{Repair: r.Repair}, report.Options{Out: os.Stdout, Progress: os.Stderr})
}

type importCommand struct {
	config.Both
}

// Run takes everything in.
func (i importCommand) Run(ctx context.Context) error {
	a, err := app.Open(ctx, i.Both, i.Logger())
	if err != nil {
		return err
	}
	defer a.Close(context.WithoutCancel(ctx))
	if err := report.Reconcile(ctx, a.Mirror, mirror.Reconciliation{TakeIn: true}, report.Options{Out: os.Stdout, Progress: os.Stderr}); err != nil {
		return err
	}
	return report.Partial(ctx, a.Store, os.Stdout)
}

type keysCommand struct {
	Create createKey `cmd:"" help:"Make an API key, and print it once."`
	List   listKeys  `cmd:"" help:"List the API keys."`
	Revoke revokeKey `cmd:"" help:"Revoke an API key, everywhere within five seconds."`
}

type createKey struct {
	config.Database
	Name      string        `arg:"" help:"What people call the key."`
	Scope     []auth.Scope  `help:"What it may do: READ_CATALOG, WRITE_SUBSCRIPTIONS, …; several, comma-separated." required:""`
	ExpiresIn time.Duration `help:"How long it is valid: 720h. Without this it does not end."`
}

// Run makes a key.
func (c createKey) Run(ctx context.Context) error {
	for _, scope := range c.Scope {
		if !slices.Contains(auth.Scopes, scope) {
			return fmt.Errorf("%q is not a scope; there are %v", scope, auth.Scopes)
		}
	}
	return withKeys(ctx, c.Database, func(s *store.Store, m *access.Manager) error {
		in := access.CreateAPIKey{Name: c.Name, Scopes: c.Scope}
		if c.ExpiresIn > 0 {
			at := s.Now().Add(c.ExpiresIn)
			in.ExpiresAt = &at
		}
		row, secret, err := m.CreateAPIKey(ctx, in)
		if err == nil {
			fmt.Printf("%s\n%s is shown this once: only its hash is kept.\n", secret, row.ID)
		}
		return err
	})
}

type listKeys struct {
	config.Database
}

// Run lists the keys.
func (l listKeys) Run(ctx context.Context) error {
	return withKeys(ctx, l.Database, func(s *store.Store, _ *access.Manager) error {
		rows, err := s.Reader.ApiKey.Query().Order(apikey.ByID()).All(ctx)
		for _, row := range rows {
			state := "valid"
			switch {
			case row.RevokedAt != nil:
				state = "revoked"
			case row.ExpiresAt != nil && !s.Now().Before(*row.ExpiresAt):
				state = "expired"
			}
			fmt.Printf("%s  tsk_%s…  %-7s  %s  %v\n", row.ID, row.Prefix, state, row.Name, row.Scopes)
		}
		return err
	})
}

type revokeKey struct {
	config.Database
	ID string `arg:"" help:"The key's id: apk_…."`
}

// Run revokes a key.
func (r revokeKey) Run(ctx context.Context) error {
	return withKeys(ctx, r.Database, func(_ *store.Store, m *access.Manager) error {
		_, err := m.RevokeAPIKey(ctx, access.RevokeAPIKey{APIKeyID: r.ID})
		return err
	})
}

func withKeys(ctx context.Context, d config.Database, do func(*store.Store, *access.Manager) error) error {
	s, err := store.Open(ctx, d.URL())
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), do(s, access.NewManager(s)), s.Close())
}

type sandboxCommand struct {
	Serve   serveSandbox `cmd:"" help:"Run the Stripe sandbox without this API, for any Stripe client."`
	Advance advance      `cmd:"" help:"Let time pass: renewals, failing payments, ends of trials and their events follow."`
}

type serveSandbox struct {
	config.Log
	Addr    string `help:"Where it listens, on the loopback interface." env:"SANDBOX_ADDR" default:"127.0.0.1:4242" placeholder:"HOST:PORT"`
	Data    string `help:"Where its accounts are kept." env:"SANDBOX_DATA" default:"./sandbox-data" type:"path"`
	Seed    string `help:"A file of fixtures to begin with, in the format of the Stripe CLI." env:"SANDBOX_SEED" type:"path" placeholder:"FILE"`
	Webhook string `help:"Where events go, signed with the secret that is printed at the start." env:"SANDBOX_WEBHOOK" placeholder:"URL"`
}

// Run serves the sandbox until the context ends.
func (s serveSandbox) Run(ctx context.Context) error {
	return sandbox.Serve(ctx, sandbox.ServeOptions{
		Addr: s.Addr, DataDir: s.Data, Seed: s.Seed, Webhook: s.Webhook, Logger: s.Logger(), Out: os.Stdout,
	})
}

type advance struct {
	config.Directory
	By string `arg:"" help:"How much time: 31d, 2h."`
}

// Run advances the clock of the sandbox.
func (a advance) Run(ctx context.Context) error {
	url, err := sandbox.URL(a.DataDir)
	if err != nil {
		return err
	}
	now, err := sandbox.AdvanceClock(ctx, url, a.By)
	if err == nil {
		fmt.Println("In the sandbox it is", now.Format(time.RFC3339))
	}
	return err
}

type serve struct {
	config.Serve
}

// Run serves the API until the context ends.
func (s serve) Run(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.ListenAddr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", s.ListenAddr, errors.Unwrap(err))
	}
	a, err := app.Start(ctx, s.Serve, s.Logger())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	// Who connects before it is all there waits in the listener's queue.
	if err = a.ListensOn(ctx, listener.Addr()); err != nil {
		return errors.Join(err, listener.Close(), a.Close(context.WithoutCancel(ctx)))
	}
	server := newServer(a.Handler)
	server.RegisterOnShutdown(a.EndStreams)
	served := make(chan error, 2)
	go func() { served <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()
	if s.MetricsAddr != "" {
		metrics, err := new(net.ListenConfig).Listen(ctx, "tcp", s.MetricsAddr)
		if err != nil {
			return errors.Join(fmt.Errorf("cannot listen on %s: %w", s.MetricsAddr, errors.Unwrap(err)), server.Close(), a.Close(ctx))
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", a.Metrics())
		aside := newServer(mux)
		defer aside.Close()
		go func() { served <- aside.Serve(metrics) }()
	}
	a.ReportStart(ctx, version(), listener.Addr())
	a.Announce(os.Stdout, listener.Addr())
	go memory.FreeWhenIdle(ctx)
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(closing), a.Close(closing))
}

// maxConnections is how many clients are connected at the same time.
const maxConnections = 4096

// newServer serves clients that are slow, but none that never read their answers.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 90 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}
