package stripesim

import (
	"fmt"
	"time"
)

const (
	testClockLife  = 30 * secondsPerDay
	clockReady     = "ready"
	clockAdvancing = "advancing"
)

// testClock is a time of its own for some customers and all that is theirs.
type testClock struct {
	record
	DeletesAfter int64           `json:"deletes_after"`
	FrozenTime   int64           `json:"frozen_time"`
	Name         *string         `json:"name"`
	Status       string          `json:"status"`
	Private      testClockTarget `json:"_private"`
}

type testClockTarget struct {
	Target int64 `json:"target"`
}

func (x *testClock) clock() string { return x.ID }

// nextDue is when a clock under way arrives.
func (x *testClock) nextDue(int64) int64 {
	if x.Status == clockAdvancing {
		return x.Private.Target
	}
	return 0
}

// liveTestClock is the arrival: everything else that was due until then has happened.
func liveTestClock(c *tx, id string) error {
	arrived, err := c.testClockByID(id, notFound("test_clock", id, "test_clock"))
	if err != nil {
		return err
	}
	arrived.Status, arrived.FrozenTime = clockReady, c.now
	return c.update(arrived, "test_helpers.test_clock.ready")
}

// moveTestClock shows how far a clock under way has come.
func (c *tx) moveTestClock(id string, moment int64) error {
	_, err := c.ExecContext(c.ctx, `UPDATE objects SET body = json_set(body, '$.frozen_time', ?) WHERE id = ?`, moment, id)
	if err != nil {
		return fmt.Errorf("move test clock: %w", err)
	}
	return nil
}

// momentOf is when a request about the named objects happens: at the time of the test clock that one of them hangs on,
// directly or by its customer, or else now.
func (t *tx) momentOf(now int64, ids ...string) (moment int64, err error) {
	moment = now
	for _, id := range ids {
		if id == "" {
			continue
		}
		err := t.QueryRowContext(t.ctx, `
			SELECT coalesce(max(clock.body ->> '$.frozen_time'), ?1) FROM objects clock
			WHERE clock.kind = 'test_helpers.test_clock' AND clock.deleted = 0 AND clock.id IN (
				SELECT ?2 WHERE ?2 GLOB 'clock_*'
				UNION SELECT body ->> '$.test_clock' FROM objects WHERE id = ?2
				UNION SELECT owner.body ->> '$.test_clock' FROM objects thing
					JOIN objects owner ON owner.id = thing.body ->> '$.customer' WHERE thing.id = ?2)`, moment, id).Scan(&moment)
		if err != nil {
			return 0, fmt.Errorf("find test clock: %w", err)
		}
		if moment != now {
			break
		}
	}
	return moment, nil
}

func (c *tx) testClockByID(id string, missing *apiError) (*testClock, error) {
	return find[testClock](c, "test_helpers.test_clock", id, missing)
}

// testClock is the one that the URL names.
func (c *call) testClock() (*testClock, error) {
	return c.testClockByID(c.id(), notFound("test_clock", c.id(), "test_clock"))
}

func createTestClock(c *call) (any, error) {
	frozen := c.params.integer("frozen_time")
	name := c.params.text("name", 300)
	if frozen == nil {
		c.params.missing("frozen_time")
	}
	if err := c.params.done(); err != nil {
		return nil, err
	}
	made := &testClock{
		record: c.newRecord("test_helpers.test_clock", "clock_1"), DeletesAfter: c.now + testClockLife,
		FrozenTime: *frozen, Name: name, Status: clockReady,
	}
	return made, c.create(made, "test_helpers.test_clock.created")
}

func getTestClock(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.testClock()
}

func listTestClocks(c *call) (any, error) {
	return c.newList("test_helpers.test_clock", "/v1/test_helpers/test_clocks").run()
}

// advanceTestClock sets a clock going. It is under way until everything up to the new time has happened.
func advanceTestClock(c *call) (any, error) {
	target := c.params.integer("frozen_time")
	if target == nil {
		c.params.missing("frozen_time")
	}
	if err := c.params.done(); err != nil {
		return nil, err
	}
	moved, err := c.testClock()
	if err != nil {
		return nil, err
	}
	limit, err := c.farthest(moved)
	switch {
	case err != nil:
		return nil, err
	case moved.Status != clockReady:
		return nil, invalid("", "This test clock is currently advancing. Wait until its status is ready.")
	case *target <= moved.FrozenTime:
		return nil, invalid("frozen_time", "A test clock can only be advanced forward: it is at %d.", moved.FrozenTime)
	case *target > limit:
		return nil, invalid("frozen_time", "A test clock can be advanced by two intervals of its shortest subscription at most: until %d.", limit)
	}
	moved.Status, moved.Private.Target = clockAdvancing, *target
	return moved, c.update(moved, "test_helpers.test_clock.advancing")
}

// farthest is the latest time that a clock can be advanced to: two intervals of the shortest subscription, or two years
// without one.
func (c *tx) farthest(moved *testClock) (int64, error) {
	from := time.Unix(moved.FrozenTime, 0).UTC()
	limit := addIntervals(from, "year", 2).Unix()
	subs, err := findAll[subscription](c, "subscription", equal("test_clock", moved.ID))
	if err != nil {
		return 0, err
	}
	for _, sub := range subs {
		if sub.ended() {
			continue
		}
		terms, err := c.priceByID(sub.Items.Data[0].Price)
		if err != nil {
			return 0, err
		}
		limit = min(limit, addIntervals(from, terms.Recurring.Interval, int(2*terms.Recurring.IntervalCount)).Unix())
	}
	return limit, nil
}

// deleteTestClock takes along the customers that hang on it.
func deleteTestClock(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	gone, err := c.testClock()
	if err != nil {
		return nil, err
	}
	owners, err := findAll[customer](c.tx, "customer", equal("test_clock", gone.ID))
	if err != nil {
		return nil, err
	}
	for _, owner := range owners {
		if err := c.endAll(owner.ID); err != nil {
			return nil, err
		}
		if err := c.remove(owner, "customer.deleted"); err != nil {
			return nil, err
		}
	}
	return stubOf(gone), c.remove(gone, "test_helpers.test_clock.deleted")
}
