package store

import (
	"context"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var statements = promauto.NewCounter(prometheus.CounterOpts{
	Name: "tallystick_database_statements_total",
	Help: "SQL statements of the data model; the job queue's are not counted.",
})

// Collectors return the metrics of the connection pools, named "writers" and
// "readers": go_sql_*, as of database/sql, on either database.
func (s *Store) Collectors() []prometheus.Collector {
	if s.servers == nil {
		return []prometheus.Collector{collectors.NewDBStatsCollector(s.DB, "writers"), collectors.NewDBStatsCollector(s.readers, "readers")}
	}
	return []prometheus.Collector{newPoolCollector(s.pools.writers, "writers"), newPoolCollector(s.pools.readers, "readers")}
}

// poolCollector shows a pool of pgx as Prometheus shows one of database/sql.
type poolCollector struct {
	pool    *pgxpool.Pool
	metrics []poolMetric
}

type poolMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*pgxpool.Stat) float64
}

func newPoolCollector(pool *pgxpool.Pool, name string) *poolCollector {
	c := &poolCollector{pool: pool}
	add := func(kind prometheus.ValueType, metric, help string, value func(*pgxpool.Stat) float64) {
		desc := prometheus.NewDesc("go_sql_"+metric, help, nil, prometheus.Labels{"db_name": name})
		c.metrics = append(c.metrics, poolMetric{desc, kind, value})
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	add(gauge, "max_open_connections", "Maximum number of open connections to the database.",
		func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })
	add(gauge, "open_connections", "The number of established connections both in use and idle.",
		func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) })
	add(gauge, "in_use_connections", "The number of connections currently in use.",
		func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })
	add(gauge, "idle_connections", "The number of idle connections.",
		func(s *pgxpool.Stat) float64 { return float64(s.IdleConns()) })
	add(counter, "wait_count_total", "The total number of connections waited for.",
		func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })
	add(counter, "wait_duration_seconds_total", "The total time blocked waiting for a new connection.",
		func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() })
	add(counter, "max_idle_time_closed_total", "The total number of connections closed due to their idle time.",
		func(s *pgxpool.Stat) float64 { return float64(s.MaxIdleDestroyCount()) })
	add(counter, "max_lifetime_closed_total", "The total number of connections closed due to their lifetime.",
		func(s *pgxpool.Stat) float64 { return float64(s.MaxLifetimeDestroyCount()) })
	return c
}

// Describe implements [prometheus.Collector].
func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		ch <- m.desc
	}
}

// Collect implements [prometheus.Collector].
func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	stat := c.pool.Stat()
	for _, m := range c.metrics {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(stat))
	}
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
