// Package store keeps the data: it opens the database, migrates it, and is the
// only place where transactions start.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"tallystick/ent"
	_ "tallystick/ent/runtime" // the hooks and interceptors of the schema
)

// Store is an open database, SQLite or PostgreSQL.
type Store struct {
	// Client reads outside of transactions.
	Client *ent.Client
	// Writer writes single rows outside of transactions. Whatever takes more
	// than one statement belongs into [Store.InTx].
	Writer *ent.Client
	// DB is the pool that writes. On SQLite it has one connection.
	DB *sql.DB
	// Pool is PostgreSQL's own pool, under DB; nil on SQLite.
	Pool *pgxpool.Pool

	dialect  string
	migrated *atomic.Bool // once it is, it stays so
	clock    *atomic.Pointer[reading]
	readers  *sql.DB // on SQLite a second pool, so that readers do not wait for the writer
}

// Open opens the database that a URL names: postgres://… or sqlite://path. It
// fails when the database cannot be reached.
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

// makePrivate makes a database file that only its owner can read, if there is
// none; the files that SQLite puts beside it are like it.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return f.Close()
}

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("the database URL sqlite:// names no file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	const pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_time_format=sqlite"
	writer, err := sql.Open("sqlite", file.String()+"?"+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", file.String()+"?"+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	readers.SetMaxIdleConns(max(4, runtime.NumCPU()))
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), writer.Close(), readers.Close())
	}
	return &Store{
		Client:   ent.NewClient(ent.Driver(poolDriver{entsql.OpenDB(dialect.SQLite, readers), statementTimeout})),
		Writer:   ent.NewClient(ent.Driver(poolDriver{Driver: entsql.OpenDB(dialect.SQLite, writer)})),
		DB:       writer,
		dialect:  dialect.SQLite,
		migrated: new(atomic.Bool),
		clock:    new(atomic.Pointer[reading]),
		readers:  readers,
	}, nil
}

// statementTimeout bounds each statement that reads, and on PostgreSQL each one but
// for those of migrations. Another one can be set in the URL there, as
// statement_timeout.
const statementTimeout = 10 * time.Second

// minConns is what is in use at the same time at least: one that listens, one
// that holds the migrations' lock, and two that work.
const minConns = 4

func openPostgres(ctx context.Context, databaseURL string) (*Store, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errors.New("the database URL is not one that PostgreSQL understands")
	}
	if !strings.Contains(databaseURL, "pool_max_conns") {
		config.MaxConns = int32(max(16, 4*runtime.NumCPU())) //nolint:gosec // a small number
	}
	config.MaxConns = max(config.MaxConns, minConns)
	if _, set := config.ConnConfig.RuntimeParams["statement_timeout"]; !set {
		config.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(statementTimeout.Milliseconds(), 10)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	pingCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.Ping(pingCtx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("the database at %s:%d cannot be reached: %w",
			config.ConnConfig.Host, config.ConnConfig.Port, reason(err))
	}
	db := stdlib.OpenDBFromPool(pool)
	client := ent.NewClient(ent.Driver(poolDriver{Driver: entsql.OpenDB(dialect.Postgres, db)}))
	s := &Store{
		Client:   client,
		Writer:   client,
		DB:       db,
		Pool:     pool,
		dialect:  dialect.Postgres,
		migrated: new(atomic.Bool),
		clock:    new(atomic.Pointer[reading]),
	}
	if err := s.SyncClock(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// reason is why the first address could not be used, in one line and without
// the connection string that pgx puts around it.
func reason(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return errors.New(refused.Message)
	}
	for {
		switch e := err.(type) { //nolint:errorlint // this is the unwrapping
		case interface{ Unwrap() []error }:
			err = e.Unwrap()[0]
		case interface{ Unwrap() error }:
			if e.Unwrap() == nil {
				return err
			}
			err = e.Unwrap()
		default:
			return err
		}
	}
}

// Dialect is "sqlite3" or "postgres".
func (s *Store) Dialect() string { return s.dialect }

// Close closes all connections.
func (s *Store) Close() error {
	err := s.DB.Close()
	if s.readers != nil {
		err = errors.Join(err, s.readers.Close())
	}
	if s.Pool != nil {
		s.Pool.Close()
	}
	return err
}

// Ready answers whether the database can be reached and is migrated.
func (s *Store) Ready(ctx context.Context) error {
	if s.migrated.Load() { // and stays so
		_, err := s.Client.Operation.Query().Limit(1).IDs(ctx)
		return err
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
