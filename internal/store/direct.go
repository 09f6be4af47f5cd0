package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// directDriver reads from PostgreSQL for ent, past database/sql, which would put each
// value into an interface on its way into a row.
type directDriver struct {
	pool    *pgxpool.Pool
	servers *servers
}

var errReadsOnly = errors.New("the readers' connections do not write")

// Dialect implements [dialect.Driver].
func (directDriver) Dialect() string { return dialect.Postgres }

// Close implements [dialect.Driver]; the store closes the pool.
func (directDriver) Close() error { return nil }

// Exec implements [dialect.Driver].
func (directDriver) Exec(context.Context, string, any, any) error { return errReadsOnly }

// Tx implements [dialect.Driver].
func (directDriver) Tx(context.Context) (dialect.Tx, error) { return nil, errReadsOnly }

// Query implements [dialect.Driver]. A query whose connection turns out to be dead is
// repeated on another one.
func (d directDriver) Query(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	values, rows := args.([]any), v.(*entsql.Rows) //nolint:forcetypeassert // ent has no others
	if isSelective(ctx) {
		values = append([]any{pgx.QueryExecModeCacheDescribe}, values...)
	}
	var err error
	for range attempts {
		var found *directRows
		if found, err = d.query(ctx, query, values); err == nil {
			rows.ColumnScanner = found
			return nil
		}
		lost := isLost(err)
		if lost {
			d.servers.renew()
		}
		if !lost && !pgconn.SafeToRetry(err) {
			break
		}
	}
	return err
}

// query returns rows of which the first one has arrived, if there is one, so that what
// is wrong with the query or the connection is known.
func (d directDriver) query(ctx context.Context, query string, args []any) (*directRows, error) {
	rows, err := d.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	r := &directRows{Rows: rows}
	fields := rows.FieldDescriptions() // the connection's, which after the last row is somebody else's
	r.columns = make([]string, len(fields))
	for i := range fields {
		r.columns[i] = fields[i].Name
	}
	r.first = rows.Next()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// directRows are the rows of a query, for ent.
type directRows struct {
	pgx.Rows
	columns []string
	first   bool // the first row has arrived, and was not asked for yet
	types   *pgtype.Map
	texts   texts
}

// Close implements [entsql.ColumnScanner].
func (r *directRows) Close() error {
	r.Rows.Close()
	return nil
}

// Next implements [entsql.ColumnScanner].
func (r *directRows) Next() bool {
	if r.first {
		r.first = false
		return true
	}
	return r.Rows.Next()
}

// NextResultSet implements [entsql.ColumnScanner]: a query has one.
func (*directRows) NextResultSet() bool { return false }

// Columns implements [entsql.ColumnScanner].
func (r *directRows) Columns() ([]string, error) { return r.columns, nil }

// ColumnTypes implements [entsql.ColumnScanner].
func (*directRows) ColumnTypes() ([]*sql.ColumnType, error) {
	return nil, errors.New("the readers' rows have no types of database/sql")
}

// Scan implements [entsql.ColumnScanner].
func (r *directRows) Scan(targets ...any) error {
	fields, values := r.FieldDescriptions(), r.RawValues()
	if len(targets) != len(values) {
		return errors.New("a row has another number of columns than it is scanned into")
	}
	for i, target := range targets {
		if r.scanQuickly(&fields[i], values[i], target) {
			continue
		}
		if r.types == nil {
			r.types = r.Conn().TypeMap()
		}
		if err := r.types.Scan(fields[i].DataTypeOID, fields[i].Format, values[i], target); err != nil {
			return pgx.ScanArgError{ColumnIndex: i, FieldName: fields[i].Name, Err: err}
		}
	}
	return nil
}

// postgresEpoch is the start of 2000 in Unix seconds: PostgreSQL counts times from it,
// in microseconds. The two outermost counts are its infinities.
const postgresEpoch = 946_684_800

// scanQuickly scans the types that the columns of the data model have. It reports
// false for what is left to pgx.
func (r *directRows) scanQuickly(field *pgconn.FieldDescription, value []byte, target any) bool {
	switch target := target.(type) {
	case *sql.NullString:
		if field.DataTypeOID != pgtype.TextOID && field.DataTypeOID != pgtype.VarcharOID {
			return false
		}
		if target.Valid && target.String == string(value) && value != nil {
			return true // as in the row before
		}
		*target = sql.NullString{String: r.texts.add(value), Valid: value != nil}
		return true
	case *sql.NullInt64:
		if value != nil && (field.DataTypeOID != pgtype.Int8OID || field.Format != pgx.BinaryFormatCode) {
			return false
		}
		*target = sql.NullInt64{Valid: value != nil}
		if value != nil {
			target.Int64 = int64(binary.BigEndian.Uint64(value)) //nolint:gosec // its bits
		}
		return true
	case *sql.NullBool:
		if value != nil && (field.DataTypeOID != pgtype.BoolOID || field.Format != pgx.BinaryFormatCode) {
			return false
		}
		*target = sql.NullBool{Bool: value != nil && value[0] == 1, Valid: value != nil}
		return true
	case *sql.NullTime:
		return scanTimeQuickly(field, value, target)
	}
	return false
}

func scanTimeQuickly(field *pgconn.FieldDescription, value []byte, target *sql.NullTime) bool {
	if value == nil {
		*target = sql.NullTime{}
		return true
	}
	if field.DataTypeOID != pgtype.TimestamptzOID || field.Format != pgx.BinaryFormatCode {
		return false
	}
	since := int64(binary.BigEndian.Uint64(value)) //nolint:gosec // its bits
	const second = int64(time.Second / time.Microsecond)
	if since < -postgresEpoch*second*1000 || since > postgresEpoch*second*1000 { // infinite, or out of this world
		return false
	}
	*target = sql.NullTime{Time: time.Unix(postgresEpoch+since/second, since%second*int64(time.Microsecond)), Valid: true}
	return true
}

// texts makes the texts of rows, many in one piece of memory, of which the next piece is
// larger.
type texts struct {
	piece strings.Builder
	size  int
}

// The sizes of pieces. One is kept as long as any text in it is.
const (
	firstTexts = 256
	mostTexts  = 8 << 10
)

func (t *texts) add(value []byte) string {
	if t.piece.Len()+len(value) > t.piece.Cap() {
		t.size = min(max(2*t.size, firstTexts), mostTexts)
		t.piece = strings.Builder{}
		t.piece.Grow(max(t.size, len(value)))
	}
	start := t.piece.Len()
	t.piece.Write(value)
	return t.piece.String()[start:]
}
