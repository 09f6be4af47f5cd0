package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5/pgconn"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// onBoth runs a test on an empty SQLite and an empty PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := "sqlite://" + filepath.Join(t.TempDir(), "tallystick.db")
			if database == "postgres" {
				url = testkit.EmptyPostgres(t)
			}
			test(t, url)
		})
	}
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func migrated(t *testing.T, url string) *store.Store {
	t.Helper()
	s := open(t, url)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func add(ctx context.Context, w store.Writer, email string) (*ent.Customer, error) {
	return w.Customer.Create().SetEmail(email).Save(ctx)
}

func count(t *testing.T, s *store.Store) int {
	t.Helper()
	n, err := s.Reader.Customer.Query().Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s := open(t, url)
		if err := s.Ready(t.Context()); err == nil {
			t.Error("an empty database is ready")
		}
		processes := 1 // SQLite is for one
		if s.Dialect() == dialect.Postgres {
			processes = 4
		}
		var together sync.WaitGroup
		for range processes {
			other := open(t, url)
			together.Go(func() {
				if err := other.Migrate(t.Context()); err != nil {
					t.Errorf("migrate: %v", err)
				}
			})
		}
		together.Wait()
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("a migrated database is not ready: %v", err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Errorf("migrate again: %v", err)
		}
		if _, err := add(t.Context(), s.Writer, "ada@example.com"); err != nil {
			t.Error(err)
		}
	})
}

func TestInTx(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		refused := errors.New("refused")
		err := s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := add(ctx, tx.Writer, "nobody@example.com"); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) || count(t, s) != 0 {
			t.Errorf("after a refusal (%v) there are %d rows", err, count(t, s))
		}

		var row *ent.Customer
		err = s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			var err error
			row, err = add(ctx, tx.Writer, "ada@example.com")
			if n := count(t, s); n != 0 {
				t.Errorf("%d rows are seen before the commit", n)
			}
			return err
		})
		if err != nil || count(t, s) != 1 {
			t.Fatalf("after the commit (%v) there are %d rows", err, count(t, s))
		}
		if _, err := row.QuerySubscriptions().All(t.Context()); err != nil {
			t.Errorf("a row that came out of a transaction loads no edges: %v", err)
		}

		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if _, err := add(ctx, tx.Writer, "nobody@example.com"); err != nil {
					return err
				}
				panic("a fault")
			})
		}()
		if count(t, s) != 1 {
			t.Error("a panic commits")
		}
	})
}

// TestInTxRetries makes two transactions wait for each other, so that
// PostgreSQL gives one of them up.
func TestInTxRetries(t *testing.T) {
	t.Parallel()
	t.Run("deadlock", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, testkit.EmptyPostgres(t))
		var ids [2]string
		for i, email := range []string{"a@example.com", "b@example.com"} {
			row, err := add(t.Context(), s.Writer, email)
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = row.ID
		}
		var runs atomic.Int32
		var both, done sync.WaitGroup
		both.Add(2)
		for i := range 2 {
			done.Go(func() {
				first := true
				err := s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					runs.Add(1)
					if err := tx.Customer.UpdateOneID(ids[i]).SetName("first").Exec(ctx); err != nil {
						return err
					}
					if first {
						first = false
						both.Done()
						both.Wait()
					}
					return tx.Customer.UpdateOneID(ids[1-i]).SetName("second").Exec(ctx)
				})
				if err != nil {
					t.Errorf("transaction %d: %v", i, err)
				}
			})
		}
		done.Wait()
		if n := runs.Load(); n < 3 {
			t.Errorf("the transactions ran %d times, want one of them twice at least", n)
		}
	})
	t.Run("connections cut before the commit", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, testkit.EmptyPostgres(t))
		var idle []*sql.Conn
		for range 6 { // more than there are tries
			conn, err := s.DB.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, conn)
		}
		for _, conn := range idle {
			if err := conn.Close(); err != nil { // gives it back
				t.Fatal(err)
			}
		}
		runs := 0
		err := s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if runs++; runs == 1 {
				if _, err := tx.SQL.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
					return err
				}
				if _, err := tx.SQL.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())"); err != nil {
					return err
				}
			}
			_, err := add(ctx, tx.Writer, "ada@example.com")
			return err
		})
		if err != nil || runs < 2 || count(t, s) != 1 {
			t.Errorf("it ran %d times and returned %v; there are %d rows", runs, err, count(t, s))
		}
	})
	t.Run("a table that was changed", func(t *testing.T) {
		t.Parallel()
		s := migrated(t, testkit.EmptyPostgres(t))
		read := func() error {
			_, err := s.Reader.Customer.Query().All(t.Context())
			return errors.Join(err, s.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Customer.Query().All(ctx)
				return err
			}))
		}
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DB.ExecContext(t.Context(), "ALTER TABLE customers ALTER COLUMN name TYPE text"); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Error(err)
		}
	})
	t.Run("not forever", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, url string) {
			s, runs := migrated(t, url), 0
			err := s.InTx(t.Context(), func(context.Context, *store.Tx) error {
				runs++
				return &pgconn.PgError{Code: "40001"}
			})
			if err == nil || runs != 3 {
				t.Errorf("it ran %d times and returned %v", runs, err)
			}
		})
	})
}

func TestEmailIsUniqueAmongTheLiving(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		first, err := add(t.Context(), s.Writer, "Ada@Example.com")
		if err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM"} {
			if _, err := add(t.Context(), s.Writer, email); !store.IsUnique(err) {
				t.Errorf("%s: %v, want the violation of a unique index", email, err)
			}
		}
		if id, err := s.Reader.Customer.Query().Where(store.HasEmail("aDA@example.COM")).OnlyID(t.Context()); id != first.ID {
			t.Errorf("found by its e-mail in another case: %q, %v", id, err)
		}
		for range 3 { // any number of times
			holder := s.Reader.Customer.Query().Where(store.HasEmail("ada@example.com")).OnlyX(t.Context())
			if err := s.Writer.Customer.DeleteOneID(holder.ID).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := add(t.Context(), s.Writer, "ada@example.com"); err != nil {
				t.Fatalf("a deleted customer's e-mail is not free: %v", err)
			}
		}
		// Bringing one back takes its e-mail as well.
		err = s.Writer.Customer.UpdateOneID(first.ID).ClearDeletedAt().Exec(store.WithDeleted(t.Context()))
		if !store.IsUnique(err) {
			t.Errorf("restored although the e-mail is taken: %v", err)
		}
		if store.IsUnique(nil) || store.IsUnique(errors.New("another")) {
			t.Error("IsUnique takes every error for a violation")
		}
		// A missing customer violates another constraint.
		_, err = s.Writer.Subscription.Create().SetCustomerID("cst_nobody").SetPriceID("prc_none").SetProductID("pdt_none").
			SetStatus(billing.SubscriptionActive).Save(t.Context())
		if err == nil || store.IsUnique(err) {
			t.Errorf("a subscription of nobody: %v", err)
		}
	})
}

func TestSoftDelete(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s, ctx := migrated(t, url), t.Context()
		gone, err := add(ctx, s.Writer, "gone@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := add(ctx, s.Writer, "here@example.com"); err != nil {
			t.Fatal(err)
		}
		if err := s.Writer.Customer.DeleteOneID(gone.ID).Exec(ctx); err != nil {
			t.Fatal(err)
		}

		if _, err := s.Reader.Customer.Get(ctx, gone.ID); !ent.IsNotFound(err) {
			t.Errorf("a deleted row is found: %v", err)
		}
		if n := count(t, s); n != 1 {
			t.Errorf("%d rows are listed, want 1", n)
		}
		if err := s.Writer.Customer.UpdateOneID(gone.ID).SetName("x").Exec(ctx); !ent.IsNotFound(err) {
			t.Errorf("a deleted row is updated: %v", err)
		}
		if n, err := s.Writer.Customer.Update().SetName("all").Save(ctx); n != 1 || err != nil {
			t.Errorf("an update of all reached %d rows: %v", n, err)
		}
		if err := s.Writer.Customer.DeleteOneID(gone.ID).Exec(ctx); !ent.IsNotFound(err) {
			t.Errorf("a deleted row is deleted again: %v", err)
		}
		if n, err := s.Reader.Subscription.Query().Where(subscription.HasCustomerWith(customer.EmailHasPrefix("gone"))).Count(ctx); n != 0 || err != nil {
			t.Errorf("a predicate over an edge sees %d deleted rows: %v", n, err)
		}

		seen, err := s.Reader.Customer.Get(store.WithDeleted(ctx), gone.ID)
		if err != nil || seen.DeletedAt == nil || seen.Name != "" {
			t.Errorf("with the deleted ones it is %v: %v", seen, err)
		}
		err = s.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { // the same inside a transaction
			if _, err := tx.Customer.Get(ctx, gone.ID); !ent.IsNotFound(err) {
				t.Errorf("in a transaction, a deleted row is found: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestNewerSchema migrates a database further than this version knows: it is
// refused, and left as it is.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return "sqlite://" + filepath.Join(t.TempDir(), "x.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return testkit.EmptyPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.DB.ExecContext(t.Context(),
				`INSERT INTO goose_db_version (version_id, is_applied) VALUES (20990101000000, true)`); err != nil {
				t.Fatal(err)
			}
			if err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "a newer version has migrated the database") {
				t.Errorf("migrate: %v", err)
			}
		})
	}
}

// Statements end after ten seconds, but for those of migrations, and unless the URL
// says otherwise.
func TestStatementsHaveATimeout(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyPostgres(t)
	another := url + "?statement_timeout=100"
	if strings.Contains(url, "?") {
		another = url + "&statement_timeout=100"
	}
	for url, want := range map[string]string{url: "10s", another: "100ms"} {
		var got string
		if err := open(t, url).DB.QueryRowContext(t.Context(), "SHOW statement_timeout").Scan(&got); err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	s := open(t, another)
	if _, err := s.DB.ExecContext(t.Context(), "SELECT pg_sleep(60)"); err == nil {
		t.Error("a statement took a minute")
	}
	holder, err := open(t, url).DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	lock := func(function string) {
		t.Helper()
		if _, err := holder.ExecContext(t.Context(), "SELECT "+function+"($1)", 0x7461_6c6c_79); err != nil {
			t.Fatal(err)
		}
	}
	lock("pg_advisory_lock")
	done := make(chan error, 1)
	go func() { done <- s.Migrate(t.Context()) }()
	waiting := func() (waits bool) {
		err := s.DB.QueryRowContext(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event = 'advisory' AND now() - query_start > interval '200 ms'`).Scan(&waits)
		return err == nil && waits
	}
	testkit.Eventually(t, "the migrations to wait for longer than a statement may take", waiting)
	lock("pg_advisory_unlock")
	if err := <-done; err != nil {
		t.Errorf("the migrations did not wait for another replica's: %v", err)
	}
}
