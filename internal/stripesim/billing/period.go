// Package billing has the rules that only calculate: periods, what a quantity costs,
// prorations, dunning, currencies.
package billing

import (
	"time"
)

// SecondsPerDay is a day, in the unit of Stripe's times.
const SecondsPerDay = int64(24 * 60 * 60)

// PeriodEnd is the first billing date after a moment. Billing dates are whole intervals
// away from the anchor, so that a subscription of the 31st comes back to the 31st after
// a shorter month.
func PeriodEnd(anchor, after int64, terms *Recurring) int64 {
	for n := int64(1); ; n++ {
		if end := AddIntervals(time.Unix(anchor, 0).UTC(), terms.Interval, int(n*terms.IntervalCount)).Unix(); end > after {
			return end
		}
	}
}

// AddIntervals moves by n intervals: day, week, month or year.
func AddIntervals(from time.Time, interval string, n int) time.Time {
	switch interval {
	case "day":
		return from.AddDate(0, 0, n)
	case "week":
		return from.AddDate(0, 0, 7*n)
	case "year":
		return addMonths(from, 12*n)
	default:
		return addMonths(from, n)
	}
}

// addMonths moves to the same day of a later month, or to its last day when it is too short.
func addMonths(from time.Time, n int) time.Time {
	first := time.Date(from.Year(), from.Month()+time.Month(n), 1, from.Hour(), from.Minute(), from.Second(), 0, time.UTC)
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(from.Day(), lastDay)-1)
}

// Recurring says how often a price is billed, and for what.
type Recurring struct {
	AggregateUsage  *string `json:"aggregate_usage"`
	Interval        string  `json:"interval"`
	IntervalCount   int64   `json:"interval_count"`
	TrialPeriodDays *int64  `json:"trial_period_days"`
	UsageType       string  `json:"usage_type"`
}
