// Package scalars reads and writes the schema's scalars.
package scalars

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"entgo.io/contrib/entgql"
	"github.com/99designs/gqlgen/graphql"

	"tallystick/ent"
	"tallystick/internal/billing"
)

// maxInt64 is the largest integer that a JavaScript number holds exactly.
const maxInt64 = 1<<53 - 1

// MarshalInt64 writes a JSON number.
func MarshalInt64(n int64) graphql.Marshaler { return graphql.MarshalInt64(n) }

// UnmarshalInt64 reads a JSON number or a string of digits.
func UnmarshalInt64(v any) (int64, error) {
	n, err := integer("Int64", v)
	if err != nil {
		return 0, err
	}
	if n < -maxInt64 || n > maxInt64 {
		return 0, refuse("Int64 cannot represent %d: it is not within ±(2^53−1)", n)
	}
	return n, nil
}

// MarshalInt writes GraphQL's Int.
func MarshalInt(n int) graphql.Marshaler { return graphql.MarshalInt(n) }

// UnmarshalInt reads GraphQL's Int, which has 32 bits. A string is not one.
func UnmarshalInt(v any) (int, error) {
	if s, ok := v.(string); ok {
		return 0, refuse("Int cannot represent the string %q", short(s))
	}
	n, err := integer("Int", v)
	if err != nil {
		return 0, err
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		return 0, refuse("Int cannot represent %d: it has 32 bits", n)
	}
	return int(n), nil
}

func integer(scalar string, v any) (int64, error) {
	var digits string
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > maxInt64 {
			return 0, refuse("%s cannot represent %v", scalar, v)
		}
		return int64(v), nil
	case json.Number:
		digits = v.String()
	case string:
		digits = v
	default:
		return 0, refuse("%s cannot represent a value of the type %T", scalar, v)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, refuse("%s cannot represent %q", scalar, short(digits))
	}
	return n, nil
}

// MarshalDateTime writes RFC 3339 in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		io.WriteString(w, strconv.Quote(t.UTC().Format(time.RFC3339Nano))) //nolint:errcheck // gqlgen writes to memory
	})
}

// UnmarshalDateTime reads RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, refuse("DateTime cannot represent a value of the type %T", v)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, refuse("DateTime cannot represent %q: it is not RFC 3339", short(s))
	}
	return t.UTC(), nil
}

// MarshalCurrencyCode writes the code as it is kept, in upper case.
func MarshalCurrencyCode(code string) graphql.Marshaler { return graphql.MarshalString(code) }

// UnmarshalCurrencyCode reads a string. Whether it is a currency is for the
// mutation to say, as a user error.
func UnmarshalCurrencyCode(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", refuse("CurrencyCode cannot represent a value of the type %T", v)
	}
	return s, nil
}

// UnmarshalMetadata reads an object whose values are strings.
func UnmarshalMetadata(_ context.Context, v any) (map[string]string, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, refuse("Metadata cannot represent a value of the type %T", v)
	}
	m := make(map[string]string, len(object))
	for key, value := range object {
		s, ok := value.(string)
		if !ok {
			return nil, refuse("Metadata cannot represent the value of %q: it is not a string", short(key))
		}
		m[key] = s
	}
	return m, nil
}

// MarshalCursor writes a cursor.
func MarshalCursor(c ent.Cursor) graphql.Marshaler { return c }

// Cursors reads both ends of a page; nil where it has none.
func Cursors(after, before *string) (from, to *ent.Cursor, err error) {
	if from, err = cursorOf(after); err != nil {
		return nil, nil, err
	}
	to, err = cursorOf(before)
	return from, to, err
}

func cursorOf(text *string) (*ent.Cursor, error) {
	if text == nil {
		return nil, nil
	}
	c, err := UnmarshalCursor(*text)
	return &c, err
}

// UnmarshalCursor reads a cursor that this API has given out.
func UnmarshalCursor(v any) (ent.Cursor, error) {
	var c ent.Cursor
	s, ok := v.(string)
	if !ok || !wellFormedCursor(s) || c.UnmarshalGQL(s) != nil {
		return c, refuse("Cursor cannot represent a value that this API has not given out")
	}
	if _, err := billing.ParseID(c.ID); err != nil {
		return c, refuse("Cursor cannot represent a value that this API has not given out")
	}
	return c, nil
}

// MarshalOrderDirection writes an order's direction.
func MarshalOrderDirection(d entgql.OrderDirection) graphql.Marshaler { return d }

// UnmarshalOrderDirection reads an order's direction; null is the default, as for
// every input field that has one.
func UnmarshalOrderDirection(v any) (d entgql.OrderDirection, err error) {
	if v == nil {
		return entgql.OrderDirectionAsc, nil
	}
	err = d.UnmarshalGQL(v)
	return d, err
}

// refuse makes the error of a value that a scalar cannot represent.
func refuse(format string, args ...any) error {
	return billing.Errorf(billing.CodeInvalidInput, format, args...)
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
