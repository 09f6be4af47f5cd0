package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockPatience is how long a start waits for a server that is closing.
const lockPatience = 2 * time.Second

// lockDirectory makes a data directory this process's own until the lock is
// released: two servers on one would take the sandbox's events from each other.
func lockDirectory(ctx context.Context, dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	switch locked, err := lock.TryLockContext(ctx, 50*time.Millisecond); {
	case locked:
		return lock, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another server runs on the data directory %s; give this one its own DATA_DIR", dir)
	default:
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
}
