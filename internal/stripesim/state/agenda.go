package state

import (
	"database/sql"
	"errors"
	"fmt"
)

// Living is an object whose life goes on by itself, with nobody asking.
type Living interface {
	Document
	// nextDue is when something happens to the object next, given that everything up to
	// after has happened; zero: never.
	NextDue(after int64) int64
	// clock is the test clock that the object hangs on; empty: the sandbox's own.
	Clock() string
}

// Entry is a line of the agenda: something is due for an object.
type Entry struct {
	Object, Kind string
	Due          int64
}

// Schedule puts on the agenda what comes next for an object that has just changed.
func (t *Tx) Schedule(d Document) error {
	x, lives := d.(Living)
	if !lives {
		return nil
	}
	id, kind := d.Identity()
	due := x.NextDue(t.Now)
	if due == 0 {
		return t.Unschedule(id)
	}
	_, err := t.ExecContext(t.Ctx, `INSERT INTO agenda (object, kind, clock, due) VALUES (?, ?, ?, ?)
		ON CONFLICT (object) DO UPDATE SET due = excluded.due`, id, kind, x.Clock(), max(due, t.Now))
	if err != nil {
		return fmt.Errorf("schedule %s %s: %w", kind, id, err)
	}
	return nil
}

// Unschedule takes what was due for an object off the agenda.
func (t *Tx) Unschedule(id string) error {
	if _, err := t.ExecContext(t.Ctx, `DELETE FROM agenda WHERE object = ?`, id); err != nil {
		return fmt.Errorf("unschedule %s: %w", id, err)
	}
	return nil
}

// NextEntry is what is due first on a clock; nil when nothing is. Of what is due at the
// same moment, the clock itself comes last: when it gets there, everything else has
// happened.
func (t *Tx) NextEntry(clock string) (*Entry, error) {
	if clock == "" {
		return t.firstEntry(`SELECT object, kind, due FROM agenda WHERE clock = '' ORDER BY due, rowid LIMIT 1`)
	}
	next, err := t.firstEntry(`SELECT object, kind, due FROM agenda WHERE clock = ?1 AND object <> ?1 ORDER BY due, rowid LIMIT 1`, clock)
	if err != nil {
		return nil, err
	}
	arrival, err := t.firstEntry(`SELECT object, kind, due FROM agenda WHERE object = ?`, clock)
	if err != nil || arrival == nil || next != nil && next.Due <= arrival.Due {
		return next, err
	}
	return arrival, nil
}

func (t *Tx) firstEntry(query string, args ...any) (*Entry, error) {
	var next Entry
	err := t.QueryRowContext(t.Ctx, query, args...).Scan(&next.Object, &next.Kind, &next.Due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read agenda: %w", err)
	}
	return &next, nil
}
