package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tallystick/internal/store"
)

var (
	waiting = prometheus.NewDesc("tallystick_jobs_waiting",
		"Jobs that could be worked on now, by queue.", []string{"queue"}, nil)
	oldestWaiting = prometheus.NewDesc("tallystick_jobs_oldest_waiting_seconds",
		"For how long the oldest of them waits; 0 when none does.", []string{"queue"}, nil)
)

// Collector shows at each scrape what waits in the queues.
type Collector struct {
	store  *store.Store
	logger *slog.Logger
}

// NewCollector builds a collector.
func NewCollector(s *store.Store, logger *slog.Logger) *Collector { return &Collector{s, logger} }

const scrapeTimeout = 5 * time.Second

// Describe implements [prometheus.Collector].
func (*Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- waiting
	ch <- oldestWaiting
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) //nolint:forbidigo // a scrape brings no context
	defer cancel()
	queues, err := c.read(ctx)
	if err != nil {
		c.logger.Warn("the metrics lack the job queues: the database does not answer", "error", err)
		return
	}
	for name, q := range queues {
		ch <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(q.depth), name)
		ch <- prometheus.MustNewConstMetric(oldestWaiting, prometheus.GaugeValue, q.age.Seconds(), name)
	}
}

// backlog is what waits in a queue.
type backlog struct {
	depth int
	age   time.Duration
}

func (c *Collector) read(ctx context.Context) (map[string]backlog, error) {
	queues := map[string]backlog{operationsQueue: {}, eventsQueue: {}}
	for name := range queues {
		var depth int
		if err := c.store.QueryRow(ctx,
			"SELECT count(*) FROM river_job WHERE queue = $1 AND state = 'available'", name).Scan(&depth); err != nil {
			return nil, err
		}
		if depth == 0 {
			continue
		}
		age, err := c.age(ctx, name)
		if err != nil {
			return nil, err
		}
		queues[name] = backlog{depth, age}
	}
	return queues, nil
}

func (c *Collector) age(ctx context.Context, queue string) (time.Duration, error) {
	var since sql.NullTime
	err := c.store.QueryRow(ctx,
		"SELECT scheduled_at FROM river_job WHERE queue = $1 AND state = 'available' ORDER BY scheduled_at LIMIT 1", queue).Scan(&since)
	if errors.Is(err, sql.ErrNoRows) || !since.Valid {
		return 0, nil
	}
	return max(0, c.store.Now().Sub(since.Time)), err
}
