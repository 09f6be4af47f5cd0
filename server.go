// Tallystick is a GraphQL billing API in front of Stripe that keeps its own
// database and Stripe equal.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"tallystick/internal/app"
	"tallystick/internal/config"
	"tallystick/internal/sandbox"
	"tallystick/internal/store"
)

type cli struct {
	Serve   serve          `cmd:"" default:"withargs" help:"Start the API (the default)."`
	Migrate migrate        `cmd:"" help:"Bring the database up to date, and stop. The server does so too when it starts."`
	Sandbox sandboxCommand `cmd:"" help:"Control the sandbox of a running server."`
}

func main() {
	tuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx)
	stop()
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

type sandboxCommand struct {
	Advance advance `cmd:"" help:"Let time pass: renewals, failing payments, ends of trials and their events follow."`
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
	server := &http.Server{Handler: a.Handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err = a.ListensOn(listener.Addr()); err == nil {
		a.Announce(os.Stdout, listener.Addr())
		select {
		case err = <-served:
		case <-ctx.Done():
		}
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(closing), a.Close(closing))
}

// tuneMemory trades memory for speed: answering GraphQL is mostly allocation.
// The environment wins.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(1 << 30)
	}
}
