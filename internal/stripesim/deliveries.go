package stripesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	// retryWindow is how long a delivery is tried again, from its first attempt on.
	retryWindow = int64(3 * 24 * time.Hour / time.Second)
	// longestBackoff bounds the time between two attempts, which doubles from one second on.
	longestBackoff = int64(6 * time.Hour / time.Second)
)

// delivery is one event on its way to one endpoint. Its row lives until the endpoint has confirmed it, or until the
// retry window is over.
type delivery struct {
	id          int64
	event       string
	url, secret string
	attempts    int
	firstTried  int64 // zero: not yet
}

// enqueue queues an event for every endpoint that wants it, and returns how many those are.
func (t *tx) enqueue(e *event) (int, error) {
	endpoints, err := findAll[webhookEndpoint](t, "webhook_endpoint")
	if err != nil {
		return 0, err
	}
	count := 0
	for _, endpoint := range endpoints {
		if !endpoint.wants(e.Type) {
			continue
		}
		if err := t.queue(e.ID, endpoint.ID); err != nil {
			return 0, err
		}
		count++
	}
	return count, nil
}

func (t *tx) queue(event, endpoint string) error {
	if _, err := t.ExecContext(t.ctx, `INSERT INTO deliveries (event, endpoint) VALUES (?, ?)`, event, endpoint); err != nil {
		return fmt.Errorf("queue delivery: %w", err)
	}
	return nil
}

func (t *tx) forgetDeliveries(endpoint string) error {
	if _, err := t.ExecContext(t.ctx, `DELETE FROM deliveries WHERE endpoint = ?`, endpoint); err != nil {
		return fmt.Errorf("forget deliveries: %w", err)
	}
	return nil
}

// dueDeliveries selects what can be delivered now: in the order of the queue, or in none. Deliveries to the configured
// endpoint wait while its address is not known.
func (t *tx) dueDeliveries(now int64, configured, shuffle bool, limit int) ([]delivery, error) {
	order := "due, id"
	if shuffle {
		order = "random()"
	}
	rows, err := t.QueryContext(t.ctx, `
		SELECT d.id, d.event, d.attempts, d.first_tried, e.body ->> '$.url', e.body ->> '$._private.secret'
		FROM (SELECT * FROM deliveries WHERE due <= ? AND (? OR endpoint <> ?) ORDER BY `+order+` LIMIT ?) d
		JOIN objects e ON e.id = d.endpoint`, now, configured, configuredEndpoint, limit)
	if err != nil {
		return nil, fmt.Errorf("select deliveries: %w", err)
	}
	defer rows.Close()
	var due []delivery
	for rows.Next() {
		var d delivery
		if err := rows.Scan(&d.id, &d.event, &d.attempts, &d.firstTried, &d.url, &d.secret); err != nil {
			return nil, fmt.Errorf("read delivery: %w", err)
		}
		due = append(due, d)
	}
	return due, rows.Err()
}

// nextDelivery is when the next retry is due; zero when none is planned.
func (t *tx) nextDelivery(now int64) (due int64, err error) {
	err = t.QueryRowContext(t.ctx, `SELECT coalesce(min(due), 0) FROM deliveries WHERE due > ?`, now).Scan(&due)
	return due, err
}

// eventBody is an event as it is posted.
func (t *tx) eventBody(id string) ([]byte, error) {
	body, _, err := t.body(id)
	if err != nil {
		return nil, fmt.Errorf("read event %s: %w", id, err)
	}
	var pretty bytes.Buffer
	err = json.Indent(&pretty, body, "", "  ")
	return pretty.Bytes(), err
}

// settleDelivery ends a delivery, whatever came of it: one endpoint fewer is waited for.
func (t *tx) settleDelivery(d delivery) error {
	if _, err := t.ExecContext(t.ctx, `DELETE FROM deliveries WHERE id = ?`, d.id); err != nil {
		return fmt.Errorf("settle delivery: %w", err)
	}
	_, err := t.ExecContext(t.ctx, `UPDATE objects SET body =
		json_set(body, '$.pending_webhooks', (SELECT count(*) FROM deliveries WHERE event = ?1)) WHERE id = ?1`, d.event)
	return err
}

// postpone plans the next attempt of a delivery that failed. It reports false when the retry window is over.
func (t *tx) postpone(d delivery, now int64) (bool, error) {
	if d.firstTried == 0 {
		d.firstTried = now
	}
	if now-d.firstTried >= retryWindow {
		return false, t.settleDelivery(d)
	}
	_, err := t.ExecContext(t.ctx, `UPDATE deliveries SET attempts = ?, first_tried = ?, due = ? WHERE id = ?`,
		d.attempts+1, d.firstTried, now+backoff(d.attempts), d.id)
	return true, err
}

// backoff is how long to wait after an attempt that failed, given how many had failed before it.
func backoff(failed int) int64 { return min(int64(1)<<min(failed, 30), longestBackoff) }

// pendingDeliveries counts what is not delivered yet.
func (t *tx) pendingDeliveries() (count int, err error) {
	err = t.QueryRowContext(t.ctx, `SELECT count(*) FROM deliveries`).Scan(&count)
	return count, err
}

// redeliver queues an event once more for every endpoint, or, without one, makes everything that waits due now.
func (t *tx) redeliver(eventID string) error {
	if eventID == "" {
		_, err := t.ExecContext(t.ctx, `UPDATE deliveries SET due = 0`)
		return err
	}
	known, err := find[event](t, "event", eventID, notFound("event", eventID, "id"))
	if err != nil {
		return err
	}
	count, err := t.enqueue(known)
	if err == nil && count == 0 {
		return conflict("no webhook endpoint wants " + strings.TrimSpace(known.Type))
	}
	return err
}
