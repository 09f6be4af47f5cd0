package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// crowd are pipelines that come while the first one is under way, which waits for a lock.
type crowd struct {
	*store.Store
	t       *testing.T
	all     sync.WaitGroup
	release func()
}

// never is a patience that does not end, and a lock_timeout.
const (
	never   = time.Hour
	noLimit = "0"
)

// newCrowd begins the first pipeline. The others gather with some patience, and wait for
// a lock for some time.
func newCrowd(t *testing.T, s *store.Store, patience time.Duration, lock string) *crowd {
	t.Helper()
	store.Gather(s, patience, lock)
	c := &crowd{Store: s, t: t}
	c.release = c.hold("first@example.com")
	c.all.Go(func() {
		if err := c.insert(t.Context(), "first@example.com"); err != nil {
			t.Errorf("the first one: %v", err)
		}
	})
	c.wait(1, 0)
	return c
}

// hold has whoever inserts an e-mail wait until it is released.
func (c *crowd) hold(email string) (release func()) {
	c.t.Helper()
	tx, err := c.DB.BeginTx(context.WithoutCancel(c.t.Context()), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := tx.ExecContext(c.t.Context(), `INSERT INTO customers
		(id, created_at, updated_at, stripe_status, email, email_claimed, name, metadata)
		VALUES ($1, now(), now(), 'UNLINKED', $1, true, '', '{}')`, email); err != nil {
		c.t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			c.t.Error(err)
		}
	})
	c.t.Cleanup(release)
	return release
}

func (c *crowd) insert(ctx context.Context, email string) error {
	committed := false
	err := c.InPipeline(ctx, func(ctx context.Context, tx *store.Tx) error {
		tx.AfterCommit(func() { committed = true })
		_, err := add(ctx, tx.Writer, email)
		return err
	})
	if committed != (err == nil) {
		c.t.Errorf("%s is told that it was committed: %t, and: %v", email, committed, err)
	}
	return err
}

// gather has pipelines come one after the other, and returns their errors to be.
func (c *crowd) gather(ctx context.Context, emails ...string) []error {
	c.t.Helper()
	errs := make([]error, len(emails))
	_, before := store.Pipelines(c.Store)
	for i, email := range emails {
		c.all.Go(func() { errs[i] = c.insert(ctx, email) })
		c.wait(1, before+i+1)
	}
	return errs
}

// wait waits until so many transactions are under way, and so many pipelines gather.
func (c *crowd) wait(underWay, gathering int) {
	c.t.Helper()
	c.until(fmt.Sprintf("%d under way, %d gathering", underWay, gathering), func() bool {
		u, g := store.Pipelines(c.Store)
		return u == underWay && g == gathering
	})
}

func (c *crowd) until(what string, met func() bool) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); !met(); runtime.Gosched() {
		if time.Now().After(end) {
			c.t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// waitForLocks waits until so many connections wait for a lock.
func (c *crowd) waitForLocks(n int) {
	c.t.Helper()
	c.until(fmt.Sprintf("%d wait for locks", n), func() bool {
		return c.number(`SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE NOT granted AND datname = current_database()`) == n
	})
}

func (c *crowd) number(query string, args ...any) (n int) {
	c.t.Helper()
	if err := c.DB.QueryRowContext(c.t.Context(), query, args...).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// transactions is how many have inserted the customers that there are.
func (c *crowd) transactions() int {
	return c.number("SELECT count(DISTINCT xmin::text) FROM customers")
}

// end lets the first one go, and waits until all have ended.
func (c *crowd) end() {
	c.release()
	c.all.Wait()
	c.wait(0, 0)
}

func emails(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("c%d@example.com", i)
	}
	return all
}

func succeeded(t *testing.T, errs []error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("%v", err)
	}
}

// TestTogether has pipelines that come while one is under way go in one transaction and
// one round trip.
func TestTogether(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyPostgres(t)
	migrated(t, url)
	cable := testkit.NewCable(t, url)
	s := open(t, cable.URL)
	least := 100
	for round := 0; round < 30 && least > 2; round++ { // until the statements are prepared on each connection
		c := newCrowd(t, s, never, noLimit)
		errs := c.gather(t.Context(), emails(6)...)
		before := cable.Trips()
		c.release()
		c.all.Wait()
		trips := cable.Trips() - before
		succeeded(t, errs)
		testkit.Equal(t, "customers", count(t, s), 7)
		testkit.Equal(t, "transactions", c.transactions(), 2)
		least = min(least, trips)
		if _, err := s.DB.ExecContext(t.Context(), "DELETE FROM customers"); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Equal(t, "round trips, with the rollback that lets the first one go", least, 2)
}

// TestRefusedTogether refuses the members that deserve it, and no others.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	if _, err := add(t.Context(), s.Writer, "taken@example.com"); err != nil {
		t.Fatal(err)
	}
	c := newCrowd(t, s, never, noLimit)
	errs := c.gather(t.Context(), "a@example.com", "Taken@example.com", "twice@example.com", "TWICE@example.com", "b@example.com")
	c.end()
	succeeded(t, []error{errs[0], errs[4]})
	testkit.Equal(t, "a taken e-mail is refused", store.IsUnique(errs[1]), true)
	if (errs[2] == nil) == (errs[3] == nil) || !store.IsUnique(errors.Join(errs[2], errs[3])) {
		t.Errorf("the same e-mail twice: %v, %v", errs[2], errs[3])
	}
	testkit.Equal(t, "customers", count(t, s), 5)
}

// TestGoneTogether has two of those who gather go away, also the one who sends for all:
// what they have begun is carried out all the same.
func TestGoneTogether(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	c := newCrowd(t, s, never, noLimit)
	going, leave := context.WithCancel(t.Context())
	errs := c.gather(going, "a@example.com")
	errs = append(errs, c.gather(t.Context(), "b@example.com")...)
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	errs = append(errs, c.gather(late, "c@example.com")...)
	leave()
	c.end()
	succeeded(t, errs)
	testkit.Equal(t, "transactions", c.transactions(), 2)
	testkit.Equal(t, "customers", count(t, s), 4)
}

// TestLostTogether loses the server's answer to several: all are there, and each of them
// hears that this is not certain.
func TestLostTogether(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyPostgres(t)
	migrated(t, url)
	cable := testkit.NewCable(t, url)
	s := open(t, cable.URL)
	c := newCrowd(t, s, never, noLimit)
	errs := c.gather(t.Context(), "a@example.com", "b@example.com", "c@example.com")
	cable.CutAfter("b@example.com")
	c.end()
	for _, err := range errs {
		if !errors.Is(err, store.ErrInDoubt) {
			t.Errorf("%v", err)
		}
	}
	testkit.Equal(t, "cut", cable.Cuts(), 1)
	testkit.Equal(t, "customers", count(t, s), 4)
	testkit.Equal(t, "transactions", c.transactions(), 2)
}

// TestRepeatedTogether ends the connection of several before they are committed: they are
// sent once more, together.
func TestRepeatedTogether(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	c := newCrowd(t, s, never, noLimit)
	errs := c.gather(t.Context(), "a@example.com", "held@example.com", "b@example.com")
	letGo := c.hold("held@example.com")
	c.release()
	c.until("the first one is there", func() bool { return count(t, s) == 1 })
	c.waitForLocks(1)
	testkit.Equal(t, "connections ended", c.number(`SELECT count(pg_terminate_backend(pid)) FROM pg_locks
		WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`), 1)
	letGo()
	c.end()
	succeeded(t, errs)
	testkit.Equal(t, "customers", count(t, s), 4)
	testkit.Equal(t, "transactions", c.transactions(), 2)
}

// TestLockedTogether has one of several wait for a lock: the others do not.
func TestLockedTogether(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	c := newCrowd(t, s, never, "10ms")
	letGo := c.hold("held@example.com")
	errs := c.gather(t.Context(), "a@example.com", "held@example.com", "b@example.com")
	c.release()
	c.until("the others are there", func() bool { return count(t, s) == 3 })
	c.waitForLocks(1)
	letGo()
	c.end()
	succeeded(t, errs)
	testkit.Equal(t, "customers", count(t, s), 4)
}

// TestImpatient does not wait for a transaction that takes long.
func TestImpatient(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	c := newCrowd(t, s, time.Millisecond, noLimit)
	if err := c.insert(t.Context(), "second@example.com"); err != nil {
		t.Error(err)
	}
	c.wait(1, 0) // the first one
	c.end()
}

// TestFull does not wait for more than go together.
func TestFull(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	c := newCrowd(t, s, never, noLimit)
	many := emails(store.MostTogether)
	errs := c.gather(t.Context(), many[1:]...)
	if err := c.insert(t.Context(), many[0]); err != nil {
		t.Error(err)
	}
	c.wait(1, 0) // the first one
	testkit.Equal(t, "customers", count(t, s), store.MostTogether)
	testkit.Equal(t, "transactions", c.transactions(), 1)
	c.end()
	succeeded(t, errs)
}

// TestDoubtTogether does not send again what the server may have committed while it went
// down.
func TestDoubtTogether(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	store.FailToSend(s, func(statements int) error {
		if statements > 1 {
			return errors.Join(store.ErrInDoubt, &pgconn.PgError{Code: "57P01"})
		}
		return nil
	})
	c := newCrowd(t, s, never, noLimit)
	errs := c.gather(t.Context(), "a@example.com", "b@example.com")
	c.end()
	testkit.Equal(t, "customers", count(t, s), 1)
	for _, err := range errs {
		if !errors.Is(err, store.ErrInDoubt) {
			t.Errorf("%v", err)
		}
	}
}

// TestRefusedOften has fewer gather where many are refused, down to none, and more again
// where few are.
func TestRefusedOften(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	if _, err := add(t.Context(), s.Writer, "taken@example.com"); err != nil {
		t.Fatal(err)
	}
	for most := store.MostTogether; most > 1; most /= 2 {
		err := s.InPipeline(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := add(ctx, tx.Writer, "taken@example.com")
			return err
		})
		testkit.Equal(t, "it is taken", store.IsUnique(err), true)
	}
	c := newCrowd(t, s, never, noLimit)
	if err := c.insert(t.Context(), "alone@example.com"); err != nil {
		t.Error(err)
	}
	errs := c.gather(t.Context(), "a@example.com")
	if err := c.insert(t.Context(), "b@example.com"); err != nil {
		t.Error(err)
	}
	testkit.Equal(t, "transactions", c.transactions(), 3)
	testkit.Equal(t, "customers", count(t, s), 4)
	c.end()
	succeeded(t, errs)
}
