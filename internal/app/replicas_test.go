package app_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"tallystick/internal/testkit"
)

// TestReplicas runs two processes on one database that was empty when both
// started.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyPostgres(t)
	a, b := &program{dir: t.TempDir()}, &program{dir: t.TempDir()}
	stripe := onStripe(t, a)
	a.env = append(a.env, "DATABASE_URL="+url)
	b.env = a.env
	a.launch(t)
	b.launch(t)
	a.ready(t)
	b.ready(t)

	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	signedUp := 0
	testkit.Eventually(t, "both to work", func() bool {
		email := fmt.Sprintf("c%d@example.com", signedUp)
		a.signUp(t, email)
		b.linked(t, email) // what one changes, the other one shows
		signedUp++
		var workers int
		if err := db.QueryRow(t.Context(), `SELECT count(DISTINCT attempted_by[1]) FROM river_job`).
			Scan(&workers); err != nil {
			t.Fatal(err)
		}
		return workers == 2
	})
	if n := creations(t, stripe); n != signedUp {
		t.Errorf("%d sign-ups created %d customers in Stripe", signedUp, n)
	}

	a.stop(t)
	b.signUp(t, "later@example.com") // one is enough
	b.linked(t, "later@example.com")
	b.stop(t)
}
