package ent

import (
	"context"
	"slices"
	"strconv"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"tallystick/ent/product"
)

// Rows that others refer to by a column, as a subscription to its price, are read
// along with those, in one statement: their query is joined to that of the others, and
// when its turn comes, it has its rows already. It is a query like any other to
// whatever stands between queries and the database: what restricts it is a condition of
// the join, so that what must not be seen is missing, and interceptors get its rows.

// maxJoins is how many tables a statement may be joined with: planning takes longer
// with each.
const maxJoins = 4

// mayJoin reports whether rows can be read along with those of a query.
func mayJoin(spec *sqlgraph.QuerySpec) bool {
	return spec.Assign != nil && spec.From == nil && !spec.Unique && spec.Offset == 0
}

// joins are the tables that are read along with another one.
type joins struct{ tables []joinedTable }

type joinedTable struct {
	*sqlgraph.QuerySpec
	as, of, column string // of is the table that refers to this one
	values         []any
	take           func(columns []string, values []any) error
}

// joinedRows are rows that were read along with those that refer to them.
type joinedRows[T any] struct {
	as   string // what their table is called there
	rows []*T
	seen map[string]bool
}

// query reads the rows of a query, unless they have been read.
func (r *joinedRows[T]) query(ctx context.Context, from dialect.Driver, spec *sqlgraph.QuerySpec, nodes *[]*T) error {
	if r == nil {
		return sqlgraph.QueryNodes(ctx, from, spec)
	}
	*nodes = r.rows
	return nil
}

// joinRows adds a query to those that are read along with a table that refers to its
// rows by a column. It returns the rows to be; nil where they have to be read alone.
func joinRows[T any](j *joins, q *QueryContext, spec *sqlgraph.QuerySpec, of, column string,
	scan func(*T, []string) ([]any, error), build func(columns []string, values []any) (*T, error),
) *joinedRows[T] {
	if len(j.tables) == maxJoins || q.Limit != nil || q.Offset != nil || q.Unique != nil || spec.From != nil {
		return nil
	}
	values, err := scan(nil, spec.Node.Columns)
	if err != nil || slices.ContainsFunc(values, isLong) || slices.Contains(spec.Node.Columns, product.FieldDescription) {
		return nil
	}
	rows := &joinedRows[T]{as: "j" + strconv.Itoa(len(j.tables)+1), seen: map[string]bool{}}
	j.tables = append(j.tables, joinedTable{
		QuerySpec: spec, as: rows.as, of: of, column: column, values: values,
		take: func(columns []string, values []any) error {
			id, ok := values[0].(*sql.NullString)
			if !ok || !id.Valid || rows.seen[id.String] {
				return nil
			}
			rows.seen[id.String] = true
			row, err := build(columns, values)
			rows.rows = append(rows.rows, row)
			return err
		},
	})
	return rows
}

// isLong reports whether a column is scanned as JSON, which many rows that refer to the
// same one should not repeat.
func isLong(value any) bool {
	_, ok := value.(*[]byte)
	return ok
}

// addTo has the tables read along with the rows of a query.
func (j *joins) addTo(spec *sqlgraph.QuerySpec) {
	if len(j.tables) == 0 {
		return
	}
	own := spec.Node.Columns
	spec.Modifiers = append(slices.Clip(spec.Modifiers), func(s *sql.Selector) {
		if spec.Limit != 0 {
			pageFirst(s)
		}
		s.Select(s.Columns(own...)...)
		for _, table := range j.tables {
			table.joinTo(s)
		}
	})
	scan, assign := spec.ScanValues, spec.Assign
	var all []any
	spec.ScanValues = func(columns []string) ([]any, error) {
		if all != nil {
			return all, nil
		}
		values, err := scan(columns[:len(own)])
		for _, table := range j.tables {
			values = append(slices.Clip(values), table.values...)
		}
		all = values
		return values, err
	}
	spec.Assign = func(columns []string, values []any) error {
		if err := assign(columns[:len(own)], values[:len(own)]); err != nil {
			return err
		}
		rest := values[len(own):]
		for _, table := range j.tables {
			n := len(table.values)
			if err := table.take(table.Node.Columns, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
}

// joinTo joins a table to a statement.
func (t joinedTable) joinTo(s *sql.Selector) {
	build := sql.Dialect(s.Dialect())
	table := build.Table(t.Node.Table).As(t.as)
	referring := s.C(t.column)
	if t.of != "" {
		referring = build.Table(t.of).C(t.column)
	}
	s.LeftJoin(table).On(table.C(t.Node.ID.Column), referring).AppendSelect(table.Columns(t.Node.Columns...)...)
	if t.Predicate != nil {
		conditions := build.Select().From(table).WithContext(s.Context())
		t.Predicate(conditions)
		s.OnP(conditions.P())
	}
}

// referredBy are the ids that rows refer to by a column.
func referredBy[T any](rows []*T, refers func(*T) *string) []string {
	ids := make([]string, 0, len(rows))
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		if id := refers(row); id != nil && !seen[*id] {
			seen[*id] = true
			ids = append(ids, *id)
		}
	}
	return ids
}

// assignReferred assigns to rows those that they refer to by a column.
func assignReferred[T, R any](rows []*T, refers func(*T) *string, others []*R, id func(*R) string, assign func(*T, *R)) {
	byID := make(map[string]*R, len(others))
	for _, other := range others {
		byID[id(other)] = other
	}
	for _, row := range rows {
		if id := refers(row); id != nil {
			if other, ok := byID[*id]; ok {
				assign(row, other)
			}
		}
	}
}
