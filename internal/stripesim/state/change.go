package state

import (
	"encoding/json"
	"fmt"
	"slices"
)

// NewRecord is the head of an object made by this call. Prefix decides the style of its id.
func (t *Tx) NewRecord(kind, prefix string) Record {
	return Record{ID: NewID(prefix), Object: kind, Created: t.Now}
}

// Create stores a new object and records its event.
func (t *Tx) Create(d Document, event string) error {
	body, snapshot, err := encoded(d)
	if err != nil {
		return err
	}
	if err := t.insertBody(d, body); err != nil {
		return err
	}
	if err := t.Schedule(d); err != nil {
		return err
	}
	return t.emit(event, snapshot, nil)
}

// encoded is a document as it is stored, and the same as a value.
func encoded(d Document) (body []byte, value map[string]any, err error) {
	_, kind := d.Identity()
	if body, err = json.Marshal(d); err == nil {
		err = json.Unmarshal(body, &value)
	}
	if err != nil {
		err = fmt.Errorf("encode %s: %w", kind, err)
	}
	return body, value, err
}

// Update stores a changed object and records its event with what the attributes were
// before. A change that changes nothing leaves no event.
func (t *Tx) Update(d Document, event string) error {
	id, _ := d.Identity()
	stored, _, err := t.Body(id)
	if err != nil {
		return err
	}
	body, snapshot, err := encoded(d)
	if err != nil {
		return err
	}
	previous, err := changedAttributes(stored, snapshot)
	if err != nil || len(previous) == 0 {
		return err
	}
	if err := t.replaceBody(d, body, false); err != nil {
		return err
	}
	if err := t.Schedule(d); err != nil {
		return err
	}
	if delete(previous, privateKey); len(previous) == 0 {
		return nil
	}
	return t.emit(event, snapshot, previous)
}

// Remove deletes an object; its event carries it whole, once more.
func (t *Tx) Remove(d Document, event string) error {
	id, _ := d.Identity()
	if err := t.Replace(d, true); err != nil {
		return err
	}
	if err := t.Unschedule(id); err != nil {
		return err
	}
	return t.Emit(event, d, nil)
}

// Stub is what remains to be seen of a deleted object.
type Stub struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// StubOf is the answer to a deletion.
func StubOf(d Document) Stub {
	id, kind := d.Identity()
	return Stub{ID: id, Object: kind, Deleted: true}
}

// changedAttributes returns the old values of what differs between the stored body and
// the document's value.
func changedAttributes(stored []byte, after map[string]any) (map[string]any, error) {
	var before map[string]any
	if err := json.Unmarshal(stored, &before); err != nil {
		return nil, fmt.Errorf("decode stored object: %w", err)
	}
	return difference(before, after), nil
}

// difference is the part of before that after has changed; keys that are new in after
// appear as null.
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
