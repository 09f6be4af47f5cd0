package scalars_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/internal/billing"
	"tallystick/resolvers/scalars"
)

// FuzzScalars gives every scalar whatever JSON there is. What one accepts, it can write
// again and read as the same; the rest is refused as bad input.
func FuzzScalars(f *testing.F) {
	for _, seed := range []string{
		`1`, `-9007199254740991`, `9007199254740992`, `"12"`, `1e3`, `1.5`, `"2026-11-26T10:00:00Z"`, `"2026-11-26T10:00:00.123456789+14:00"`,
		`"usd"`, `"USDX"`, `{"a":"b"}`, `{"a":1}`, `{"":"x"}`, `{}`, `null`, `[]`, `true`, `"\u0000"`, `{"a":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var value any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&value) != nil {
			return
		}
		again(t, value, scalars.UnmarshalInt64, scalars.MarshalInt64)
		again(t, value, scalars.UnmarshalInt, scalars.MarshalInt)
		again(t, value, scalars.UnmarshalCurrencyCode, scalars.MarshalCurrencyCode)
		at, err := scalars.UnmarshalDateTime(value)
		refusedOr(t, value, err, func() {
			var b strings.Builder
			scalars.MarshalDateTime(at).MarshalGQL(&b)
			back, err := time.Parse(`"`+time.RFC3339Nano+`"`, b.String())
			if err != nil || !back.Equal(at) {
				t.Errorf("%v became %v, written as %s: %v", value, at, &b, err)
			}
		})
		metadata, err := scalars.UnmarshalMetadata(context.Background(), value)
		refusedOr(t, value, err, func() {
			if err := billing.CheckMetadata(metadata); err != nil && !billing.IsCode(err, billing.CodeInvalidInput) {
				t.Errorf("%v: %v", value, err)
			}
		})
	})
}

// refusedOr checks that a value was refused as bad input, or something of it.
func refusedOr(t *testing.T, value any, err error, holds func()) {
	t.Helper()
	if err == nil {
		holds()
		return
	}
	if !billing.IsCode(err, billing.CodeInvalidInput) {
		t.Errorf("%v is refused with %v", value, err)
	}
}

func again[T comparable](t *testing.T, value any, read func(any) (T, error), write func(T) graphql.Marshaler) {
	t.Helper()
	first, err := read(value)
	refusedOr(t, value, err, func() {
		var b strings.Builder
		write(first).MarshalGQL(&b)
		var written any
		decoder := json.NewDecoder(strings.NewReader(b.String()))
		decoder.UseNumber()
		if err := decoder.Decode(&written); err != nil {
			t.Fatalf("%v is written as %s: %v", value, &b, err)
		}
		if second, err := read(written); err != nil || second != first {
			t.Errorf("%v became %v, and %v after that: %v", value, first, second, err)
		}
	})
}
