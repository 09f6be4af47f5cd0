// Package state keeps the objects: the database file, a transaction over it, and what
// every change of an object brings along, which are its event, its deliveries and its
// line on the agenda. It also lists objects and renders them.
package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	_ "modernc.org/sqlite" // the database driver

	"tallystick/internal/stripesim/apierror"
)

// schema holds every Stripe object as one JSON document. seq is the order of creation,
// which lists follow. The indexes cover what lists filter by and what the rules look
// up. Events, which are the most, stay out of them: to find nothing in each would cost
// more than to store it.
const schema = `
CREATE TABLE IF NOT EXISTS objects (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	id      TEXT NOT NULL UNIQUE,
	kind    TEXT NOT NULL,
	deleted INTEGER NOT NULL DEFAULT 0,
	body    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_email ON objects (kind, body ->> '$.email') WHERE kind = 'customer';
CREATE INDEX IF NOT EXISTS objects_lookup_key ON objects (kind, body ->> '$.lookup_key') WHERE kind = 'price';
CREATE INDEX IF NOT EXISTS objects_product ON objects (kind, body ->> '$.product') WHERE kind = 'price';
DROP INDEX IF EXISTS objects_customer;
DROP INDEX IF EXISTS objects_subscription;
CREATE INDEX IF NOT EXISTS objects_of_customer ON objects (kind, body ->> '$.customer') WHERE kind <> 'event';
CREATE INDEX IF NOT EXISTS objects_of_subscription ON objects (kind, body ->> '$.subscription') WHERE kind <> 'event';
CREATE INDEX IF NOT EXISTS objects_usage ON objects (kind, body ->> '$.subscription_item') WHERE kind = 'usage_record';

CREATE TABLE IF NOT EXISTS idempotency (
	key         TEXT PRIMARY KEY,
	endpoint    TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	request_id  TEXT NOT NULL,
	status      INTEGER NOT NULL,
	body        BLOB NOT NULL,
	created     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_created ON idempotency (created);

CREATE TABLE IF NOT EXISTS deliveries (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	event       TEXT NOT NULL,
	endpoint    TEXT NOT NULL,
	attempts    INTEGER NOT NULL DEFAULT 0,
	first_tried INTEGER NOT NULL DEFAULT 0,
	due         INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due, id);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);

CREATE TABLE IF NOT EXISTS agenda (
	object TEXT PRIMARY KEY,
	kind   TEXT NOT NULL,
	clock  TEXT NOT NULL,
	due    INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS agenda_due ON agenda (clock, due);

CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`

// Store is the sandbox's database file: one connection that writes, a few that read.
type Store struct {
	write, Read *sql.DB
	// edited says that an object may have fields that the sandbox does not model.
	Edited atomic.Bool

	writing, reading *statements
}

// makePrivate makes a file that only its owner can read, if there is none; the files
// that SQLite puts beside it are like it.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return f.Close()
}

// Open opens the database file, or makes an empty one that only its owner can read.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox database's directory: %w", err)
	}
	location := "file:" + (&url.URL{Path: path}).EscapedPath()
	const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", location+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open sandbox database: %w", err)
	}
	write.SetMaxOpenConns(1)
	if _, err := write.ExecContext(ctx, schema); err != nil {
		write.Close()
		return nil, fmt.Errorf("prepare sandbox database %s: %w", path, err)
	}
	if _, err := write.ExecContext(ctx, `INSERT OR IGNORE INTO settings (name, value) VALUES ('account_id', ?)`, NewID("acct_")); err != nil {
		write.Close()
		return nil, fmt.Errorf("prepare sandbox database %s: %w", path, err)
	}
	read, err := sql.Open("sqlite", location+pragmas+"&_pragma=query_only(true)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("open sandbox database for reading: %w", err)
	}
	read.SetMaxOpenConns(4)
	s := &Store{write: write, Read: read, writing: newStatements(write), reading: newStatements(read)}
	var edited bool
	if err := read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM settings WHERE name = ?)`, EditedSetting).Scan(&edited); err != nil {
		return nil, errors.Join(fmt.Errorf("read sandbox settings: %w", err), s.Close())
	}
	s.Edited.Store(edited)
	return s, nil
}

// EditedSetting is there once an object was edited.
const EditedSetting = "edited"

// Close closes the file. No transaction may be open.
func (s *Store) Close() error { return errors.Join(s.Read.Close(), s.write.Close()) }

// Record is what every Stripe object starts with. Kinds embed it.
type Record struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Created  int64  `json:"created"`
	Livemode bool   `json:"livemode"`
}

// Identity implements [Document].
func (r *Record) Identity() (id, kind string) { return r.ID, r.Object }

// privateKey holds, in a stored object, what the sandbox remembers about it but Stripe
// never shows.
const privateKey = "_private"

// Document is a Stripe object that the store can hold.
type Document interface{ Identity() (id, kind string) }

// Tx is one transaction over the objects.
type Tx struct {
	*sql.Tx
	Now        int64 // the moment that it happens at
	Request    requestRef
	Edited     bool // whether an object may have fields that the sandbox does not model
	statements *statements
	Ctx        context.Context //nolint:containedctx // a transaction lives exactly as long as the work it was begun for
}

// Begin starts a transaction: on the one writing connection, or on a snapshot that only reads.
func (s *Store) Begin(ctx context.Context, writes bool) (*Tx, error) {
	known := s.reading
	if writes {
		known = s.writing
	}
	if err := known.prepare(ctx); err != nil {
		return nil, err
	}
	sqlTx, err := known.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin sandbox transaction: %w", err)
	}
	return &Tx{Tx: sqlTx, statements: known, Ctx: ctx, Edited: s.Edited.Load()}, nil
}

// Body returns the stored JSON of an object and whether it was deleted; sql.ErrNoRows
// when there never was one.
func (t *Tx) Body(id string) (body []byte, deleted bool, err error) {
	err = t.QueryRowContext(t.Ctx, `SELECT body, deleted FROM objects WHERE id = ?`, id).Scan(&body, &deleted)
	return body, deleted, err
}

// Find loads a live object, or returns missing when there is none of that kind.
func Find[T any](t *Tx, kind, id string, missing *apierror.Error) (*T, error) {
	var body []byte
	err := t.QueryRowContext(t.Ctx, `SELECT body FROM objects WHERE id = ? AND kind = ? AND deleted = 0`, id, kind).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", kind, id, err)
	}
	return Decode[T](body)
}

// Decode reads a stored body.
func Decode[T any](body []byte) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(body, value); err != nil {
		return nil, fmt.Errorf("decode stored object: %w", err)
	}
	return value, nil
}

// Condition restricts a selection of objects of one kind.
type Condition struct {
	Sql  string
	Args []any
}

// Equal matches documents whose field has the value.
func Equal(field string, value any) Condition {
	return Condition{Sql: "body ->> '$." + field + "' = ?", Args: []any{value}}
}

// OneOf matches documents whose field has one of the values.
func OneOf(field string, values []string) Condition {
	c := Condition{Sql: "body ->> '$." + field + "' IN (?" + strings.Repeat(",?", max(len(values)-1, 0)) + ")"}
	if len(values) == 0 {
		return Condition{Sql: "FALSE"}
	}
	for _, value := range values {
		c.Args = append(c.Args, value)
	}
	return c
}

// selection is the query for the live objects of a kind that meet every condition.
// Where it is not about events it says so, to be answered from the indexes that leave
// them out.
func selection(kind string, conditions []Condition) string {
	query := "SELECT body FROM objects WHERE kind = '" + kind + "' AND deleted = 0"
	if kind != "event" {
		query += " AND kind <> 'event'"
	}
	for _, c := range conditions {
		query += " AND " + c.Sql
	}
	return query
}

// selectBodies returns live objects of a kind, newest first unless oldestFirst; limit 0
// means all.
func (t *Tx) selectBodies(kind string, conditions []Condition, oldestFirst bool, limit int) ([][]byte, error) {
	query := selection(kind, conditions) + " ORDER BY seq"
	var args []any
	for _, c := range conditions {
		args = append(args, c.Args...)
	}
	if !oldestFirst {
		query += " DESC"
	}
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := t.QueryContext(t.Ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("select %s objects: %w", kind, err)
	}
	defer rows.Close()
	var bodies [][]byte
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read %s object: %w", kind, err)
		}
		bodies = append(bodies, body)
	}
	return bodies, rows.Err()
}

// FindAll loads the live objects of a kind that meet every condition, newest first.
func FindAll[T any](t *Tx, kind string, conditions ...Condition) ([]*T, error) {
	bodies, err := t.selectBodies(kind, conditions, false, 0)
	if err != nil {
		return nil, err
	}
	values := make([]*T, 0, len(bodies))
	for _, body := range bodies {
		value, err := Decode[T](body)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// Insert stores a new object, without an event.
func (t *Tx) Insert(d Document) error {
	body, err := json.Marshal(d)
	if err != nil {
		_, kind := d.Identity()
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	return t.insertBody(d, body)
}

func (t *Tx) insertBody(d Document, body []byte) error {
	id, kind := d.Identity()
	if _, err := t.ExecContext(t.Ctx, `INSERT INTO objects (id, kind, body) VALUES (?, ?, ?)`, id, kind, string(body)); err != nil {
		return fmt.Errorf("store %s %s: %w", kind, id, err)
	}
	return nil
}

// Replace stores a changed object, without an event. A deleted one can still be seen by
// who knows its id.
func (t *Tx) Replace(d Document, deleted bool) error {
	body, err := json.Marshal(d)
	if err != nil {
		_, kind := d.Identity()
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	return t.replaceBody(d, body, deleted)
}

func (t *Tx) replaceBody(d Document, body []byte, deleted bool) error {
	id, kind := d.Identity()
	if _, err := t.ExecContext(t.Ctx, `UPDATE objects SET body = ?, deleted = ? WHERE id = ?`, string(body), deleted, id); err != nil {
		return fmt.Errorf("store %s %s: %w", kind, id, err)
	}
	return nil
}
