package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"tallystick/ent"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

func TestInPipeline(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		insert := func(end error, emails ...string) (row *ent.Customer, committed bool, err error) {
			err = s.InPipeline(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				tx.AfterCommit(func() { committed = true })
				for _, email := range emails {
					if row, err = add(ctx, tx.Writer, email); err != nil {
						return err
					}
				}
				return end
			})
			return row, committed, err
		}
		row, committed, err := insert(nil, "a@example.com", "b@example.com")
		if err != nil || !committed || count(t, s) != 2 {
			t.Fatalf("%v; %d rows", err, count(t, s))
		}
		if subscriptions, err := row.QuerySubscriptions().All(t.Context()); err != nil || len(subscriptions) != 0 {
			t.Errorf("the edges of a row: %v, %v", subscriptions, err)
		}
		if _, committed, err = insert(nil, "c@example.com", "A@example.com", "d@example.com"); !store.IsUnique(err) || committed {
			t.Errorf("a taken e-mail: %v", err)
		}
		refused := errors.New("refused")
		if _, committed, err = insert(refused, "e@example.com"); !errors.Is(err, refused) || committed {
			t.Errorf("the function's error: %v", err)
		}
		if n := count(t, s); n != 2 {
			t.Errorf("what failed left %d rows", n-2)
		}
	})
}

// TestPipelineOnlyInserts holds the functions of pipelines to inserting.
func TestPipelineOnlyInserts(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	err := s.InPipeline(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Customer.Query().Count(ctx)
		return err
	})
	if err == nil {
		t.Error("a pipeline reads")
	}
	err = s.InPipeline(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Customer.Update().SetName("Ada").Exec(ctx)
	})
	if err == nil {
		t.Error("a pipeline updates")
	}
}

// TestPipelineOnDeadConnections sends rows although every connection that there is turns
// out to be dead.
func TestPipelineOnDeadConnections(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	for i := range 5 {
		var open sync.WaitGroup
		for range 6 { // more than a pipeline is tried
			open.Go(func() {
				if _, err := s.DB.ExecContext(t.Context(), "SELECT 1"); err != nil {
					t.Error(err)
				}
			})
		}
		open.Wait()
		conn, err := s.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(),
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = s.InPipeline(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := add(ctx, tx.Writer, string(rune('a'+i))+"@example.com")
			return err
		})
		if err != nil || count(t, s) != i+1 {
			t.Fatalf("%v; %d rows, and not %d", err, count(t, s), i+1)
		}
	}
}

// TestLostCommit loses the server's answer to a commit: the rows are there, and the error
// says that this is not certain.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyPostgres(t)
	migrated(t, url)
	cable := testkit.NewCable(t, url)
	s := open(t, cable.URL)
	for i, in := range []func(context.Context, func(context.Context, *store.Tx) error) error{s.InTx, s.InPipeline} {
		err := in(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := add(ctx, tx.Writer, string(rune('a'+i))+"@example.com")
			if i == 0 {
				cable.CutAfter("commit")
			} else {
				cable.CutAfter("b@example.com")
			}
			return err
		})
		if !errors.Is(err, store.ErrInDoubt) {
			t.Errorf("%v", err)
		}
		testkit.Equal(t, "cut", cable.Cuts(), i+1)
		testkit.Equal(t, "rows", count(t, s), i+1)
	}
}
