package billing

import (
	"testing"
	"time"
)

func TestPeriodEnd(t *testing.T) {
	for _, test := range []struct {
		anchor, after string
		interval      string
		count         int64
		want          string
	}{
		{"2024-01-31", "2024-01-31", "month", 1, "2024-02-29"},
		{"2024-01-31", "2024-02-29", "month", 1, "2024-03-31"}, // back to the 31st after the short month
		{"2024-01-31", "2024-02-15", "month", 3, "2024-04-30"},
		{"2024-11-30", "2024-11-30", "month", 3, "2025-02-28"},
		{"2024-02-29", "2024-02-29", "year", 1, "2025-02-28"},
		{"2024-02-29", "2025-02-28", "year", 3, "2027-02-28"},
		{"2024-01-31", "2024-01-31", "week", 2, "2024-02-14"},
		{"2024-01-31", "2024-02-05", "day", 3, "2024-02-06"},
	} {
		moment := func(day string) int64 {
			parsed, err := time.Parse(time.DateOnly, day)
			if err != nil {
				t.Fatal(err)
			}
			return parsed.Unix()
		}
		got := PeriodEnd(moment(test.anchor), moment(test.after), &Recurring{Interval: test.interval, IntervalCount: test.count})
		if got != moment(test.want) {
			t.Errorf("%+v: got %s", test, time.Unix(got, 0).UTC().Format(time.DateOnly))
		}
	}
}
