package store_test

import (
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
