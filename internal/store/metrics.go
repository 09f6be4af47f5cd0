package store

import (
	"context"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var statements = promauto.NewCounter(prometheus.CounterOpts{
	Name: "tallystick_database_statements_total",
	Help: "SQL statements of the data model; the job queue's are not counted.",
})

// Collectors return the metrics of the connection pools, named "writers" and
// "readers".
func (s *Store) Collectors() []prometheus.Collector {
	return []prometheus.Collector{collectors.NewDBStatsCollector(s.DB, "writers"), collectors.NewDBStatsCollector(s.readers, "readers")}
}

// poolDriver counts what ent does outside of transactions.
type poolDriver struct {
	*entsql.Driver
	// timeout ends a query where the database does not do so itself; 0: it does.
	timeout time.Duration
}

func (d poolDriver) Exec(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	return d.Driver.Exec(ctx, query, args, v)
}

func (d poolDriver) Query(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	if values, ok := args.([]any); ok && d.Dialect() == dialect.Postgres && isSelective(ctx) {
		args = append([]any{pgx.QueryExecModeCacheDescribe}, values...)
	}
	rows, ok := v.(*entsql.Rows)
	if d.timeout == 0 || !ok {
		return d.Driver.Query(ctx, query, args, v)
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	if err := d.Driver.Query(ctx, query, args, v); err != nil {
		cancel()
		return err
	}
	rows.ColumnScanner = timedRows{rows.ColumnScanner, cancel}
	return nil
}

// timedRows are the rows of a query whose time runs until they are closed.
type timedRows struct {
	entsql.ColumnScanner
	cancel context.CancelFunc
}

func (r timedRows) Close() error {
	defer r.cancel()
	return r.ColumnScanner.Close()
}
