package hook

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/state"
)

const (
	// retryWindow is how long a delivery is tried again, from its first attempt on.
	retryWindow = int64(3 * 24 * time.Hour / time.Second)
	// longestBackoff bounds the time between two attempts, which doubles from one second on.
	longestBackoff = int64(6 * time.Hour / time.Second)
)

// delivery is one event on its way to one endpoint. Its row lives until the endpoint
// has confirmed it, or until the retry window is over.
type delivery struct {
	id          int64
	event       string
	url, secret string
	attempts    int
	firstTried  int64 // zero: not yet
}

func forgetDeliveries(t *state.Tx, endpoint string) error {
	if _, err := t.ExecContext(t.Ctx, `DELETE FROM deliveries WHERE endpoint = ?`, endpoint); err != nil {
		return fmt.Errorf("forget deliveries: %w", err)
	}
	return nil
}

// dueDeliveries selects what can be delivered now: in the order of the queue, or in
// none. Deliveries to the configured endpoint wait while its address is not known.
func dueDeliveries(t *state.Tx, now int64, configured, shuffle bool, limit int) ([]delivery, error) {
	order := "due, id"
	if shuffle {
		order = "random()"
	}
	rows, err := t.QueryContext(t.Ctx, `
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
func nextDelivery(t *state.Tx, now int64) (due int64, err error) {
	err = t.QueryRowContext(t.Ctx, `SELECT coalesce(min(due), 0) FROM deliveries WHERE due > ?`, now).Scan(&due)
	return due, err
}

// eventBody is an event as it is posted.
func eventBody(t *state.Tx, id string) ([]byte, error) {
	body, _, err := t.Body(id)
	if err != nil {
		return nil, fmt.Errorf("read event %s: %w", id, err)
	}
	var event map[string]any
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("read event %s: %w", id, err)
	}
	return state.Encode(event)
}

// settleDelivery ends a delivery, whatever came of it: one endpoint fewer is waited for.
func settleDelivery(t *state.Tx, d delivery) error {
	if _, err := t.ExecContext(t.Ctx, `DELETE FROM deliveries WHERE id = ?`, d.id); err != nil {
		return fmt.Errorf("settle delivery: %w", err)
	}
	_, err := t.ExecContext(t.Ctx, `UPDATE objects SET body =
		json_set(body, '$.pending_webhooks', (SELECT count(*) FROM deliveries WHERE event = ?1)) WHERE id = ?1`, d.event)
	return err
}

// postpone plans the next attempt of a delivery that failed. It reports false when the
// retry window is over.
func postpone(t *state.Tx, d delivery, now int64) (bool, error) {
	if d.firstTried == 0 {
		d.firstTried = now
	}
	if now-d.firstTried >= retryWindow {
		return false, settleDelivery(t, d)
	}
	_, err := t.ExecContext(t.Ctx, `UPDATE deliveries SET attempts = ?, first_tried = ?, due = ? WHERE id = ?`,
		d.attempts+1, d.firstTried, now+backoff(d.attempts), d.id)
	return true, err
}

// backoff is how long to wait after an attempt that failed, given how many had failed
// before it.
func backoff(failed int) int64 { return min(int64(1)<<min(failed, 30), longestBackoff) }

// PendingDeliveries counts what is not delivered yet.
func PendingDeliveries(t *state.Tx) (count int, err error) {
	err = t.QueryRowContext(t.Ctx, `SELECT count(*) FROM deliveries`).Scan(&count)
	return count, err
}

// Redeliver queues an event once more for every endpoint, or, without one, makes
// everything that waits due now.
func Redeliver(t *state.Tx, eventID string) error {
	if eventID == "" {
		_, err := t.ExecContext(t.Ctx, `UPDATE deliveries SET due = 0`)
		return err
	}
	known, err := state.Find[state.Event](t, "event", eventID, apierror.NotFound("event", eventID, "id"))
	if err != nil {
		return err
	}
	count, err := t.Enqueue(known.ID, known.Type)
	if err == nil && count == 0 {
		return apierror.Conflict("no webhook endpoint wants " + strings.TrimSpace(known.Type))
	}
	return err
}
