package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"tallystick/internal/config"
	"tallystick/internal/sandbox"
	"tallystick/internal/store"
)

// Open is Start for a command that works on both halves by itself, beside a
// server or without one: it serves nothing, and nothing works in the background.
// Without a Stripe key it reaches the sandbox of the server that runs on the data
// directory, or starts one for itself.
func Open(ctx context.Context, c config.Both, logger *slog.Logger) (*App, error) {
	return open(ctx, c, logger, (*store.Store).Migrate, false)
}

// OpenToRead is Open for a command that writes nothing: the database must be there,
// and up to date.
func OpenToRead(ctx context.Context, c config.Both, logger *slog.Logger) (*App, error) {
	if path, sqlite := strings.CutPrefix(c.URL(), "sqlite://"); sqlite {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("there is no database: %w", err)
		}
	}
	return open(ctx, c, logger, (*store.Store).Ready, true)
}

func open(ctx context.Context, c config.Both, logger *slog.Logger, prepare func(*store.Store, context.Context) error, reads bool) (_ *App, err error) {
	a := &App{config: config.Serve{Database: c.Database, Log: c.Log, Stripe: c.Stripe}, logger: logger, reads: reads}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(context.WithoutCancel(ctx)))
		}
	}()
	if c.Sandbox() {
		if a.sandboxURL, err = sandbox.URL(c.DataDir); err != nil {
			if err = a.lockDirectory(ctx, c.DataDir); err != nil {
				return nil, err
			}
			if a.sandbox, err = sandbox.Start(ctx, sandbox.Options{Addr: "127.0.0.1:0", DataDir: c.DataDir, Logger: logger}); err != nil {
				return nil, err
			}
			a.sandboxURL = a.sandbox.URL
		}
	}
	if a.Store, err = store.Open(ctx, c.URL()); err != nil {
		return nil, err
	}
	if err = prepare(a.Store, ctx); err != nil {
		return nil, err
	}
	start, err := a.buildEngine(ctx, []func(*Settings){func(s *Settings) {
		s.Idle, s.Beside = true, true
		s.Stripe.Timeout = 0
	}})
	if err != nil {
		return nil, err
	}
	return a, start(ctx)
}
