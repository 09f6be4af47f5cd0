package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/jobs"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

func waiting(t *testing.T, k *testkit.Kit) (n int) {
	t.Helper()
	if err := k.Store.DB.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'run_operation'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAlarm(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		alarm, err := jobs.NewAlarm(k.Store)
		if err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		schedule := func(end error) error {
			return k.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				ids := []string{billing.NewID(billing.OperationPrefix), billing.NewID(billing.OperationPrefix)}
				if err := alarm.Schedule(ctx, tx, time.Now().Add(time.Hour), ids...); err != nil {
					return err
				}
				return end
			})
		}
		if err := schedule(refused); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if n := waiting(t, k); n != 0 {
			t.Errorf("a transaction that was rolled back left %d jobs", n)
		}
		if err := schedule(nil); err != nil {
			t.Fatal(err)
		}
		if n := waiting(t, k); n != 2 {
			t.Errorf("two operations have %d jobs", n)
		}
	})
}

// TestFreshOperations signs up: nothing is put into the queue for it, and the
// customer is linked all the same.
func TestFreshOperations(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		replica := k.Replica(t, testkit.Working)
		row, err := replica.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: "ada@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the customer to be linked", func() bool {
			op, err := k.Store.Reader.Operation.Get(t.Context(), row.Operation.ID)
			return err == nil && op.Status == billing.OperationSucceeded
		})
		if n := waiting(t, k); n != 0 {
			t.Errorf("%d jobs were put into the queue", n)
		}
	})
}

// TestSignUpOfACutOffProcess signs up where Stripe cannot be reached: no job is queued
// for that, as nowhere.
func TestSignUpOfACutOffProcess(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Stripe.Down()
		testkit.Eventually(t, "the process to notice that it is cut off", func() bool {
			return k.App.Stripe.Ping(t.Context()) != nil && !k.App.Stripe.Available()
		})
		if _, err := k.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: "ada@example.com"}); err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "jobs", waiting(t, k), 0)
	})
}

// hourAhead puts a PostgreSQL database's clock an hour ahead, for new connections.
const hourAhead = `
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT pg_catalog.now() + interval ''1 hour''';
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''1 hour''';
DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET search_path = public, pg_catalog'', current_database()); END'`

// TestQueueGoesByTheDatabasesClock lets a job wait that a process has scheduled whose
// own clock is an hour behind: it is done in time, as is all else.
func TestQueueGoesByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle)
	if _, err := k.Store.DB.ExecContext(t.Context(), hourAhead); err != nil {
		t.Fatal(err)
	}
	replica := k.Replica(t, testkit.Working)
	if ahead := time.Until(replica.Store.Now()); ahead < 50*time.Minute {
		t.Fatalf("the database's clock is only %v ahead", ahead)
	}
	err := k.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		alarm, err := jobs.NewAlarm(replica.Store)
		if err != nil {
			return err
		}
		return errors.Join(
			alarm.Schedule(ctx, tx, replica.Store.Now().Add(time.Second), billing.NewID(billing.OperationPrefix)),
			alarm.Rescue(ctx, tx, billing.NewID(billing.OperationPrefix)),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	var inserted time.Time
	if err := k.Store.DB.QueryRowContext(t.Context(), `SELECT min(scheduled_at) FROM river_job WHERE kind = 'run_operation'`).Scan(&inserted); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(inserted); ahead < 50*time.Minute {
		t.Errorf("a job is put into the queue by this machine's clock: it is %v ahead", ahead)
	}
	testkit.Eventually(t, "the jobs to be done", func() bool {
		var left int
		err := k.Store.DB.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE finalized_at IS NULL AND kind = 'run_operation'`).Scan(&left)
		return err == nil && left == 0
	})
}

// TestSweep loses the alarms of operations, as if a process had died, and lets the
// workers find them all the same.
func TestSweep(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		created := k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com"}) { customer { id } operation { id } } }`).
			At("createCustomer")
		replica := k.Replica(t, testkit.Working)
		testkit.Eventually(t, "the operation to be found", func() bool {
			op, err := replica.Store.Reader.Operation.Get(t.Context(), created.String("operation.id"))
			return err == nil && op.Status == billing.OperationSucceeded
		})
	})
}

// TestSweepAfterACrash lets a process die while it has the lease on an
// operation: it is left alone until the lease has lapsed.
func TestSweepAfterACrash(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		created := k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com"}) { operation { id } } }`).
			String("createCustomer.operation.id")
		if err := k.Store.Writer.Operation.UpdateOneID(created).SetStatus(billing.OperationRunning).
			SetLeaseToken("lse_of_the_dead").SetLeaseExpiresAt(time.Now().Add(stripesync.Lease)).
			ClearNextAttemptAt().Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if woken, err := k.Engine.Sweep(t.Context()); woken != 0 || err != nil {
			t.Fatalf("the sweep took %d operations from their process: %v", woken, err)
		}
		if err := k.Store.Writer.Operation.UpdateOneID(created).SetLeaseExpiresAt(time.Now()).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		replica := k.Replica(t, testkit.Working)
		testkit.Eventually(t, "the operation to be taken over", func() bool {
			op, err := replica.Store.Reader.Operation.Get(t.Context(), created)
			return err == nil && op.Status == billing.OperationSucceeded
		})
	})
}

// TestSweepsAtOnce lets several processes look at the same moment, as after a call: each
// operation is woken up by one of them.
func TestSweepsAtOnce(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		const operations, sweeps = 40, 4
		for i := range operations {
			k.Query(t, fmt.Sprintf(`mutation { createCustomer(input: {email: "c%d@example.com"}) { operation { id } } }`, i))
		}
		var all sync.WaitGroup
		for range sweeps {
			all.Go(func() {
				if _, err := k.Engine.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		testkit.Equal(t, "jobs", waiting(t, k), operations)
	}, testkit.Idle)
}

// TestOrphansGoFirst lets a process die in the middle of an operation while others
// wait that were begun before: the workers get to it first.
func TestOrphansGoFirst(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		signUp := func(email string) string {
			return k.Query(t, `mutation($email: String!) { createCustomer(input: {email: $email}) { operation { id } } }`,
				map[string]any{"email": email}).String("createCustomer.operation.id")
		}
		wakes := func(n int) {
			t.Helper()
			if woken, err := k.Engine.Sweep(t.Context()); woken != n || err != nil {
				t.Fatalf("the sweep woke up %d operations, and not %d: %v", woken, n, err)
			}
		}
		signUp("ada@example.com")
		signUp("grace@example.com")
		wakes(2)
		orphan := signUp("joan@example.com")
		if err := k.Store.Writer.Operation.UpdateOneID(orphan).SetStatus(billing.OperationRunning).
			SetLeaseToken("lse_of_the_dead").SetLeaseExpiresAt(time.Now().Add(-time.Second)).
			ClearNextAttemptAt().Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		wakes(1)
		var first string
		if err := k.Store.DB.QueryRowContext(t.Context(),
			`SELECT args FROM river_job WHERE kind = 'run_operation' ORDER BY priority, id LIMIT 1`).Scan(&first); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(first, orphan) {
			t.Errorf("the first job is %s, and not that of %s", first, orphan)
		}
	})
}

// TestCutOffReplica lets a replica that cannot reach Stripe work alone for a
// while: it takes nothing from the one that can, which finishes sign-ups within seconds,
// also those that the other one has accepted.
func TestCutOffReplica(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		cutOff := k.Replica(t, testkit.Working, func(s *app.Settings) { s.Stripe.BaseURL = "http://127.0.0.1:1" })
		var created []string
		for i := range 5 {
			created = append(created, k.Query(t, fmt.Sprintf(
				`mutation { createCustomer(input: {email: "c%d@example.com"}) { operation { id } } }`, i)).String("createCustomer.operation.id"))
		}
		testkit.Eventually(t, "the replica to notice that it is cut off", func() bool {
			return !cutOff.Stripe.Available()
		})
		row, err := cutOff.Customers.CreateCustomer(testkit.Context(t), customers.CreateCustomer{Email: "cut.off@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		created = append(created, row.Operation.ID)
		k.Replica(t, testkit.Working)
		testkit.Eventually(t, "the other replica to finish", func() bool {
			n, err := k.Store.Reader.Operation.Query().
				Where(operation.IDIn(created...), operation.StatusEQ(billing.OperationSucceeded)).Count(t.Context())
			return err == nil && n == len(created)
		})
	})
}
