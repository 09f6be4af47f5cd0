package clock

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/state"
)

const (
	clockSetting = "clock_offset"
	// LongestAdvance keeps a typing error from living through centuries of renewals.
	LongestAdvance = 10 * 366 * billing.SecondsPerDay
)

// clock is the sandbox's time: the real one and how far it was advanced beyond that.
type clock struct {
	real   func() time.Time
	Offset atomic.Int64
}

// now is in Stripe's whole seconds.
func (c *clock) now() int64 { return c.real().Unix() + c.Offset.Load() }

// ReadOffset takes up the time where the sandbox was left.
func (c *clock) ReadOffset(t *state.Tx) error {
	text, err := t.Setting(clockSetting, "0")
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	c.Offset.Store(offset)
	return nil
}
