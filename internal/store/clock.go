package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"
)

// reading is what the database's clock said at a moment of this process's
// monotonic one.
type reading struct{ database, local time.Time }

// Now returns the time by the database's clock, which all replicas share; the clock
// of this machine has no influence. Before the first [Store.SyncClock], and on
// SQLite, it is this machine's time.
func (s *Store) Now() time.Time {
	if r := s.clock.Load(); r != nil {
		return r.database.Add(time.Since(r.local))
	}
	return time.Now()
}

// SyncClock reads the database's clock, from which [Store.Now] counts on. It fails
// when the database does not answer, and [Store.Now] then counts from the last
// reading. On SQLite it does nothing.
func (s *Store) SyncClock(ctx context.Context) error {
	if s.dialect == dialect.SQLite {
		return nil
	}
	conn, err := s.DB.Conn(ctx) // the wait for which is no part of the round trip
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	defer conn.Close()
	asked := time.Now()
	var now time.Time
	if err := conn.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	answered := time.Now()
	s.clock.Store(&reading{database: now, local: asked.Add(answered.Sub(asked) / 2)})
	return nil
}

// clockEvery is how often the database's clock is read, as this machine may
// have slept, and the database may be another one.
const clockEvery = 5 * time.Second

// FollowClock calls [Store.SyncClock] every five seconds until the context ends.
// Failures are logged at debug level.
func (s *Store) FollowClock(ctx context.Context, logger *slog.Logger) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.SyncClock(ctx); err != nil && ctx.Err() == nil {
				logger.Debug("the database's clock was not read", "error", err)
			}
		}
	}
}
