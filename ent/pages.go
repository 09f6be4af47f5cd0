package ent

import (
	"database/sql/driver"
	"encoding/json"
	"errors"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// firstOfEach bounds a query to the first rows of each parent, to which they refer by a
// column: the last three invoices of each of fifty customers. The database looks for
// those of one parent after the other, so that it costs the same however many rows a
// parent has.
type firstOfEach struct {
	limit   int
	parents []string // their ids
}

// parentsTable is what the parents of rows are called in a statement.
const parentsTable = "parents"

// of selects the rows that refer to parents by a column.
func (f *firstOfEach) of(s *sql.Selector, column string, parents []driver.Value) *sql.Predicate {
	if f == nil {
		return among(s, column, parents)
	}
	f.parents = textsOf(parents)
	return sql.P(func(b *sql.Builder) {
		b.Ident(column).WriteString(" = ").Ident(parentsTable).WriteByte('.').Ident("value")
	})
}

// applyTo has a statement return the first rows of each parent, in its order.
func (f *firstOfEach) applyTo(s *sql.Selector) {
	if f.parents == nil {
		s.AddError(errors.New("the first rows of each parent are asked for, but not of which parents"))
		return
	}
	s.SetDistinct(false)
	each := s.Clone().Limit(f.limit)
	table, build := s.TableName(), sql.Dialect(s.Dialect())
	rows := build.Select(s.Columns(s.UnqualifiedColumns()...)...)
	if s.Dialect() == dialect.Postgres {
		rows.FromExpr(sql.ExprFunc(func(b *sql.Builder) {
			b.WriteString("unnest(").Arg(f.parents).WriteString("::text[]) AS ").Ident(parentsTable).WriteByte('(').Ident("value").WriteByte(')')
		})).AppendFromExpr(sql.ExprFunc(func(b *sql.Builder) {
			b.WriteString("LATERAL ").Wrap(func(b *sql.Builder) { b.Join(each) }).WriteString(" AS ").Ident(table)
		})).Offset(0) // what is joined to it is not to be joined to the rows of each parent
	} else {
		rows.FromExpr(sql.ExprFunc(func(b *sql.Builder) {
			b.WriteString("json_each(").Arg(asJSON(f.parents)).WriteString(") AS ").Ident(parentsTable)
		})).AppendFromExpr(sql.ExprFunc(func(b *sql.Builder) { b.Ident(table) })).
			Where(sql.In(build.Table(table).C(idColumn), each.Select(build.Table(table).C(idColumn))))
	}
	s.From(rows.As(table)).As(table).SetP(nil)
}

// idColumn is the column of ids, in each table.
const idColumn = "id"

func asJSON(texts []string) string {
	b, err := json.Marshal(texts)
	if err != nil {
		panic(err) // texts always have a form
	}
	return string(b)
}

// pageFirst has a statement that returns a page find its rows before others are joined
// to them. Otherwise, the database might join all rows. What is joined is one row for each,
// so that the statement's own limit changes nothing any more.
func pageFirst(s *sql.Selector) {
	page := s.Clone()
	s.From(page.As(s.TableName())).SetP(nil)
}
