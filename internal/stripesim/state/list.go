package state

import (
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
)

// page is a list object on the wire.
type page struct {
	Object  string `json:"object"`
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []any  `json:"data"`
}

// Sublist is a list that is part of an object and always holds all its elements.
type Sublist[T any] struct {
	Object  string `json:"object"`
	URL     string `json:"url"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

// List collects the filters of one list call; run reads the page that the cursor
// parameters ask for.
type List struct {
	c          *Request
	kind, url  string
	conditions []Condition
	references []reference
}

// NewList begins a list of one kind of object.
func (c *Request) NewList(kind, url string) *List {
	return &List{c: c, kind: kind, url: url}
}

// Where adds filters.
func (l *List) Where(conditions ...Condition) {
	l.conditions = append(l.conditions, conditions...)
}

// Match filters by a field when the request gave a value for it.
func (l *List) Match(field string, value *string) {
	if value != nil {
		l.Where(Equal(field, *value))
	}
}

// MatchObject filters by the id of another object, which has to exist, deleted or not.
func (l *List) MatchObject(kind, param string, id *string) {
	l.Match(param, id)
	if id != nil {
		l.references = append(l.references, reference{kind: kind, param: param, id: *id})
	}
}

// reference is an object that a filter names.
type reference struct{ kind, param, id string }

// check refuses a filter by an object that never was.
func (r reference) check(t *Tx) error {
	var known bool
	err := t.QueryRowContext(t.Ctx, `SELECT EXISTS (SELECT 1 FROM objects WHERE id = ? AND kind = ?)`, r.id, r.kind).Scan(&known)
	if err == nil && !known {
		return apierror.UnknownReference(r.kind, r.id, r.param)
	}
	return err
}

// MatchBool filters by a boolean field. SQLite reads JSON's booleans as 1 and 0.
func (l *List) MatchBool(field string, value *bool) {
	if value != nil {
		l.Where(Equal(field, *value))
	}
}

// MatchTestClock filters by a test clock. What hangs on one is left out otherwise,
// unless something else asks for it.
func (l *List) MatchTestClock(asked bool) {
	id := l.c.Params.Text("test_clock", form.MaxText)
	l.Match("test_clock", id)
	if id == nil && !asked {
		l.Where(Condition{Sql: "body ->> '$.test_clock' IS NULL"})
	}
}

// MatchTime filters by a time field, given as a moment or as a range: created[gte]=….
func (l *List) MatchTime(field string) {
	p := l.c.Params
	if f := p.Fields.Children[field]; f != nil && f.Leaf {
		if moment := p.Integer(field); moment != nil {
			l.Where(Equal(field, *moment))
		}
		return
	}
	bounds := p.Object(field)
	if bounds == nil {
		return
	}
	for _, bound := range []struct{ key, operator string }{{"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}} {
		if moment := bounds.Integer(bound.key); moment != nil {
			l.Where(Condition{Sql: "body ->> '$." + field + "' " + bound.operator + " ?", Args: []any{*moment}})
		}
	}
}

// Run reads the page. Unmodelled parameters are as in params.done.
func (l *List) Run(unmodelled ...string) (any, error) {
	p := l.c.Params
	limit := p.Limit()
	after, before := p.Text("starting_after", form.MaxText), p.Text("ending_before", form.MaxText)
	if err := p.Done(unmodelled...); err != nil {
		return nil, err
	}
	if after != nil && before != nil {
		return nil, apierror.Invalid("", "You can only use one of ending_before or starting_after.").BeforeWork()
	}
	for _, named := range l.references {
		if err := named.check(l.c.Tx); err != nil {
			return nil, err
		}
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
		conditions = append(conditions, Condition{Sql: "seq " + cursor.operator + " ?", Args: []any{position}})
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

func (l *List) page(bodies [][]byte, more bool) *page {
	result := &page{Object: "list", URL: l.url, HasMore: more, Data: []any{}}
	for _, body := range bodies {
		result.Data = append(result.Data, json.RawMessage(body))
	}
	return result
}

// position finds a cursor's place in the order of creation.
func (l *List) position(id, param string) (int64, error) {
	var seq int64
	err := l.c.QueryRowContext(l.c.Ctx, `SELECT seq FROM objects WHERE id = ? AND kind = ?`, id, l.kind).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, apierror.UnknownReference(l.kind, id, param)
	}
	return seq, err
}
