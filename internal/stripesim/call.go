package stripesim

import (
	"encoding/json"
	"net/http"
	"slices"
)

// call is one API request under way: its parameters, its transaction, and the moment it happens at.
type call struct {
	*tx
	params *params
	http   *http.Request
}

// requestRef names the request that caused an event.
type requestRef struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

// id is the object that the URL names.
func (c *call) id() string { return c.http.PathValue("id") }

// newRecord is the head of an object made by this call. Prefix decides the style of its id.
func (t *tx) newRecord(kind, prefix string) record {
	return record{ID: newID(prefix), Object: kind, Created: t.now}
}

// create stores a new object and records its event.
func (c *tx) create(d document, event string) error {
	if err := c.insert(d); err != nil {
		return err
	}
	if err := c.schedule(d); err != nil {
		return err
	}
	return c.emit(event, d, nil)
}

// update stores a changed object and records its event with what the attributes were before. A change that changes
// nothing leaves no event.
func (c *tx) update(d document, event string) error {
	id, _ := d.identity()
	body, _, err := c.body(id)
	if err != nil {
		return err
	}
	previous, err := changedAttributes(body, d)
	if err != nil || len(previous) == 0 {
		return err
	}
	if err := c.replace(d, false); err != nil {
		return err
	}
	if err := c.schedule(d); err != nil {
		return err
	}
	if delete(previous, privateKey); len(previous) == 0 {
		return nil
	}
	return c.emit(event, d, previous)
}

// remove deletes an object; its event carries it whole, once more.
func (c *tx) remove(d document, event string) error {
	id, _ := d.identity()
	if err := c.replace(d, true); err != nil {
		return err
	}
	if err := c.unschedule(id); err != nil {
		return err
	}
	return c.emit(event, d, nil)
}

// deletedStub is what remains to be seen of a deleted object.
type deletedStub struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

func stubOf(d document) deletedStub {
	id, kind := d.identity()
	return deletedStub{ID: id, Object: kind, Deleted: true}
}

// changedAttributes returns the old values of what differs between the stored body and the document.
func changedAttributes(body []byte, d document) (map[string]any, error) {
	var before, after map[string]any
	current, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &before); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(current, &after); err != nil {
		return nil, err
	}
	return difference(before, after), nil
}

// difference is the part of before that after has changed; keys that are new in after appear as null.
func difference(before, after map[string]any) map[string]any {
	changed := map[string]any{}
	for key, now := range after {
		was, existed := before[key]
		wasMap, a := was.(map[string]any)
		nowMap, b := now.(map[string]any)
		switch {
		case a && b:
			if inner := difference(wasMap, nowMap); len(inner) > 0 {
				changed[key] = inner
			}
		case !existed || !sameJSON(was, now):
			changed[key] = was
		}
	}
	for key, was := range before {
		if _, stays := after[key]; !stays {
			changed[key] = was
		}
	}
	return changed
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && slices.Equal(x, y)
}
