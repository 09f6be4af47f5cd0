package stripesim

import (
	"fmt"
	"strconv"
	"time"
)

// mostAtOnce is how many things can happen to one object at one moment. More would go on for ever.
const mostAtOnce = 10

// lives says, by kind of object, what happens when something is due for it.
var lives = map[string]func(c *tx, id string) error{
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
	next, err := s.peek("")
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
	var last entry
	for repeats := 0; ; repeats++ {
		next, err := s.peek(clock)
		if err != nil || next == nil || next.due > moment {
			return err
		}
		if *next != last {
			last, repeats = *next, 0
		}
		if repeats >= mostAtOnce {
			return fmt.Errorf("%s %s does not get past %d", next.kind, next.object, next.due)
		}
		if err := s.step(clock); err != nil {
			return err
		}
	}
}

// peek is what is due first on a clock. It leaves the writing connection to those who have something to write.
func (s *Sandbox) peek(clock string) (*entry, error) {
	t, err := s.store.begin(s.background, false)
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	return t.nextEntry(clock)
}

// step does the first thing on a clock's agenda, as a transaction at the moment that it is due.
func (s *Sandbox) step(clock string) error {
	t, err := s.store.begin(s.background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	next, err := t.nextEntry(clock)
	if err != nil || next == nil {
		return err
	}
	t.now = next.due
	if clock != "" {
		if err := t.moveTestClock(clock, next.due); err != nil {
			return err
		}
	}
	if err := t.happen(next); err != nil {
		return fmt.Errorf("%s %s, due at %d: %w", next.kind, next.object, next.due, err)
	}
	if clock != "" {
		return s.commit(t)
	}
	return s.commitAt(t, next.due)
}

// happen does what is due for an object, and puts on the agenda what comes after that, even when nothing changed.
func (c *tx) happen(due *entry) error {
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
