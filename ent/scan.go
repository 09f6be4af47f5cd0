package ent

import (
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// scanOnce has all rows of a query scanned into the same values, of which each row
// takes a copy. Columns that are no field's are kept as they were scanned, and get
// values of their own.
func scanOnce[T any](scan func(*T, []string) ([]any, error)) func([]string) ([]any, error) {
	var once []any
	return func(columns []string) ([]any, error) {
		if once != nil {
			return once, nil
		}
		values, err := scan(nil, columns)
		if err == nil && !slices.ContainsFunc(values, func(v any) bool { _, ok := v.(*sql.UnknownType); return ok }) {
			once = values
		}
		return values, err
	}
}

// rowsOf makes rows, some at a time and ever more of them.
type rowsOf[T any] struct {
	rest []T
	made int
}

// mostAtOnce bounds what is kept because one of the rows is.
const mostAtOnce = 32

func (r *rowsOf[T]) next() *T {
	if len(r.rest) == 0 {
		r.rest = make([]T, min(max(r.made, 1), mostAtOnce))
	}
	row := &r.rest[0]
	r.rest = r.rest[1:]
	r.made++
	return row
}

// among selects the rows whose column is one of some texts. PostgreSQL takes them as one
// value, so that the statement is the same for any number of them.
func among[T any](s *sql.Selector, column string, values []T) *sql.Predicate {
	if s.Dialect() != dialect.Postgres {
		each := make([]any, len(values))
		for i := range values {
			each[i] = values[i]
		}
		return sql.In(column, each...)
	}
	return sql.P(func(b *sql.Builder) { b.Ident(column).WriteString(" = ANY(").Arg(textsOf(values)).WriteByte(')') })
}

func textsOf[T any](values []T) []string {
	texts := make([]string, len(values))
	for i := range values {
		texts[i] = any(values[i]).(string) //nolint:forcetypeassert // as all ids that are referred to
	}
	return texts
}
