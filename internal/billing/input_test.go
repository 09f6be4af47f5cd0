package billing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tallystick/internal/billing"
)

// invalid asserts that a value is refused, as INVALID_INPUT.
func invalid(t *testing.T, what string, err error) {
	t.Helper()
	if !billing.IsCode(err, billing.CodeInvalidInput) {
		t.Errorf("%.60q: %v, want INVALID_INPUT", what, err)
	}
}

func valid(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%.60q: %v", what, err)
	}
}

func TestParseCurrency(t *testing.T) {
	for in, want := range map[string]string{
		"USD": "USD", "usd": "USD", "eUr": "EUR", "jpy": "JPY", "KWD": "KWD", "isk": "ISK", "ugx": "UGX", "ZMW": "ZMW", "aed": "AED",
	} {
		if got, err := billing.ParseCurrency(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "US", "USDD", " USD", "XXX", "BTC", "uſd", "ınr", "€", strings.Repeat("USD", 10_000)} {
		_, err := billing.ParseCurrency(in)
		invalid(t, in, err)
		if len(err.Error()) > 200 {
			t.Errorf("%.20q: a message of %d bytes", in, len(err.Error()))
		}
	}
}

func TestCheckUnitAmount(t *testing.T) {
	for currency, amounts := range map[string]struct{ good, bad []int64 }{
		"USD": {[]int64{1, 50, 99_999_999}, []int64{0, -1, 100_000_000, -9_007_199_254_740_991, 9_223_372_036_854_775_807}},
		"JPY": {[]int64{1, 7, 9_999_999_999}, []int64{0, -1, 10_000_000_000}},
		"IDR": {[]int64{150_000_000, 999_999_999_999}, []int64{0, 1_000_000_000_000}},
		"BHD": {[]int64{10, 5120}, []int64{1, 5124}},
		"JOD": {[]int64{10}, []int64{11}},
		"KWD": {[]int64{10, 99_999_990}, []int64{0, 9, 99_999_999}},
		"OMR": {[]int64{10}, []int64{15}},
		"TND": {[]int64{10}, []int64{19}},
		"ISK": {[]int64{100, 99_999_900}, []int64{0, 1, 50, 110}},
		"UGX": {[]int64{100}, []int64{10, 199}},
		"KRW": {[]int64{1, 123}, []int64{0}},
	} {
		for _, amount := range amounts.good {
			valid(t, fmt.Sprint(amount, currency), billing.CheckUnitAmount(billing.Money{Amount: amount, Currency: currency}))
		}
		for _, amount := range amounts.bad {
			invalid(t, fmt.Sprint(amount, currency), billing.CheckUnitAmount(billing.Money{Amount: amount, Currency: currency}))
		}
	}
}

func TestCheckRecurring(t *testing.T) {
	for interval, most := range map[billing.BillingInterval]int{"DAY": 1095, "WEEK": 156, "MONTH": 36, "YEAR": 3} {
		for _, count := range []int{1, 2, most} {
			valid(t, fmt.Sprint(count, interval), billing.CheckRecurring(billing.Recurring{Interval: interval, IntervalCount: count}))
		}
		for _, count := range []int{0, -1, most + 1, 1 << 31} {
			invalid(t, fmt.Sprint(count, interval), billing.CheckRecurring(billing.Recurring{Interval: interval, IntervalCount: count}))
		}
	}
	invalid(t, "no interval", billing.CheckRecurring(billing.Recurring{IntervalCount: 1}))
}

func TestPriceTermsEqual(t *testing.T) {
	monthly := func() *billing.Recurring {
		return &billing.Recurring{Interval: billing.IntervalMonth, IntervalCount: 1}
	}
	nickname := "n"
	terms := billing.PriceTerms{UnitAmount: 1, Currency: "USD", Recurring: monthly(), Nickname: &nickname}
	same := terms
	same.Recurring = monthly()
	if !terms.Equal(same) {
		t.Error("equal terms are not equal")
	}
	for name, change := range map[string]func(*billing.PriceTerms){
		"amount":   func(u *billing.PriceTerms) { u.UnitAmount = 2 },
		"currency": func(u *billing.PriceTerms) { u.Currency = "EUR" },
		"nickname": func(u *billing.PriceTerms) { u.Nickname = nil },
		"once":     func(u *billing.PriceTerms) { u.Recurring = nil },
		"period": func(u *billing.PriceTerms) {
			u.Recurring = &billing.Recurring{Interval: billing.IntervalYear, IntervalCount: 1}
		},
		"count": func(u *billing.PriceTerms) {
			u.Recurring = &billing.Recurring{Interval: billing.IntervalMonth, IntervalCount: 2}
		},
	} {
		other := terms
		if change(&other); terms.Equal(other) || other.Equal(terms) {
			t.Errorf("terms of another %s are equal", name)
		}
	}
}

func TestCheckEmail(t *testing.T) {
	for _, email := range []string{
		"a@b.co", "Ada.Lovelace@Example.COM", "a+b@example.com", "a-b_c@sub.example.com", "o'hara@example.com", "1@2.de",
		"a@xn--mller-kva.de", "a@b-c.example", strings.Repeat("a", 64) + "@example.com", "!#$%&*/=?^`{|}~@example.com",
		strings.Repeat("a", billing.MaxEmail-5) + "@b.co",
	} {
		valid(t, email, billing.CheckEmail(email))
	}
	for _, email := range []string{
		"", " ", "a", "@", "a@", "@b.co", "a@b", "a@b@c.de", "a b@c.de", "a@b .co", " a@b.co", "a@b.co ", "a@b.co\n", "a\x00@b.co",
		"a@b.co\t", "a\x7f@b.co", ".a@b.co", "a.@b.co", "a..b@c.de", "a@.b.co", "a@b.co.", "a@b..co", "a@-b.co", "a@b-.co", "a@b!.co",
		"a@b_c.de", "a@b.co,c@d.de", "Name <a@b.co>", "<a@b.co>", "a@b.co (comment)", `"a b"@c.de`, `"a"@b.co`, "a@[127.0.0.1]",
		"a@[IPv6:::1]", "ä@b.co", "a@münchen.de", "a@例え.jp", "a\u200b@b.co", "a@b\u2024co", "mailto:a@b.co", "a@b.co?x=y", "a\\@b.co",
		strings.Repeat("a", billing.MaxEmail-4) + "@b.co", strings.Repeat("a", 10_000) + "@b.co",
	} {
		invalid(t, email, billing.CheckEmail(email))
	}
}

func TestCheckText(t *testing.T) {
	for _, s := range []string{"a", " a ", "名前", strings.Repeat("é", 10), "a\nb"} {
		valid(t, s, billing.CheckText("name", s, 10))
	}
	for _, s := range []string{"", " ", "\t\n", "\u00a0", "12345678901", strings.Repeat("é", 11), "a\x00", "a\xff"} {
		invalid(t, s, billing.CheckText("name", s, 10))
	}
	valid(t, "", billing.CheckOptionalText("name", "", 10))
	invalid(t, "long", billing.CheckOptionalText("name", strings.Repeat("n", 11), 10))
}

func TestCheckMetadata(t *testing.T) {
	many := map[string]string{}
	for i := range billing.MaxMetadataKeys {
		many[fmt.Sprint(i)] = ""
	}
	for name, metadata := range map[string]map[string]string{
		"none": nil, "47 keys": many, "longest": {strings.Repeat("é", 40): strings.Repeat("é", 500)}, "removed": {"k": ""}, "near": {"tallystick": "v"},
	} {
		valid(t, name, billing.CheckMetadata(metadata))
	}
	tooMany := map[string]string{"one more": ""}
	for k := range many {
		tooMany[k] = ""
	}
	for name, metadata := range map[string]map[string]string{
		"49 keys": tooMany, "empty key": {"": "v"}, "long key": {strings.Repeat("k", 41): "v"}, "long value": {"k": strings.Repeat("v", 501)},
		"ours": {"tallystick_id": "v"}, "opening": {"a[b": "v"}, "closing": {"a]b": "v"}, "NUL key": {"a\x00": "v"}, "NUL value": {"a": "\x00"},
		"broken key": {"\xff": "v"}, "broken value": {"k": "\xff"},
	} {
		invalid(t, name, billing.CheckMetadata(metadata))
	}
}

func TestMergeMetadata(t *testing.T) {
	old := map[string]string{"a": "1", "b": "2"}
	got := billing.MergeMetadata(old, map[string]string{"a": "", "b": "3", "c": "4", "d": ""})
	if fmt.Sprint(got) != "map[b:3 c:4]" {
		t.Errorf("merged: %v", got)
	}
	if fmt.Sprint(old) != "map[a:1 b:2]" {
		t.Errorf("the old ones have changed: %v", old)
	}
	if got := billing.MergeMetadata(nil, nil); got == nil || len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestIDs(t *testing.T) {
	last := ""
	for range 1000 {
		id := billing.NewID(billing.PricePrefix)
		prefix, err := billing.ParseID(id)
		if prefix != billing.PricePrefix || err != nil {
			t.Fatalf("%s: %s, %v", id, prefix, err)
		}
		if id <= last {
			t.Errorf("%s was made after %s", id, last)
		}
		last = id
	}

	good := billing.NewID(billing.CustomerPrefix)
	for _, id := range []string{
		"", "_", "cst", "cst_", good[:len(good)-1], good + "0", strings.ToUpper(good), "cus_" + good[4:], "CST_" + good[4:],
		"cst-" + good[4:], " " + good, good + "\n", "cst_" + strings.Repeat("u", 26), "cst_" + strings.Repeat("é", 13), "cus_NffrFeUfNV2Hib",
		billing.NewID(billing.IdempotencyKeyPrefix), strings.Repeat("x", 100_000), good[:10] + "\x00" + good[11:],
		good[:10] + "\n" + good[11:], good[:10] + "\r\n" + good[12:],
	} {
		_, err := billing.ParseID(id)
		invalid(t, id, err)
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%.20q: a message of %d bytes", id, len(err.Error()))
		}
	}
	for _, of := range []string{"acct", "cus", "prod", "price", "sub", "in", "pi", "evt", "si", "pm", "req"} {
		if _, err := billing.ParseID(of + good[3:]); err == nil {
			t.Errorf("%s is a prefix of Stripe's and of ours", of)
		}
	}
}

func TestHealth(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	for name, c := range map[string]struct {
		health billing.Health
		want   billing.HealthStatus
	}{
		"well":            {billing.Health{Stripe: billing.StripeOK}, billing.HealthOK},
		"sandbox":         {billing.Health{Stripe: billing.StripeSandbox}, billing.HealthOK},
		"unreachable":     {billing.Health{Stripe: billing.StripeUnreachable}, billing.HealthDegraded},
		"invalid key":     {billing.Health{Stripe: billing.StripeInvalidKey}, billing.HealthDegraded},
		"rate limited":    {billing.Health{Stripe: billing.StripeRateLimited}, billing.HealthDegraded},
		"needs attention": {billing.Health{Stripe: billing.StripeOK, NeedsAttention: 1}, billing.HealthDegraded},
		"waits":           {billing.Health{Stripe: billing.StripeOK, PendingOperations: 1, OldestPendingAt: ago(5 * time.Minute)}, billing.HealthOK},
		"waits too long":  {billing.Health{Stripe: billing.StripeOK, OldestPendingAt: ago(5*time.Minute + 1)}, billing.HealthDegraded},
	} {
		c.health.At = now
		if got := c.health.Status(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
