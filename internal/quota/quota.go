// Package quota is the account's rate at Stripe as all replicas on one database
// share it.
package quota

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"entgo.io/ent/dialect"

	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Of is the quota of those who use a database: they stand in one line for reads and
// in one for writes. It is nil on SQLite, which is for one process.
func Of(s *store.Store) stripeapi.Quota {
	if s.Dialect() == dialect.SQLite {
		return nil
	}
	return quota{s.DB}
}

type quota struct{ db *sql.DB }

// Take implements [stripeapi.Quota] by the database's clock, in one statement.
func (q quota) Take(ctx context.Context, line string, t stripeapi.Turn) (time.Duration, bool, error) {
	var until float64 // seconds
	err := q.db.QueryRowContext(ctx, takeTurn, line,
		t.Every.Seconds(), (time.Duration(t.Burst-1) * t.Every).Seconds(),
		(time.Duration(t.Reserve) * t.Every).Seconds(), t.Within.Seconds(), (max(t.Within, longestLine) + t.Every).Seconds()).Scan(&until)
	if err == nil {
		return seconds(until), true, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	err = q.db.QueryRowContext(ctx, untilTurn, line, (time.Duration(t.Reserve)*t.Every - t.Within).Seconds()).Scan(&until)
	return seconds(until), false, err
}

// longestLine is more than those wait who do not say how long.
const longestLine = 10 * time.Second

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

const (
	// free is the first turn that nobody has. What is further away than anybody waits was
	// taken before the database's clock went back, and is forgotten.
	free = `greatest(
			CASE WHEN t.next > clock_timestamp() + make_interval(secs => $6) THEN clock_timestamp() ELSE t.next END,
			clock_timestamp() - make_interval(secs => $3))`
	takeTurn = `INSERT INTO stripe_turns AS t (id, next)
		VALUES ($1, clock_timestamp() - make_interval(secs => $3) + make_interval(secs => $2))
		ON CONFLICT (id) DO UPDATE
		SET next = ` + free + ` + make_interval(secs => $2)
		WHERE ` + free + ` + make_interval(secs => $4) <= clock_timestamp() + make_interval(secs => $5)
		RETURNING extract(epoch FROM next - clock_timestamp()) - $2`
	untilTurn = `SELECT greatest(0, extract(epoch FROM next - clock_timestamp()) + $2) FROM stripe_turns WHERE id = $1`
)
