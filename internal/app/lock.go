package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lockPatience is how long a start waits for a server that is closing.
const lockPatience = 2 * time.Second

// lockDirectory makes a data directory this process's own until it closes: two
// servers on one would take the sandbox's events from each other.
func (a *App) lockDirectory(ctx context.Context, dir string) error {
	return a.lock(ctx, filepath.Join(dir, "lock"), fmt.Sprintf("the data directory %s; give this one its own DATA_DIR", dir))
}

// lockDatabase makes a SQLite database this process's own until it closes: that is
// for one server. Commands may still work beside it.
func (a *App) lockDatabase(ctx context.Context, databaseURL string) error {
	path, sqlite := strings.CutPrefix(databaseURL, "sqlite://")
	if !sqlite || path == "" {
		return nil
	}
	return a.lock(ctx, path+".lock", fmt.Sprintf("the database %s; SQLite is for one, and several need PostgreSQL", path))
}

func (a *App) lock(ctx context.Context, path, what string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	switch locked, err := lock.TryLockContext(ctx, 50*time.Millisecond); {
	case locked:
		a.locks = append(a.locks, lock)
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("another server runs on %s", what)
	default:
		return fmt.Errorf("lock %s: %w", path, err)
	}
}
