package stripesim

import (
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
)

// page is a list object on the wire.
type page struct {
	Object  string `json:"object"`
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []any  `json:"data"`
}

// sublist is a list that is part of an object and always holds all its elements.
type sublist[T any] struct {
	Object  string `json:"object"`
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

// listRequest collects the filters of one list call; run reads the page that the cursor parameters ask for.
type listRequest struct {
	c          *call
	kind, url  string
	conditions []condition
}

func (c *call) newList(kind, url string) *listRequest {
	return &listRequest{c: c, kind: kind, url: url}
}

func (l *listRequest) where(conditions ...condition) {
	l.conditions = append(l.conditions, conditions...)
}

// match filters by a field when the request gave a value for it.
func (l *listRequest) match(field string, value *string) {
	if value != nil {
		l.where(equal(field, *value))
	}
}

// matchBool filters by a boolean field. SQLite reads JSON's booleans as 1 and 0.
func (l *listRequest) matchBool(field string, value *bool) {
	if value != nil {
		l.where(equal(field, *value))
	}
}

// matchTestClock filters by a test clock. What hangs on one is left out otherwise, unless something else asks for it.
func (l *listRequest) matchTestClock(asked bool) {
	id := l.c.params.text("test_clock", maxText)
	l.match("test_clock", id)
	if id == nil && !asked {
		l.where(condition{sql: "body ->> '$.test_clock' IS NULL"})
	}
}

// matchTime filters by a time field, given as a moment or as a range: created[gte]=….
func (l *listRequest) matchTime(field string) {
	p := l.c.params
	if f := p.fields.children[field]; f != nil && f.leaf {
		if moment := p.integer(field); moment != nil {
			l.where(equal(field, *moment))
		}
		return
	}
	bounds := p.object(field)
	if bounds == nil {
		return
	}
	for _, bound := range []struct{ key, operator string }{{"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}} {
		if moment := bounds.integer(bound.key); moment != nil {
			l.where(condition{sql: "body ->> '$." + field + "' " + bound.operator + " ?", args: []any{*moment}})
		}
	}
}

// run reads the page. Unmodelled parameters are as in params.done.
func (l *listRequest) run(unmodelled ...string) (any, error) {
	p := l.c.params
	limit := int(orDefault(p.between("limit", 1, 100), 10))
	after, before := p.text("starting_after", maxText), p.text("ending_before", maxText)
	if err := p.done(unmodelled...); err != nil {
		return nil, err
	}
	if after != nil && before != nil {
		return nil, invalid("", "You can only use one of ending_before or starting_after.").beforeWork()
	}
	conditions := slices.Clone(l.conditions)
	for _, cursor := range []struct {
		id             *string
		name, operator string
	}{{after, "starting_after", "<"}, {before, "ending_before", ">"}} {
		if cursor.id == nil {
			continue
		}
		position, err := l.position(*cursor.id, cursor.name)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition{sql: "seq " + cursor.operator + " ?", args: []any{position}})
	}
	bodies, err := l.c.selectBodies(l.kind, conditions, before != nil, limit+1)
	if err != nil {
		return nil, err
	}
	more := len(bodies) > limit
	bodies = bodies[:min(len(bodies), limit)]
	if before != nil {
		slices.Reverse(bodies)
	}
	return l.page(bodies, more), nil
}

func (l *listRequest) page(bodies [][]byte, more bool) *page {
	result := &page{Object: "list", URL: l.url, HasMore: more, Data: []any{}}
	for _, body := range bodies {
		result.Data = append(result.Data, json.RawMessage(body))
	}
	return result
}

// position finds a cursor's place in the order of creation.
func (l *listRequest) position(id, param string) (int64, error) {
	var seq int64
	err := l.c.QueryRowContext(l.c.ctx, `SELECT seq FROM objects WHERE id = ? AND kind = ?`, id, l.kind).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, unknownReference(l.kind, id, param)
	}
	return seq, err
}
