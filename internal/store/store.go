// Package store keeps the data: it opens the database, migrates it, and is the
// only place where transactions start.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	_ "tallystick/ent/runtime" // the hooks and interceptors of the schema
)

// statementTimeout bounds each statement that reads, and on PostgreSQL each one but
// for those of migrations. Another one can be set in the URL there, as
// statement_timeout.
const statementTimeout = 10 * time.Second

// Store is an open database, SQLite or PostgreSQL.
type Store struct {
	// Reader reads outside of transactions.
	Reader *Reader
	// Writer writes single rows outside of transactions. Whatever takes more
	// than one statement belongs into [Store.InTx].
	Writer Writer
	// DB is the pool of transactions. On SQLite it has one connection.
	DB *sql.DB
	// Queue is the pool of the job queue on PostgreSQL, apart from the others, so
	// that neither takes the other's connections; nil on SQLite.
	Queue *pgxpool.Pool

	dialect  string
	migrated *atomic.Bool // once it is, it stays so
	clock    *atomic.Pointer[reading]
	readers  *sql.DB   // a pool of its own, so that readers do not wait for writers
	servers  *servers  // PostgreSQL's; nil on SQLite
	together *together // nil on SQLite
	pools    pools     // PostgreSQL's
	listener Listener  // nil when nobody hears of changes
}

// pools are those under DB and readers.
type pools struct{ readers, writers *pgxpool.Pool }

// Open opens the database of a URL, postgres://… or sqlite://path, without
// migrating it. It fails when the URL has another scheme or cannot be parsed, and
// when the database cannot be reached within ten seconds. The caller calls
// [Store.Close].
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	scheme, rest, _ := strings.Cut(databaseURL, "://")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, databaseURL)
	}
	return nil, fmt.Errorf("the database URL must start with postgres:// or sqlite://, not %q", scheme+"://")
}

// Dialect returns ent's name of the database: "sqlite3" or "postgres".
func (s *Store) Dialect() string { return s.dialect }

// Close closes all connections. It returns the errors of closing, joined.
func (s *Store) Close() error {
	err := errors.Join(s.DB.Close(), s.readers.Close())
	if s.servers != nil {
		s.servers.close()
	}
	return err
}

// Ready returns an error when the database cannot be reached or has pending
// migrations. It takes no connection from a pool on PostgreSQL, and locks nothing.
func (s *Store) Ready(ctx context.Context) error {
	if s.migrated.Load() { // and stays so
		return s.ping(ctx)
	}
	pending, err := s.Pending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return errors.New("the database is not migrated")
	}
	s.migrated.Store(true)
	return nil
}

func (s *Store) ping(ctx context.Context) error {
	if s.servers == nil {
		return s.readers.PingContext(ctx)
	}
	_, err := s.servers.answering(ctx)
	return err
}
