// Package sandbox runs the built-in Stripe as a part of this server, on a port
// of its own, and speaks to the sandbox of a server that runs.
package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"tallystick/internal/stripesim"
)

// Key is the key that the sandbox accepts. It is no secret: the sandbox listens
// on the loopback interface only.
const Key = "sk_test_tallystick_sandbox"

// Options say where the sandbox listens and keeps its data.
type Options struct {
	Addr    string
	DataDir string
	Logger  *slog.Logger
}

// Sandbox is the Stripe that stands in for the real one.
type Sandbox struct {
	// URL is where it listens.
	URL string
	// WebhookSecret signs its events. It is made anew at each start.
	WebhookSecret string

	sim     *stripesim.Sandbox
	server  *http.Server
	address string // the file that tells where it listens
}

// Start opens the sandbox of a data directory and serves it. It fails when it
// cannot listen, or not read its data.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	listener, err := listen(ctx, o.Addr, o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("the sandbox cannot listen on %s: %w", o.Addr, errors.Unwrap(err))
	}
	sim, err := stripesim.Open(ctx, stripesim.Options{
		Path: filepath.Join(o.DataDir, "sandbox.db"), SecretKey: Key, Logger: o.Logger,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the sandbox: %w", err), listener.Close())
	}
	s := &Sandbox{
		URL:           "http://" + listener.Addr().String(),
		WebhookSecret: "whsec_" + rand.Text(),

		sim:     sim,
		address: addressFile(o.DataDir),
		server:  &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second},
	}
	if err := os.WriteFile(s.address, []byte(s.URL+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("tell where the sandbox listens: %w", err), listener.Close(), sim.Close())
	}
	if err := keepPort(listener, o.DataDir); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the sandbox's port: %w", err), listener.Close(), sim.Close())
	}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			o.Logger.Error("the sandbox has stopped", "error", err)
		}
	}()
	return s, nil
}

// SendEvents makes the sandbox send its events to a URL, signed with a secret.
func (s *Sandbox) SendEvents(url, secret string) error { return s.sim.SetWebhook(url, secret) }

// Close stops serving, once what is under way has ended or the context has.
func (s *Sandbox) Close(ctx context.Context) error {
	return errors.Join(os.Remove(s.address), s.server.Shutdown(ctx), s.sim.Close())
}
