package store

import (
	"context"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var statements = promauto.NewCounter(prometheus.CounterOpts{
	Name: "tallystick_database_statements_total",
	Help: "SQL statements of the data model; the job queue's are not counted.",
})

// poolDriver counts what ent does outside of transactions.
type poolDriver struct{ *entsql.Driver }

func (d poolDriver) Exec(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	return d.Driver.Exec(ctx, query, args, v)
}

func (d poolDriver) Query(ctx context.Context, query string, args, v any) error {
	statements.Inc()
	return d.Driver.Query(ctx, query, args, v)
}
