package store_test

import (
	"database/sql"
	"testing"
	"time"

	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// TestNow asserts that time goes by the database's clock, and on.
func TestNow(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testkit.EmptyPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var before, after time.Time
	read := func(to *time.Time) {
		t.Helper()
		if err := s.DB.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(to); err != nil {
			t.Fatal(err)
		}
	}
	read(&before)
	now := s.Now()
	read(&after)
	const within = 100 * time.Millisecond
	if now.Before(before.Add(-within)) || now.After(after.Add(within)) {
		t.Errorf("the time is %s; by the database's clock it is between %s and %s", now, before, after)
	}
	if later := s.Now(); !later.After(now) {
		t.Errorf("time stands still: %s, then %s", now, later)
	}
}

// TestClockWithoutTheWaitForAConnection reads the database's clock while all connections
// are taken for a second: half of that is no part of the time.
func TestClockWithoutTheWaitForAConnection(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t)+"&pool_max_conns=8")
	var held []*sql.Conn
	for range 4 { // half of them write
		conn, err := s.DB.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	time.AfterFunc(time.Second, func() {
		for _, conn := range held {
			conn.Close()
		}
	})
	if err := s.SyncClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	var now time.Time
	if err := s.DB.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	if off := s.Now().Sub(now); off.Abs() > 300*time.Millisecond {
		t.Errorf("the clock is off by %v", off)
	}
}
