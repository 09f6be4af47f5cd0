package backoff_test

import (
	"testing"
	"time"

	"tallystick/internal/backoff"
)

func TestDelay(t *testing.T) {
	for tries, middle := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: time.Minute, 1000: time.Minute,
	} {
		for range 100 {
			d := backoff.Delay(time.Second, time.Minute, tries)
			if d < middle*8/10 || d > middle*12/10 {
				t.Errorf("after %d tries the delay is %s, want %s give or take a fifth", tries, d, middle)
			}
		}
	}
}
