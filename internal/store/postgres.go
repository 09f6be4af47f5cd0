package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

	"tallystick/ent"
)

// How long a server of PostgreSQL has, unless the URL says otherwise: for a new
// connection, for a lock that a reader meets, and for a transaction in which
// nothing happens.
const (
	connectTimeout = 2 * time.Second
	readersLock    = "2s"
	idleInTx       = "30s"
)

// The least connections of a pool; more come from pool_max_conns, which the
// readers and the transactions share.
const (
	minConns   = 4
	queueConns = 4
)

func openPostgres(ctx context.Context, databaseURL string) (*Store, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errors.New("the database URL is not one that PostgreSQL understands")
	}
	if !strings.Contains(databaseURL, "pool_max_conns") {
		config.MaxConns = int32(max(24, 8*runtime.NumCPU())) //nolint:gosec // a small number
	}
	if !strings.Contains(databaseURL, "connect_timeout") {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if _, set := config.ConnConfig.RuntimeParams["statement_timeout"]; !set {
		config.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(statementTimeout.Milliseconds(), 10)
	}
	s, err := openPools(ctx, newServers(config))
	if err != nil {
		return nil, err
	}
	if err := s.firstContact(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openPools opens the pools that the parts of the program have apart, so that
// none takes the others' connections.
func openPools(ctx context.Context, all *servers) (*Store, error) {
	half := max(all.config.MaxConns/2, minConns)
	var failed error
	open := func(conns int32, b bounds) *pgxpool.Pool {
		pool, err := all.open(ctx, conns, b)
		failed = errors.Join(failed, err)
		return pool
	}
	readers := open(half, bounds{"lock_timeout": readersLock})
	writers := open(half, bounds{"idle_in_transaction_session_timeout": idleInTx})
	queue := open(queueConns, nil)
	if failed != nil {
		all.close()
		return nil, failed
	}
	s := &Store{
		DB: stdlib.OpenDBFromPool(writers), Queue: queue,
		dialect: dialect.Postgres, migrated: new(atomic.Bool), clock: new(atomic.Pointer[reading]),
		readers: stdlib.OpenDBFromPool(readers), servers: all,
		pools: pools{readers: readers, writers: writers},
	}
	s.together = newTogether(s.send)
	s.Reader = NewReader(ent.NewClient(ent.Driver(directDriver{pool: readers, servers: all})))
	s.Writer = Writer{newClient(s.DB)}
	return s, nil
}

func newClient(db *sql.DB) *ent.Client {
	return ent.NewClient(ent.Driver(poolDriver{Driver: entsql.OpenDB(dialect.Postgres, db)}))
}

// firstContact fails when the database cannot be reached.
func (s *Store) firstContact(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := s.servers.follow(ctx); err != nil {
		at := s.servers.config.ConnConfig
		return fmt.Errorf("the database at %s:%d cannot be reached: %w", at.Host, at.Port, reason(err))
	}
	return s.SyncClock(ctx)
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
