package ent

import (
	"context"
	"fmt"
	"slices"

	"entgo.io/contrib/entgql"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/99designs/gqlgen/graphql"

	"tallystick/ent/customer"
	"tallystick/ent/price"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
)

// Subscriptions without a period stand together at one end of a list that is ordered by
// it: that of the largest values on PostgreSQL and that of the smallest on SQLite, as
// in every order of theirs.
func init() { //nolint:gochecknoinits // the generated order field has no other place to be changed
	SubscriptionOrderFieldCurrentPeriodEnd.toTerm = func(options ...sql.OrderTermOption) subscription.OrderOption {
		return func(s *sql.Selector) {
			if sql.NewOrderTermOptions(options...).Desc {
				s.OrderBy(sql.Desc(periodEnd(s)))
			} else {
				s.OrderBy(sql.Asc(periodEnd(s)))
			}
		}
	}
}

// noPeriod is what stands for no period, by the dialect.
func noPeriod(s *sql.Selector) string {
	if s.Dialect() == dialect.SQLite {
		return ""
	}
	return "infinity"
}

// periodEnd is the expression that an index of subscriptions has, and that is never
// null: with a condition of null, a page deep in the list would read all before it.
func periodEnd(s *sql.Selector) string {
	return "coalesce(" + s.C(subscription.FieldCurrentPeriodEnd) + ", '" + noPeriod(s) + "')"
}

// pageLimit is how many rows are read for a page: one more than it has where is asked
// whether there are more.
func pageLimit(first, last *int, more bool) int {
	limit := paginateLimit(first, last)
	if limit > 0 && !more {
		limit--
	}
	return limit
}

// texts are the columns that lists are ordered by and that may be empty.
var texts = []string{customer.FieldEmail, customer.FieldName}

// cursorsPredicate selects the rows between the cursors. It differs from
// [entgql.CursorsPredicate] in two ways: it loses none whose value is null or empty,
// which a cursor leaves out, and both cursors mean the same from either end of a list.
func cursorsPredicate(reverse bool, after, before *Cursor, idField, field string, direction OrderDirection) []func(*sql.Selector) {
	if reverse { // the direction in which the rows are read, and not that of the list
		direction = direction.Reverse()
	}
	switch {
	case field == subscription.FieldCurrentPeriodEnd:
		return []func(*sql.Selector){beyondPeriod(after, direction), beyondPeriod(before, direction.Reverse())}
	case slices.Contains(texts, field):
		after, before = withText(after), withText(before)
	}
	return append(
		entgql.CursorsPredicate(after, nil, idField, field, direction),
		entgql.CursorsPredicate(nil, before, idField, field, direction.Reverse())...)
}

// withText is a cursor with the empty text where it has no value.
func withText(cursor *Cursor) *Cursor {
	if cursor == nil || cursor.Value != nil {
		return cursor
	}
	return &Cursor{ID: cursor.ID, Value: ""}
}

func beyondPeriod(cursor *Cursor, direction OrderDirection) func(*sql.Selector) {
	return func(s *sql.Selector) {
		if cursor == nil {
			return
		}
		beyond, value := sql.CompositeLT, cursor.Value
		if direction == entgql.OrderDirectionAsc {
			beyond = sql.CompositeGT
		}
		if value == nil {
			value = noPeriod(s)
		}
		s.Where(beyond([]string{periodEnd(s), s.C(subscription.FieldID)}, value, cursor.ID))
	}
}

// withPriceFilter filters a product's prices by what a field says in its argument
// "filter". The field's arguments are read as the document has them, since prices are
// loaded before the field is answered.
func withPriceFilter(ctx context.Context, field *graphql.CollectedField) PricePaginateOption {
	return func(pager *pricePager) error {
		if field == nil || field.Arguments.ForName("filter") == nil {
			return nil
		}
		filter, _ := field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)["filter"].(map[string]any)
		if filter["status"] == nil {
			return nil
		}
		var statuses []billing.PriceStatus
		for _, value := range graphql.CoerceList(filter["status"]) {
			status, ok := value.(string)
			if !ok {
				return fmt.Errorf("%v is no status of a price", value)
			}
			statuses = append(statuses, billing.PriceStatus(status))
		}
		pager.filter = func(query *PriceQuery) (*PriceQuery, error) {
			return query.Where(price.StatusIn(statuses...)), nil
		}
		return nil
	}
}
