package quota_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/internal/quota"
	"tallystick/internal/stripeapi"
	"tallystick/internal/testkit"
)

// TestReplicasShareTheRate takes turns from two processes at once: no turn is given
// away twice.
func TestReplicasShareTheRate(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle)
	quotas := []stripeapi.Quota{quota.Of(k.Store), quota.Of(k.Replica(t).Store)}
	// So slow that none is added while the test runs, however long that takes.
	turn := stripeapi.Turn{Every: time.Hour, Burst: 5, Within: 100 * time.Hour}
	var taken sync.Map
	var count atomic.Int32
	var all sync.WaitGroup
	for _, q := range quotas {
		for range 10 {
			all.Go(func() {
				wait, ok, err := q.Take(t.Context(), "write", turn)
				if err != nil || !ok {
					t.Errorf("no turn: %v", err)
					return
				}
				if _, twice := taken.LoadOrStore(wait.Round(time.Hour), true); wait > 0 && twice {
					t.Errorf("two have the turn in %v", wait)
				}
				count.Add(1)
			})
		}
	}
	all.Wait()
	// Five at once, and then one an hour.
	if _, ok := taken.Load(15 * time.Hour); !ok || count.Load() != 20 {
		t.Errorf("%d turns were taken, the last one not in 15 h", count.Load())
	}

	reserved := turn
	reserved.Reserve, reserved.Within = 2, 0
	wait, ok, err := quotas[0].Take(t.Context(), "write", reserved)
	if err != nil || ok || wait.Round(time.Hour) != 18*time.Hour {
		t.Errorf("behind them all, and leaving two turns: %v, %v, %v; want 18 h", wait, ok, err)
	}
	if wait, ok, err := quotas[0].Take(t.Context(), "read", reserved); err != nil || !ok || wait > 0 {
		t.Errorf("a read: %v, %v, %v", wait, ok, err)
	}
}

// TestSQLiteIsForOneProcess has no quota to share.
func TestSQLiteIsForOneProcess(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle)
	if quota.Of(k.Store) != nil {
		t.Error("SQLite has a quota")
	}
}

// BenchmarkTake is what a request to Stripe pays for standing in line.
func BenchmarkTake(b *testing.B) {
	k := testkit.New(b, "postgres", testkit.Idle)
	q := quota.Of(k.Store)
	for b.Loop() {
		if _, _, err := q.Take(b.Context(), "write", stripeapi.Turn{Every: time.Microsecond, Burst: 100, Within: time.Hour}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTurnsAfterTheClockWentBack takes a turn when those before were taken in what is now
// the future, as after a failover to a server whose clock is behind.
func TestTurnsAfterTheClockWentBack(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle)
	q := quota.Of(k.Store)
	turn := stripeapi.Turn{Every: 10 * time.Millisecond, Burst: 20, Within: 3 * time.Second}
	if _, taken, err := q.Take(t.Context(), "write", turn); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if _, err := k.Store.DB.ExecContext(t.Context(), "UPDATE stripe_turns SET next = next + interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	if wait, taken, err := q.Take(t.Context(), "write", turn); err != nil || !taken || wait > turn.Within {
		t.Errorf("taken: %v, %v, in %v", taken, err, wait)
	}
}
