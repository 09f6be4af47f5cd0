package scalars_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
	"tallystick/resolvers/scalars"
)

const most = 1<<53 - 1

// reads asserts what a scalar makes of a value; a nil want is a refusal.
func reads[T comparable](t *testing.T, unmarshal func(any) (T, error), in, want any) {
	t.Helper()
	got, err := unmarshal(in)
	switch {
	case want == nil && !billing.IsCode(err, billing.CodeInvalidInput):
		t.Errorf("%T %.40v: %v, %v; want a refusal", in, in, got, err)
	case want != nil && (err != nil || any(got) != want):
		t.Errorf("%T %.40v: %v, %v; want %v", in, in, got, err, want)
	case err != nil && len(err.Error()) > 200:
		t.Errorf("%.20v: a message of %d bytes", in, len(err.Error()))
	}
}

func TestInt64(t *testing.T) {
	for _, c := range []struct{ in, want any }{
		{0, int64(0)},
		{int64(most), int64(most)},
		{int64(-most), int64(-most)},
		{int32(7), int64(7)},
		{float64(7), int64(7)},
		{json.Number("9007199254740991"), int64(most)},
		{"9007199254740991", int64(most)},
		{"-9007199254740991", int64(-most)},
		{"0", int64(0)},
		{int64(most + 1), nil},
		{int64(-most - 1), nil},
		{"9007199254740992", nil},
		{json.Number("-9007199254740992"), nil},
		{1.5, nil},
		{float64(1 << 53), nil},
		{math.NaN(), nil},
		{math.Inf(1), nil},
		{json.Number("1.5"), nil},
		{"", nil},
		{" 1", nil},
		{"1 ", nil},
		{"1e3", nil},
		{"0x10", nil},
		{"1_000", nil},
		{"1.0", nil},
		{strings.Repeat("9", 10_000), nil},
		{true, nil},
		{[]any{1}, nil},
		{map[string]any{}, nil},
	} {
		reads(t, scalars.UnmarshalInt64, c.in, c.want)
	}
	testkit.Equal(t, "the greatest Int64", written(scalars.MarshalInt64(most)), "9007199254740991")
}

func TestInt(t *testing.T) {
	for _, c := range []struct{ in, want any }{
		{0, 0},
		{int64(math.MaxInt32), math.MaxInt32},
		{int64(math.MinInt32), math.MinInt32},
		{json.Number("25"), 25},
		{float64(3), 3},
		{int64(math.MaxInt32 + 1), nil},
		{int64(math.MinInt32 - 1), nil},
		{json.Number("2147483648"), nil},
		{"1", nil},
		{1.5, nil},
		{false, nil},
		{float64(1 << 40), nil},
	} {
		reads(t, scalars.UnmarshalInt, c.in, c.want)
	}
}

func TestDateTime(t *testing.T) {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct{ in, want any }{
		{"2026-01-02T03:04:05Z", moment},
		{"2026-01-02T05:04:05+02:00", moment},
		{"2026-01-02T03:04:05.123456789Z", moment.Add(123456789)},
		{"2026-01-02", nil},
		{"2026-01-02 03:04:05", nil},
		{"2026-01-02T03:04:05", nil},
		{"2026-02-30T00:00:00Z", nil},
		{"", nil},
		{"now", nil},
		{int64(1767323045), nil},
		{nil, nil},
	} {
		reads(t, scalars.UnmarshalDateTime, c.in, c.want)
	}
	testkit.Equal(t, "a DateTime in another zone", written(scalars.MarshalDateTime(moment.In(time.FixedZone("", 3600)))), `"2026-01-02T03:04:05Z"`)
	testkit.Equal(t, "a DateTime with microseconds", written(scalars.MarshalDateTime(moment.Add(678*time.Microsecond))), `"2026-01-02T03:04:05.000678Z"`)
}

func TestCurrencyCode(t *testing.T) {
	for _, c := range []struct{ in, want any }{{"usd", "usd"}, {"XXX", "XXX"}, {"", ""}, {1, nil}, {nil, nil}, {[]any{"USD"}, nil}} {
		reads(t, scalars.UnmarshalCurrencyCode, c.in, c.want)
	}
	testkit.Equal(t, "a CurrencyCode", written(scalars.MarshalCurrencyCode("USD")), `"USD"`)
}

func TestMetadata(t *testing.T) {
	got, err := scalars.UnmarshalMetadata(t.Context(), map[string]any{"a": "1", "": "é"})
	if err != nil || len(got) != 2 || got["a"] != "1" || got[""] != "é" {
		t.Errorf("%v, %v", got, err)
	}
	for _, in := range []any{
		map[string]any{"a": 1},
		map[string]any{"a": nil},
		map[string]any{"a": true},
		map[string]any{"a": []any{"1"}},
		map[string]any{"a": map[string]any{}},
		"a", 1,
		[]any{},
		nil,
		map[string]any{strings.Repeat("k", 10_000): 1},
	} {
		_, err := scalars.UnmarshalMetadata(t.Context(), in)
		if !billing.IsCode(err, billing.CodeInvalidInput) || len(err.Error()) > 200 {
			t.Errorf("%.40v: %.300v", in, err)
		}
	}
	testkit.Equal(t, "no Metadata", writtenIn(t.Context(), scalars.MarshalMetadata(nil)), "{}")
	testkit.Equal(t, "Metadata, by key", writtenIn(t.Context(), scalars.MarshalMetadata(map[string]string{"b": `"`, "a": "1"})), `{"a":"1","b":"\""}`)
}

// A budget that is used up leaves the rest out, and says so.
func TestBudget(t *testing.T) {
	ctx, budget := scalars.WithBudget(t.Context(), 30)
	testkit.Equal(t, "within the budget", writtenIn(ctx, scalars.MarshalMetadata(map[string]string{"key": "value"})), `{"key":"value"}`)
	if budget.Exceeded() {
		t.Error("it is exceeded too early")
	}
	testkit.Equal(t, "beyond the budget", writtenIn(ctx, scalars.MarshalMetadata(map[string]string{"key": "value"})), "null")
	if !budget.Exceeded() {
		t.Error("it is not exceeded")
	}
}

// Cursors are decoded strictly: none that this API has not given out gets to a
// decoder that would allocate what it claims to hold.
func FuzzCursor(f *testing.F) {
	for _, value := range []ent.Cursor{
		{ID: billing.NewID(billing.CustomerPrefix)},
		{ID: billing.NewID(billing.CustomerPrefix), Value: "ada@example.com"},
		{ID: billing.NewID(billing.CustomerPrefix), Value: time.Now()},
		{ID: billing.NewID(billing.CustomerPrefix), Value: strings.Repeat("long", 60)},
		{ID: billing.NewID(billing.CustomerPrefix), Value: int64(1) << 40},
	} {
		var b strings.Builder
		value.MarshalGQL(&b)
		f.Add(strings.Trim(b.String(), `"`))
	}
	f.Add(base64.RawStdEncoding.EncodeToString([]byte("\x82\xa1i\xa3abc\xa1v\xdd\x7f\xff\xff\xff")))
	f.Add(base64.RawStdEncoding.EncodeToString([]byte("\xdf\x7f\xff\xff\xff")))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := scalars.UnmarshalCursor(text)
		if err != nil {
			return
		}
		if _, err := billing.ParseID(c.ID); err != nil {
			t.Errorf("%q names %q", text, c.ID)
		}
	})
}

func TestCursorsGivenOutAreRead(t *testing.T) {
	for _, value := range []any{nil, "ada@example.com", strings.Repeat("é", 200), time.Unix(1700000000, 123456000).UTC(), int64(-7), true} {
		out := ent.Cursor{ID: billing.NewID(billing.CustomerPrefix), Value: value}
		var b strings.Builder
		out.MarshalGQL(&b)
		in, err := scalars.UnmarshalCursor(strings.Trim(b.String(), `"`))
		if err != nil || in.ID != out.ID {
			t.Errorf("%v: %v, %v", value, in, err)
		}
	}
	if _, err := scalars.UnmarshalCursor(strings.Repeat("gqFp", 1000)); !billing.IsCode(err, billing.CodeInvalidInput) {
		t.Errorf("a long one: %v", err)
	}
}

func TestCursor(t *testing.T) {
	for _, in := range []any{"", "x", "!!!", "gqFp", 7, nil, []any{}} {
		if _, err := scalars.UnmarshalCursor(in); !billing.IsCode(err, billing.CodeInvalidInput) {
			t.Errorf("%v: %v", in, err)
		}
	}
}

func writtenIn(ctx context.Context, m graphql.ContextMarshaler) string {
	var b strings.Builder
	if err := m.MarshalGQLContext(ctx, &b); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

func written(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return strings.TrimSpace(b.String())
}

// TestScalarsOfTheAPI asserts the same by way of a request, where a variable and
// a literal take different ways to the same scalar.
func TestScalarsOfTheAPI(t *testing.T) {
	k := testkit.New(t, "sqlite", testkit.Idle)
	type object = map[string]any
	send := func(t *testing.T, literal string, variable any) []testkit.Answer {
		t.Helper()
		const answer = ` { product { metadata defaultPrice { unitAmount { amount currency } } } userErrors { code path } }`
		return []testkit.Answer{
			k.Send(t, `mutation { createProduct(input: `+literal+`)`+answer+` }`),
			k.Send(t, `mutation($input: CreateProductInput!) { createProduct(input: $input)`+answer+` }`, object{"input": variable}),
		}
	}
	price := func(amount, currency any) object {
		return object{"name": "a", "price": object{"unitAmount": amount, "currency": currency}}
	}
	good := map[string]struct {
		literal  string
		variable any
	}{
		"a number": {`{name: "a", price: {unitAmount: 12345678, currency: "USD"}}`, price(12345678, "USD")},
		"a string": {`{name: "a", price: {unitAmount: "12345678", currency: "usd"}}`, price("12345678", "uSd")},
		"metadata of strings": {`{name: "a", metadata: {a: "1"}, price: {unitAmount: 12345678, currency: "USD"}}`, object{
			"name": "a", "metadata": object{"a": "1"}, "price": object{"unitAmount": 12345678, "currency": "USD"},
		}},
	}
	for name, c := range good {
		t.Run(name, func(t *testing.T) {
			for _, answer := range send(t, c.literal, c.variable) {
				amount := answer.At("data.createProduct.product.defaultPrice.unitAmount")
				if amount.Int("amount") != 12345678 || amount.String("currency") != "USD" {
					t.Error(answer.Raw())
				}
			}
		})
	}
	bad := map[string]struct {
		literal  string
		variable any
	}{
		"2^53":                {`{name: "a", price: {unitAmount: 9007199254740992, currency: "USD"}}`, price(json.Number("9007199254740992"), "USD")},
		"-2^53 as a string":   {`{name: "a", price: {unitAmount: "-9007199254740992", currency: "USD"}}`, price("-9007199254740992", "USD")},
		"more than 64 bits":   {`{name: "a", price: {unitAmount: 99999999999999999999, currency: "USD"}}`, price(json.Number("99999999999999999999"), "USD")},
		"a fraction":          {`{name: "a", price: {unitAmount: 1.5, currency: "USD"}}`, price(1.5, "USD")},
		"words":               {`{name: "a", price: {unitAmount: "ten", currency: "USD"}}`, price("ten", "USD")},
		"currency of numbers": {`{name: "a", price: {unitAmount: 1, currency: 840}}`, price(1, 840)},
		"metadata of numbers": {`{name: "a", metadata: {a: 1}}`, object{"name": "a", "metadata": object{"a": 1}}},
		"metadata of lists":   {`{name: "a", metadata: {a: ["1"]}}`, object{"name": "a", "metadata": object{"a": []string{"1"}}}},
		"metadata null":       {`{name: "a", metadata: {a: null}}`, object{"name": "a", "metadata": object{"a": nil}}},
		"metadata as a text":  {`{name: "a", metadata: "a"}`, object{"name": "a", "metadata": "a"}},
		"33 bits": {
			`{name: "a", price: {unitAmount: 1, currency: "USD", recurring: {interval: DAY, intervalCount: 2147483648}}}`,
			object{"name": "a", "price": object{"unitAmount": 1, "currency": "USD", "recurring": object{"interval": "DAY", "intervalCount": 2147483648}}},
		},
		"an Int as a text": {
			`{name: "a", price: {unitAmount: 1, currency: "USD", recurring: {interval: DAY, intervalCount: "1"}}}`,
			object{"name": "a", "price": object{"unitAmount": 1, "currency": "USD", "recurring": object{"interval": "DAY", "intervalCount": "1"}}},
		},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			for i, answer := range send(t, c.literal, c.variable) {
				if !answer.Has("errors.0") {
					t.Errorf("no error: %s", answer.Raw())
					continue
				}
				// The validator knows some literals to be wrong before any scalar sees them.
				code := answer.String("errors.0.extensions.code")
				if code != "BAD_USER_INPUT" && (i == 1 || code != "GRAPHQL_VALIDATION_FAILED") {
					t.Errorf("code %s: %s", code, answer.Raw())
				}
			}
		})
	}
	if n := len(k.Stripe.Requests(t)); n != 6 {
		t.Errorf("%d requests to Stripe, want one for each good one", n)
	}
}
