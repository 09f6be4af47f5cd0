package subscription

import (
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// advanceTestClock sets a clock going. It is under way until everything up to the new
// time has happened.
func advanceTestClock(c *state.Request) (any, error) {
	target := c.Params.Integer("frozen_time")
	if target == nil {
		c.Params.Missing("frozen_time")
	}
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	moved, err := customer.NamedClock(c)
	if err != nil {
		return nil, err
	}
	limit, err := farthest(c.Tx, moved)
	switch {
	case err != nil:
		return nil, err
	case moved.Status != customer.ClockReady:
		return nil, apierror.Invalid("", "This test clock is currently advancing. Wait until its status is ready.")
	case *target <= moved.FrozenTime:
		return nil, apierror.Invalid("frozen_time", "A test clock can only be advanced forward: it is at %d.", moved.FrozenTime)
	case *target > limit:
		return nil, apierror.Invalid("frozen_time", "A test clock can be advanced by two intervals of its shortest subscription at most: until %d.", limit)
	}
	moved.Status, moved.Private.Target = customer.ClockAdvancing, *target
	return moved, c.Update(moved, "test_helpers.test_clock.advancing")
}

// farthest is the latest time that a clock can be advanced to: two intervals of the
// shortest subscription, or two years without one.
func farthest(t *state.Tx, moved *customer.TestClock) (int64, error) {
	from := time.Unix(moved.FrozenTime, 0).UTC()
	limit := billing.AddIntervals(from, "year", 2).Unix()
	subs, err := state.FindAll[Subscription](t, "subscription", state.Equal("test_clock", moved.ID))
	if err != nil {
		return 0, err
	}
	for _, sub := range subs {
		if sub.Ended() {
			continue
		}
		terms, err := catalog.PriceByID(t, sub.Items.Data[0].Price)
		if err != nil {
			return 0, err
		}
		limit = min(limit, billing.AddIntervals(from, terms.Recurring.Interval, int(2*terms.Recurring.IntervalCount)).Unix())
	}
	return limit, nil
}

// deleteTestClock takes along the customers that hang on it.
func deleteTestClock(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := customer.NamedClock(c)
	if err != nil {
		return nil, err
	}
	owners, err := state.FindAll[customer.Customer](c.Tx, "customer", state.Equal("test_clock", gone.ID))
	if err != nil {
		return nil, err
	}
	for _, owner := range owners {
		if err := endAll(c.Tx, owner.ID); err != nil {
			return nil, err
		}
		if err := c.Remove(owner, "customer.deleted"); err != nil {
			return nil, err
		}
	}
	return state.StubOf(gone), c.Remove(gone, "test_helpers.test_clock.deleted")
}
