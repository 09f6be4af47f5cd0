package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ServeOptions say where the sandbox listens when it runs alone.
type ServeOptions struct {
	Addr    string // on the loopback interface: the controls ask for no key
	DataDir string
	Seed    string // a file of fixtures; empty: none
	Webhook string // where events go; empty: nowhere
	Logger  *slog.Logger
	Out     io.Writer // where it says that it is ready
}

// Serve runs the sandbox alone until the context ends. It fails when the address or the
// directory is taken, and when the fixtures cannot be made.
func Serve(ctx context.Context, o ServeOptions) error {
	if host, _, err := net.SplitHostPort(o.Addr); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("--addr must be HOST:PORT on the loopback interface, not %q", o.Addr)
	}
	if o.Webhook != "" && !strings.HasPrefix(o.Webhook, "http://") && !strings.HasPrefix(o.Webhook, "https://") {
		return fmt.Errorf("--webhook must be an http or https address, not %q", o.Webhook)
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the sandbox's directory: %w", err)
	}
	lock := flock.New(filepath.Join(o.DataDir, "lock"), flock.SetPermissions(0o600))
	if locked, err := lock.TryLock(); err != nil {
		return fmt.Errorf("lock the sandbox's directory: %w", err)
	} else if !locked {
		return fmt.Errorf("another server runs on the data directory %s; give this one its own --data", o.DataDir)
	}
	host, err := NewHost(ctx, HostOptions{DataDir: o.DataDir, Webhook: o.Webhook, Logger: o.Logger})
	if err != nil {
		return errors.Join(err, lock.Unlock())
	}
	return errors.Join(host.serve(ctx, o), host.Close(), lock.Unlock())
}

func (h *Host) serve(ctx context.Context, o ServeOptions) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("the sandbox cannot listen on %s: %w", o.Addr, errors.Unwrap(err))
	}
	address := "http://" + listener.Addr().String()
	if o.Seed != "" {
		if err := h.seedOnce(o.Seed); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	if err := os.WriteFile(addressFile(o.DataDir), []byte(address+"\n"), 0o600); err != nil {
		return errors.Join(fmt.Errorf("tell where the sandbox listens: %w", err), listener.Close())
	}
	defer os.Remove(addressFile(o.DataDir))
	fmt.Fprintf(o.Out, "The Stripe sandbox is ready.\n\n  API base    %s\n  Secret key  %s, or any sk_test_…: each is an account of its own\n  Look inside %s/_sim/inspect\n", address, Key, address)
	if o.Webhook != "" {
		fmt.Fprintf(o.Out, "  Events      to %s, signed with %s\n", o.Webhook, h.WebhookSecret)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(last)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// seedOnce makes a file's fixtures, unless this directory has them already.
func (h *Host) seedOnce(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return fmt.Errorf("read the fixtures: %w", err)
	}
	done := filepath.Join(h.options.DataDir, "seeded-"+digest(text))
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := h.Seed(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(done, nil, 0o600)
}
