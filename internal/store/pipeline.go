package store

import (
	"context"
	"errors"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tallystick/ent"
)

// InPipeline is [Store.InTx] for a function that only inserts rows. On PostgreSQL it
// gets a transaction without SQL that cannot read; all rows go to the server in one
// round trip, once the function has returned, and what is wrong with one of them, such
// as the violation of a unique index, is InPipeline's error. That transaction may be
// shared with other calls at the same time, whose errors are theirs. On SQLite it is InTx.
func (s *Store) InPipeline(ctx context.Context, fn func(context.Context, *Tx) error) error {
	if s.servers == nil {
		return s.InTx(ctx, fn)
	}
	rows := &pipelineDriver{}
	client := ent.NewClient(ent.Driver(rows))
	tx := &Tx{Writer: Writer{client}, dialect: s.dialect}
	changes := s.noteChangesOf(client)
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := s.together.carry(ctx, rows.inserts); err != nil {
		return err
	}
	rows.sent = directDriver{pool: s.pools.readers, servers: s.servers}
	s.afterCommit(tx, changes)
	return nil
}

// send has statements carried out in one transaction, without regard to whether somebody
// still waits for it: what has begun is to be known to have ended.
func (s *Store) send(ctx context.Context, statements []statement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	var err error
	for range attempts {
		err = sendOnce(ctx, s.pools.writers, statements)
		lost := isLost(err) || pgconn.SafeToRetry(err)
		if lost {
			s.servers.renew()
		}
		if !lost && !isTransient(err) {
			break
		}
	}
	return err
}

// sendOnce returns [ErrInDoubt] unless it is known that nothing was committed: the server
// has refused a statement, or was not reached.
func sendOnce(ctx context.Context, pool *pgxpool.Pool, statements []statement) error {
	batch := &pgx.Batch{} // one can be sent only once
	for _, st := range statements {
		batch.Queue(st.query, st.args...)
	}
	results := pool.SendBatch(ctx, batch)
	for range batch.Len() {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // which returns the same
			_, refused := errors.AsType[*pgconn.PgError](err)
			_, unreached := errors.AsType[*pgconn.ConnectError](err)
			if refused || unreached || pgconn.SafeToRetry(err) {
				return err
			}
			return errors.Join(ErrInDoubt, err)
		}
	}
	if err := results.Close(); err != nil {
		return doubtful(err)
	}
	return nil
}

// pipelineDriver keeps what ent inserts, to be sent together. After that it reads from
// the readers' pool, so that the rows can still load their edges.
type pipelineDriver struct {
	inserts []statement
	sent    dialect.Driver
}

type statement struct {
	query string
	args  []any
}

var errOnlyInserts = errors.New("a pipeline only inserts rows")

// Exec implements [dialect.Driver].
func (d *pipelineDriver) Exec(_ context.Context, query string, args, v any) error {
	values, ok := args.([]any)
	if !ok || v != nil || d.sent != nil { // who updates or deletes wants to know how many
		return errOnlyInserts
	}
	statements.Inc()
	d.inserts = append(d.inserts, statement{query, values})
	return nil
}

// Query implements [dialect.Driver].
func (d *pipelineDriver) Query(ctx context.Context, query string, args, v any) error {
	if d.sent == nil {
		return errOnlyInserts
	}
	return d.sent.Query(ctx, query, args, v)
}

// Tx implements [dialect.Driver].
func (d *pipelineDriver) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d), nil }

// Dialect implements [dialect.Driver].
func (*pipelineDriver) Dialect() string { return dialect.Postgres }

// Close implements [dialect.Driver].
func (*pipelineDriver) Close() error { return nil }
