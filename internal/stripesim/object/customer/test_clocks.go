package customer

import (
	"fmt"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/state"
)

// A test clock's life and statuses.
const (
	testClockLife  = 30 * billing.SecondsPerDay
	ClockReady     = "ready"
	ClockAdvancing = "advancing"
)

// TestClock is a time of its own for some customers and all that is theirs.
type TestClock struct {
	state.Record
	DeletesAfter int64           `json:"deletes_after"`
	FrozenTime   int64           `json:"frozen_time"`
	Name         *string         `json:"name"`
	Status       string          `json:"status"`
	Private      testClockTarget `json:"_private"`
}

type testClockTarget struct {
	Target int64 `json:"target"`
}

// Clock implements [state.Living]: a test clock is on its own agenda.
func (x *TestClock) Clock() string { return x.ID }

// NextDue is when a clock under way arrives.
func (x *TestClock) NextDue(int64) int64 {
	if x.Status == ClockAdvancing {
		return x.Private.Target
	}
	return 0
}

// LiveTestClock is the arrival: everything else that was due until then has happened.
func LiveTestClock(t *state.Tx, id string) error {
	arrived, err := testClockByID(t, id, apierror.NotFound("test_clock", id, "test_clock"))
	if err != nil {
		return err
	}
	arrived.Status, arrived.FrozenTime = ClockReady, t.Now
	return t.Update(arrived, "test_helpers.test_clock.ready")
}

// MoveTestClock shows how far a clock under way has come.
func MoveTestClock(t *state.Tx, id string, moment int64) error {
	_, err := t.ExecContext(t.Ctx, `UPDATE objects SET body = json_set(body, '$.frozen_time', ?) WHERE id = ?`, moment, id)
	if err != nil {
		return fmt.Errorf("move test clock: %w", err)
	}
	return nil
}

// mostOnClock is how many customers can hang on one test clock.
const mostOnClock = 3

func roomOnClock(t *state.Tx, clock string) error {
	owners, err := state.FindAll[Customer](t, "customer", state.Equal("test_clock", clock))
	if err == nil && len(owners) >= mostOnClock {
		return apierror.Invalid("test_clock", "Test clock %s already has the maximum of %d customers.", clock, mostOnClock)
	}
	return err
}

func testClockByID(t *state.Tx, id string, missing *apierror.Error) (*TestClock, error) {
	return state.Find[TestClock](t, "test_helpers.test_clock", id, missing)
}

// NamedClock is the one that the URL names.
func NamedClock(c *state.Request) (*TestClock, error) {
	return testClockByID(c.Tx, c.ID(), apierror.NotFound("test_clock", c.ID(), "test_clock"))
}

func createTestClock(c *state.Request) (any, error) {
	frozen := c.Params.Integer("frozen_time")
	name := c.Params.Text("name", 300)
	if frozen == nil {
		c.Params.Missing("frozen_time")
	}
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	made := &TestClock{
		Record: c.NewRecord("test_helpers.test_clock", "clock_1"), DeletesAfter: c.Now + testClockLife,
		FrozenTime: *frozen, Name: name, Status: ClockReady,
	}
	return made, c.Create(made, "test_helpers.test_clock.created")
}

func getTestClock(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return NamedClock(c)
}

func listTestClocks(c *state.Request) (any, error) {
	return c.NewList("test_helpers.test_clock", "/v1/test_helpers/test_clocks").Run()
}
