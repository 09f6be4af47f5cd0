// Package retention removes rows that have had their time: idempotency keys,
// events that were applied, the requests of operations that are over, and tokens of
// customers that have expired. Objects, operations and histories stay.
package retention

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tallystick/ent/customersession"
	"tallystick/ent/idempotencykey"
	"tallystick/ent/operation"
	"tallystick/ent/stripecall"
	"tallystick/ent/webhookevent"
	"tallystick/internal/store"
)

var removed = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "tallystick_rows_removed_total",
	Help: "Rows that had had their time, by what they were.",
}, []string{"rows"})

const (
	// keysFor is how long an idempotency key is bound to its mutation.
	keysFor = 30 * 24 * time.Hour
	// sessionsFor is how long a customer's token is kept after it has expired.
	sessionsFor = 24 * time.Hour
	// batch is how many rows are removed in one transaction, so that nobody waits
	// for it.
	batch = 500
)

// Retention removes rows.
type Retention struct {
	store *store.Store
	after time.Duration
	now   func() time.Time
}

// New builds a retention that keeps events and requests for a time; 0 is 90 days.
func New(s *store.Store, after time.Duration, now func() time.Time) *Retention {
	if after == 0 {
		after = 90 * 24 * time.Hour
	}
	return &Retention{store: s, after: after, now: now}
}

// Sweep removes all rows that have had their time, in small batches. It can be
// stopped and repeated at any time, by several processes at once.
func (r *Retention) Sweep(ctx context.Context) error {
	now := r.now()
	return errors.Join(
		r.each(ctx, "idempotency_keys", func(ctx context.Context, tx *store.Tx) (int, error) {
			ids, err := tx.IdempotencyKey.Query().Where(idempotencykey.CreatedAtLT(now.Add(-keysFor))).Limit(batch).IDs(ctx)
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return tx.IdempotencyKey.Delete().Where(idempotencykey.IDIn(ids...)).Exec(ctx)
		}),
		r.each(ctx, "webhook_events", func(ctx context.Context, tx *store.Tx) (int, error) {
			ids, err := tx.WebhookEvent.Query().Where(webhookevent.ProcessedAtLT(now.Add(-r.after))).Limit(batch).IDs(ctx)
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return tx.WebhookEvent.Delete().Where(webhookevent.IDIn(ids...)).Exec(ctx)
		}),
		r.each(ctx, "stripe_calls", func(ctx context.Context, tx *store.Tx) (int, error) {
			old := now.Add(-r.after)
			ids, err := tx.StripeCall.Query().
				Where(stripecall.AtLT(old), stripecall.HasOperationWith(operation.FinishedAtLT(old))).
				Limit(batch).IDs(ctx)
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return tx.StripeCall.Delete().Where(stripecall.IDIn(ids...)).Exec(ctx)
		}),
		r.each(ctx, "customer_sessions", func(ctx context.Context, tx *store.Tx) (int, error) {
			ids, err := tx.CustomerSession.Query().Where(customersession.ExpiresAtLT(now.Add(-sessionsFor))).Limit(batch).IDs(ctx)
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return tx.CustomerSession.Delete().Where(customersession.IDIn(ids...)).Exec(ctx)
		}),
	)
}

// each removes batch after batch, until there is none.
func (r *Retention) each(ctx context.Context, rows string, remove func(context.Context, *store.Tx) (int, error)) error {
	for {
		var n int
		err := r.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = remove(ctx, tx)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		removed.WithLabelValues(rows).Add(float64(n))
	}
}
