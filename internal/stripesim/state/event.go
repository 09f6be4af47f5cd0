package state

import (
	"fmt"
)

// requestRef names the request that caused an event.
type requestRef struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

// Enqueue queues an event for every endpoint that wants its type, and returns how many
// those are.
func (t *Tx) Enqueue(event, eventType string) (int, error) {
	queued, err := t.ExecContext(t.Ctx, `INSERT INTO deliveries (event, endpoint)
		SELECT ?1, id FROM objects WHERE kind = 'webhook_endpoint' AND deleted = 0 AND body ->> '$.status' = 'enabled'
			AND EXISTS (SELECT 1 FROM json_each(body, '$.enabled_events') WHERE value IN ('*', ?2)) ORDER BY seq`, event, eventType)
	if err != nil {
		return 0, fmt.Errorf("queue deliveries: %w", err)
	}
	count, err := queued.RowsAffected()
	return int(count), err
}

// Event is the record of one change, in the form that webhooks carry.
type Event struct {
	Record
	APIVersion      string     `json:"api_version"`
	Data            eventData  `json:"data"`
	PendingWebhooks int        `json:"pending_webhooks"`
	Request         requestRef `json:"request"`
	Type            string     `json:"type"`
}

type eventData struct {
	Object             any            `json:"object"`
	PreviousAttributes map[string]any `json:"previous_attributes,omitempty"`
}

// Emit records an event about d in the call's transaction, and queues it for the
// webhooks: it exists exactly when the change does.
func (t *Tx) Emit(kind string, d Document, previous map[string]any) error {
	_, snapshot, err := encoded(d)
	if err != nil {
		return err
	}
	return t.emit(kind, snapshot, previous)
}

// EmitUnstored records what is told of an object that does not exist, and so has no id.
func (t *Tx) EmitUnstored(kind string, d Document) error {
	_, snapshot, err := encoded(d)
	if err != nil {
		return err
	}
	delete(snapshot, "id")
	return t.emit(kind, snapshot, nil)
}

// emit is Emit for an object as a value, which it completes.
func (t *Tx) emit(kind string, snapshot map[string]any, previous map[string]any) (err error) {
	if err := t.complete(snapshot); err != nil {
		return err
	}
	included{}.prune(snapshot)
	made := &Event{
		Record:     t.NewRecord("event", "evt_1"),
		APIVersion: APIVersion,
		Data:       eventData{Object: snapshot, PreviousAttributes: previous},
		Request:    t.Request,
		Type:       kind,
	}
	if made.PendingWebhooks, err = t.Enqueue(made.ID, kind); err != nil {
		return err
	}
	return t.Insert(made)
}

// APIVersion is the one version of the Stripe API that the sandbox speaks.
const APIVersion = "2023-10-16"
