package httpapi

import (
	"testing"
	"time"
)

func TestSpending(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	s := newSpending(Limits{}.withDefaults(), func() time.Time { return now })
	a := Allowance{Principal: "a", CostPerSecond: 100, Complexity: 1000}
	charge := func(what string, cost, retryAfter int) {
		t.Helper()
		got := 0
		if err := s.charge(a, cost); err != nil {
			got, _ = err.Extensions[retryAfterExtension].(int)
		}
		if got != retryAfter {
			t.Errorf("%s: retry after %d, want %d", what, got, retryAfter)
		}
	}
	charge("the dearest operation, at once", 1000, 0)
	charge("one more", 1, 1)
	now = now.Add(1500 * time.Millisecond)
	charge("what is not saved yet", 1000, 9)
	charge("what is", 150, 0)
	now = now.Add(time.Hour)
	charge("no more is saved than one operation costs", 1000, 0)
	charge("or two", 1000, 10)

	rich := Allowance{Principal: "rich", CostPerSecond: 50_000}
	for range 5 {
		if err := s.charge(rich, 10_000); err != nil {
			t.Errorf("five of the dearest in one second: %v", err)
		}
	}
}
