// Package backoff says how long to wait before the next try.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Delay doubles from a first delay with each try that was made, up to a most.
func Delay(first, most time.Duration, tries int) time.Duration {
	d := first
	for range tries {
		if d *= 2; d >= most {
			return Spread(most)
		}
	}
	return Spread(d)
}

// Spread spreads a delay over ±20 %, so that what failed together does not come
// back together.
func Spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // no secret
}
