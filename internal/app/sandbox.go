package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"tallystick/internal/config"
	"tallystick/internal/stripesim"
)

// sandbox is the Stripe that stands in for the real one, on a port of its own.
type sandbox struct {
	url string
	// webhookSecret is made anew at each start.
	webhookSecret string

	sim     *stripesim.Sandbox
	server  *http.Server
	address string // the file that tells where it listens
}

func startSandbox(ctx context.Context, c config.Serve, logger *slog.Logger) (*sandbox, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.SandboxAddr)
	if err != nil {
		return nil, fmt.Errorf("the sandbox cannot listen on %s: %w", c.SandboxAddr, errors.Unwrap(err))
	}
	sim, err := stripesim.Open(ctx, stripesim.Options{
		Path: filepath.Join(c.DataDir, "sandbox.db"), SecretKey: sandboxKey, Logger: logger,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the sandbox: %w", err), listener.Close())
	}
	s := &sandbox{
		url:           "http://" + listener.Addr().String(),
		webhookSecret: "whsec_" + rand.Text(),

		sim:     sim,
		address: addressFile(c.DataDir),
		server:  &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second},
	}
	if err := os.WriteFile(s.address, []byte(s.url+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("tell where the sandbox listens: %w", err), listener.Close(), sim.Close())
	}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("the sandbox has stopped", "error", err)
		}
	}()
	return s, nil
}

func (s *sandbox) close(ctx context.Context) error {
	return errors.Join(os.Remove(s.address), s.server.Shutdown(ctx), s.sim.Close())
}
