package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5/pgconn"

	"tallystick/ent"
)

// Tx is a transaction that ent and the job queue share. It exists within
// [Store.InTx] and [Store.InPipeline] only.
type Tx struct {
	Writer
	SQL *sql.Tx // nil in a pipeline

	dialect   string
	committed []func()
}

// AfterCommit calls a function once the transaction is committed. The process may
// die before it is called, so whatever the function does must also come about
// another way.
func (tx *Tx) AfterCommit(fn func()) { tx.committed = append(tx.committed, fn) }

// attempts is how often a transaction is tried, or a query, when what hinders it is
// not its own fault.
const attempts = 3

// InTx runs a function in a transaction, and commits when the function returns nil.
// It returns the function's error unchanged, after a rollback, and [ErrInDoubt]
// when the connection is lost during the commit. On PostgreSQL a deadlock or a
// serialization failure makes it run the function again, up to three times, and so
// does a connection that is lost before the commit. So the function must have no
// effects outside of the transaction.
func (s *Store) InTx(ctx context.Context, fn func(context.Context, *Tx) error) error {
	var err error
	for try := range attempts {
		if try > 0 {
			apart(ctx, try)
		}
		err = s.inTx(ctx, fn)
		lost := s.servers != nil && isLost(err)
		if lost {
			s.servers.renew()
		}
		if !lost && !isTransient(err) {
			break
		}
	}
	return err
}

// apart waits a moment, so that transactions that have hindered each other do not meet
// again at once.
func apart(ctx context.Context, try int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(rand.IntN(50*try)) * time.Millisecond): //nolint:gosec // no secret
	}
}

func (s *Store) inTx(ctx context.Context, fn func(context.Context, *Tx) error) (err error) {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() {
		if rollbackErr := tx.Rollback(); rollbackErr != nil && !errors.Is(rollbackErr, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rollbackErr))
		}
	}()
	driver := &txDriver{Conn: entsql.Conn{ExecQuerier: tx}, dialect: s.dialect}
	client := ent.NewClient(ent.Driver(driver))
	shared := &Tx{Writer: Writer{client}, SQL: tx, dialect: s.dialect}
	changes := s.noteChangesOf(client)
	if err := fn(ctx, shared); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", doubtful(err))
	}
	driver.ExecQuerier = s.readers
	s.afterCommit(shared, changes)
	return nil
}

// afterCommit does what a transaction has left for when it is committed.
func (s *Store) afterCommit(tx *Tx, changes *[]Change) {
	for _, fn := range tx.committed {
		fn()
	}
	s.report(changes)
}

// txDriver lets ent work inside a transaction that it did not begin. The ones
// that ent begins itself have no effect. Once the transaction is committed, it
// reads from the pool, so that the rows that came out of it can still load
// their edges.
type txDriver struct {
	entsql.Conn
	dialect string
}

func (d *txDriver) Exec(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	return d.Conn.Exec(ctx, query, args, v)
}

func (d *txDriver) Query(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	return d.Conn.Query(ctx, query, args, v)
}

func (d *txDriver) Dialect() string                        { return d.dialect }
func (d *txDriver) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d), nil }
func (d *txDriver) Close() error                           { return nil }

// noKeyUpdate is the lock of an update that leaves the key alone. It does not
// get in the way of rows that only refer to the locked one.
const noKeyUpdate entsql.LockStrength = "NO KEY UPDATE"

// ForUpdate is a predicate that locks the selected rows until the transaction ends
// (FOR NO KEY UPDATE). On SQLite, which has one writer at a time, it does nothing.
func ForUpdate(s *entsql.Selector) {
	if s.Dialect() == dialect.Postgres {
		s.For(noKeyUpdate)
	}
}

// ForUpdateIfFree is [ForUpdate] without those rows that another transaction has locked,
// for work that whoever comes first is to take.
func ForUpdateIfFree(s *entsql.Selector) {
	if s.Dialect() == dialect.Postgres {
		s.For(noKeyUpdate, entsql.WithLockAction(entsql.SkipLocked))
	}
}

// LockName locks a name until the transaction ends; transactions that lock the same
// name run one after the other. It is for what has no row to lock yet. On SQLite,
// which has one writer at a time, it does nothing. It fails only when the database
// does.
func (tx *Tx) LockName(ctx context.Context, name string) error {
	if tx.dialect == dialect.SQLite {
		return nil // there is one writer at a time
	}
	_, err := tx.SQL.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
	return err
}

// ErrInDoubt is returned by [Store.InTx] when the connection is lost during the
// commit: the transaction may have been committed or not. The caller finds out by
// reading what it has written.
var ErrInDoubt = errors.New("it is not certain whether the transaction was committed")

func doubtful(err error) error {
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && !strings.HasPrefix(refused.Code, "57") {
		return err // the server has said no, and not because it is going down
	}
	return errors.Join(ErrInDoubt, err)
}

// isTransient reports whether PostgreSQL gave up on a transaction that is
// worth another try.
func isTransient(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}

// isLost reports whether nothing of a transaction was done, because its connection was
// lost before the commit, or because the tables have changed since the connection has
// planned a statement of it. On a new connection it may be repeated.
func isLost(err error) bool {
	if errors.Is(err, ErrInDoubt) {
		return false
	}
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting {
		return false // there is no server to try again with
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		stale := refused.Code == "0A000" && strings.HasPrefix(refused.Message, "cached plan must not change result type")
		return stale || refused.Code == "57P01" || refused.Code == "57P02" // the server ends this connection
	}
	for _, cut := range []error{io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, cut) {
			return true
		}
	}
	return false
}
