package stripesim

import (
	"database/sql"
	"errors"
	"fmt"
)

// living is an object whose life goes on by itself, with nobody asking.
type living interface {
	document
	// nextDue is when something happens to the object next, given that everything up to after has happened; zero: never.
	nextDue(after int64) int64
	// clock is the test clock that the object hangs on; empty: the sandbox's own.
	clock() string
}

// entry is a line of the agenda: something is due for an object.
type entry struct {
	object, kind string
	due          int64
}

// schedule puts on the agenda what comes next for an object that has just changed.
func (c *tx) schedule(d document) error {
	x, lives := d.(living)
	if !lives {
		return nil
	}
	id, kind := d.identity()
	due := x.nextDue(c.now)
	if due == 0 {
		return c.unschedule(id)
	}
	_, err := c.ExecContext(c.ctx, `INSERT INTO agenda (object, kind, clock, due) VALUES (?, ?, ?, ?)
		ON CONFLICT (object) DO UPDATE SET due = excluded.due`, id, kind, x.clock(), max(due, c.now))
	if err != nil {
		return fmt.Errorf("schedule %s %s: %w", kind, id, err)
	}
	return nil
}

func (t *tx) unschedule(id string) error {
	if _, err := t.ExecContext(t.ctx, `DELETE FROM agenda WHERE object = ?`, id); err != nil {
		return fmt.Errorf("unschedule %s: %w", id, err)
	}
	return nil
}

// nextEntry is what is due first on a clock; nil when nothing is. Of what is due at the same moment, the clock itself
// comes last: when it gets there, everything else has happened.
func (t *tx) nextEntry(clock string) (*entry, error) {
	var next entry
	err := t.QueryRowContext(t.ctx, `SELECT object, kind, due FROM agenda WHERE clock = ?1
		ORDER BY due, object = ?1, rowid LIMIT 1`, clock).Scan(&next.object, &next.kind, &next.due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read agenda: %w", err)
	}
	return &next, nil
}
