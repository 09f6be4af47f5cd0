package stripesim

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// lives says, by kind of object, what happens when something is due for it.
var lives = map[string]func(c *call, id string) error{
	"checkout.session":        liveCheckoutSession,
	"subscription":            liveSubscription,
	"invoice":                 liveInvoice,
	"test_helpers.test_clock": liveTestClock,
}

// live lets time pass beside the API: what is due on the sandbox's clock, and on the test clocks that are advancing.
func (s *Sandbox) live() {
	defer close(s.lived)
	for s.background.Err() == nil {
		wait, err := s.catchUp()
		if err != nil && s.background.Err() == nil {
			s.log.Error("the sandbox's time does not go on", "error", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.lifeWake:
		case <-timer.C:
		case <-s.background.Done():
		}
		timer.Stop()
	}
}

// catchUp does everything that is due, and says how long to wait for more.
func (s *Sandbox) catchUp() (wait time.Duration, err error) {
	const longest = time.Minute
	if err := s.liveUntil(s.now()); err != nil {
		return longest, err
	}
	if err := s.advanceTestClocks(); err != nil {
		return longest, err
	}
	t, err := s.store.begin(s.background, false)
	if err != nil {
		return longest, err
	}
	defer t.Rollback()
	next, err := t.nextEntry("")
	if err != nil || next == nil {
		return longest, err
	}
	return max(time.Second/10, min(longest, time.Duration(next.due-s.now())*time.Second)), nil
}

// liveUntil does everything that is due on the sandbox's clock up to a moment, in order.
func (s *Sandbox) liveUntil(moment int64) error {
	s.living.Lock()
	defer s.living.Unlock()
	return s.stepUntil("", moment)
}

// advanceTo moves the sandbox's clock forward through everything that is due on the way.
func (s *Sandbox) advanceTo(moment int64) error {
	s.living.Lock()
	defer s.living.Unlock()
	if err := s.stepUntil("", moment); err != nil {
		return err
	}
	t, err := s.store.begin(s.background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	return s.commitAt(t, moment)
}

// advanceTestClocks finishes the test clocks that are under way. Each is on its own agenda for the time it is to reach.
func (s *Sandbox) advanceTestClocks() error {
	s.living.Lock()
	defer s.living.Unlock()
	t, err := s.store.begin(s.background, false)
	if err != nil {
		return err
	}
	advancing, err := findAll[testClock](t, "test_helpers.test_clock", equal("status", "advancing"))
	t.Rollback()
	if err != nil {
		return err
	}
	for _, clock := range advancing {
		if err := s.stepUntil(clock.ID, clock.Private.Target); err != nil {
			return err
		}
	}
	return nil
}

// stepUntil works off a clock's agenda up to a moment.
func (s *Sandbox) stepUntil(clock string, moment int64) error {
	for {
		more, err := s.step(s.background, clock, moment)
		if err != nil || !more {
			return err
		}
	}
}

// step does the first thing on a clock's agenda, as a transaction at the moment that it is due.
func (s *Sandbox) step(ctx context.Context, clock string, until int64) (more bool, err error) {
	t, err := s.store.begin(ctx, true)
	if err != nil {
		return false, err
	}
	defer t.Rollback()
	next, err := t.nextEntry(clock)
	if err != nil || next == nil || next.due > until {
		return false, err
	}
	c := &call{tx: t, now: next.due}
	if clock != "" {
		if err := c.moveTestClock(clock, next.due); err != nil {
			return false, err
		}
	}
	if err := c.happen(next); err != nil {
		return false, fmt.Errorf("%s %s, due at %d: %w", next.kind, next.object, next.due, err)
	}
	if clock != "" {
		return true, s.commit(t)
	}
	return true, s.commitAt(t, next.due)
}

// happen does what is due for an object, and puts on the agenda what comes after that, even when nothing changed.
func (c *call) happen(due *entry) error {
	if err := c.unschedule(due.object); err != nil {
		return err
	}
	if err := lives[due.kind](c, due.object); err != nil {
		return err
	}
	body, deleted, err := c.body(due.object)
	if err != nil || deleted {
		return err
	}
	var after living
	switch due.kind {
	case "subscription":
		after, err = decode[subscription](body)
	case "invoice":
		after, err = decode[invoice](body)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return c.schedule(after)
}

// commitAt commits, and moves the sandbox's clock along when it is not there yet.
func (s *Sandbox) commitAt(t *tx, moment int64) error {
	offset := s.clock.offset.Load()
	if behind := moment - s.now(); behind > 0 {
		offset += behind
		if err := t.putSetting(clockSetting, strconv.FormatInt(offset, 10)); err != nil {
			return fmt.Errorf("set clock: %w", err)
		}
	}
	if err := s.commit(t); err != nil {
		return err
	}
	s.clock.offset.Store(offset)
	return nil
}
