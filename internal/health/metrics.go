package health

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tallystick/internal/billing"
)

// Collector shows at each scrape what the query billingHealth shows, so that an
// alert can be set on it.
type Collector struct {
	reader *Reader
	logger *slog.Logger
}

// NewCollector builds a collector.
func NewCollector(r *Reader, logger *slog.Logger) *Collector {
	return &Collector{reader: r, logger: logger}
}

const scrapeTimeout = 5 * time.Second

var (
	available = prometheus.NewDesc("tallystick_stripe_available",
		"Whether Stripe answers as it should (1) or not (0), by how it answered last.", []string{"state"}, nil)
	pending = prometheus.NewDesc("tallystick_operations_pending",
		"Operations that wait or run.", nil, nil)
	needsAttention = prometheus.NewDesc("tallystick_operations_needing_attention",
		"Operations that somebody has to look at.", nil, nil)
	oldestPending = prometheus.NewDesc("tallystick_operations_oldest_pending_seconds",
		"How long the oldest operation waits; 0 when none does.", nil, nil)
	pendingEvents = prometheus.NewDesc("tallystick_webhook_events_pending",
		"Events that are not applied yet.", nil, nil)
	failedEvents = prometheus.NewDesc("tallystick_webhook_events_failed",
		"Events that could not be applied and still matter.", nil, nil)
	missedEvents = prometheus.NewDesc("tallystick_webhook_events_missed",
		"Events since the start of the day that Stripe lists and that never came by webhook.", nil, nil)
	drift = prometheus.NewDesc("tallystick_objects_differing",
		"Objects that differed in Stripe and here when they were last compared.", nil, nil)
	partial = prometheus.NewDesc("tallystick_objects_partial",
		"Live objects of which Stripe has more than is shown.", nil, nil)
	lastSwept = prometheus.NewDesc("tallystick_events_last_swept_timestamp_seconds",
		"When Stripe's list of events was last read; 0 for never.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (*Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{available, pending, needsAttention, oldestPending, pendingEvents, failedEvents, missedEvents, drift, partial, lastSwept} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) //nolint:forbidigo // a scrape brings no context
	defer cancel()
	h, err := m.reader.Read(ctx)
	if err != nil {
		m.logger.Warn("the metrics lack the health: the database does not answer", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	up := 0.0
	if h.Stripe == billing.StripeOK || h.Stripe == billing.StripeSandbox {
		up = 1
	}
	gauge(available, up, string(h.Stripe))
	gauge(pending, float64(h.PendingOperations))
	gauge(needsAttention, float64(h.NeedsAttention))
	oldest := 0.0
	if h.OldestPendingAt != nil {
		oldest = h.At.Sub(*h.OldestPendingAt).Seconds()
	}
	gauge(oldestPending, oldest)
	gauge(pendingEvents, float64(h.PendingWebhookEvents))
	gauge(failedEvents, float64(h.FailedEvents))
	gauge(missedEvents, float64(h.MissedEvents))
	gauge(drift, float64(h.Drift))
	gauge(partial, float64(h.Partial))
	swept := 0.0
	if h.LastSweptAt != nil {
		swept = float64(h.LastSweptAt.Unix())
	}
	gauge(lastSwept, swept)
}
