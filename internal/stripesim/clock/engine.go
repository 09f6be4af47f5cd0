// Package clock lets time pass: everything that is due happens at its own time and in
// order, on the sandbox's clock and on test clocks.
package clock

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"tallystick/internal/stripesim/object/checkout"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// mostAtOnce is how many things can happen to one object at one moment. More would go
// on for ever.
const mostAtOnce = 10

// stepsAtOnce is how many things happen in one transaction. Requests wait for it, so it
// must not take long.
const stepsAtOnce = 32

// lives says, by kind of object, what happens when something is due for it.
var lives = map[string]func(c *state.Tx, id string) error{
	"checkout.session":        checkout.LiveCheckoutSession,
	"coupon":                  discount.LiveCoupon,
	"promotion_code":          discount.LivePromotionCode,
	"discount":                subscription.LiveDiscount,
	"subscription":            subscription.LiveSubscription,
	"subscription_schedule":   subscription.LiveSchedule,
	"invoice":                 subscription.LiveInvoice,
	"test_helpers.test_clock": customer.LiveTestClock,
}

// Engine lets time pass: it owns the clock, and each step of what is due is a
// transaction of its own.
type Engine struct {
	Store *state.Store
	Clock clock
	Log   *slog.Logger
	// sent is called after a commit: there may be events to deliver.
	Sent func()

	living sync.Mutex    // held while time passes: one thing happens after the other
	wake   chan struct{} // has room for one
	Lived  chan struct{}

	Background context.Context //nolint:containedctx // what goes on without a request, until it ends
}

// New starts nothing yet: live does, and works until the context ends.
func New(background context.Context, s *state.Store, wall func() time.Time, log *slog.Logger) *Engine {
	e := &Engine{
		Store: s, Log: log, Sent: func() {}, wake: make(chan struct{}, 1), Lived: make(chan struct{}), Background: background,
	}
	e.Clock.real = wall
	return e
}

// Now is the sandbox's idea of the time.
func (s *Engine) Now() int64 { return s.Clock.now() }

// Commit makes a transaction's work stand, sends its events on their way, and lets life
// look at what is due now.
func (s *Engine) Commit(t *state.Tx) error {
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.Sent()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Live lets time pass beside the API: what is due on the sandbox's clock, and on the
// test clocks that are advancing.
func (s *Engine) Live() {
	defer close(s.Lived)
	for s.Background.Err() == nil {
		wait, err := s.catchUp()
		if err != nil && s.Background.Err() == nil {
			s.Log.Error("the sandbox's time does not go on", "error", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.Background.Done():
		}
		timer.Stop()
	}
}

// catchUp does everything that is due, and says how long to wait for more.
func (s *Engine) catchUp() (wait time.Duration, err error) {
	const longest = time.Minute
	if err := s.LiveUntil(s.Now()); err != nil {
		return longest, err
	}
	if err := s.advanceTestClocks(); err != nil {
		return longest, err
	}
	next, err := s.Peek("")
	if err != nil || next == nil {
		return longest, err
	}
	return max(time.Second/10, min(longest, time.Duration(next.Due-s.Now())*time.Second)), nil
}

// LiveUntil does everything that is due on the sandbox's clock up to a moment, in order.
func (s *Engine) LiveUntil(moment int64) error {
	s.living.Lock()
	defer s.living.Unlock()
	return s.stepUntil("", moment)
}

// AdvanceTo moves the sandbox's clock forward through everything that is due on the way.
func (s *Engine) AdvanceTo(moment int64) error {
	s.living.Lock()
	defer s.living.Unlock()
	if err := s.stepUntil("", moment); err != nil {
		return err
	}
	t, err := s.Store.Begin(s.Background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	return s.commitAt(t, moment)
}

// advanceTestClocks finishes the test clocks that are under way. Each is on its own
// agenda for the time it is to reach.
func (s *Engine) advanceTestClocks() error {
	s.living.Lock()
	defer s.living.Unlock()
	t, err := s.Store.Begin(s.Background, false)
	if err != nil {
		return err
	}
	advancing, err := state.FindAll[customer.TestClock](t, "test_helpers.test_clock", state.Equal("status", "advancing"))
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

// stepUntil works off a clock's agenda up to a moment, many steps to a transaction.
// Where one of them fails, those before it are done again, each in a transaction of its
// own, so that they stand.
func (s *Engine) stepUntil(clock string, moment int64) error {
	most := stepsAtOnce
	var progress repetition
	for {
		next, err := s.Peek(clock)
		if err != nil || next == nil || next.Due > moment {
			return err
		}
		before := progress
		if err := s.steps(clock, moment, most, &progress); err == nil {
			continue
		} else if most == 1 {
			return err
		}
		most, progress = 1, before
	}
}

// repetition notices when time does not get past something.
type repetition struct {
	last  state.Entry
	times int
}

func (r *repetition) check(next state.Entry) error {
	if next != r.last {
		*r = repetition{last: next}
	}
	if r.times++; r.times > mostAtOnce {
		return fmt.Errorf("%s %s does not get past %d", next.Kind, next.Object, next.Due)
	}
	return nil
}

// Peek is what is due first on a clock. It leaves the writing connection to those who
// have something to write.
func (s *Engine) Peek(clock string) (*state.Entry, error) {
	t, err := s.Store.Begin(s.Background, false)
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	return t.NextEntry(clock)
}

// steps do the first things on a clock's agenda, each at the moment that it is due, as
// one transaction.
func (s *Engine) steps(clock string, moment int64, most int, progress *repetition) error {
	t, err := s.Store.Begin(s.Background, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	reached := int64(0)
	for range most {
		next, err := t.NextEntry(clock)
		if err != nil {
			return err
		}
		if next == nil || next.Due > moment {
			break
		}
		if err := progress.check(*next); err != nil {
			return err
		}
		if err := step(t, clock, next); err != nil {
			return err
		}
		reached = next.Due
	}
	if clock != "" {
		return s.Commit(t)
	}
	return s.commitAt(t, reached)
}

// step does one thing, at the moment that it is due.
func step(t *state.Tx, clock string, due *state.Entry) error {
	t.Now = due.Due
	if clock != "" {
		if err := customer.MoveTestClock(t, clock, due.Due); err != nil {
			return err
		}
	}
	if err := happen(t, due); err != nil {
		return fmt.Errorf("%s %s, due at %d: %w", due.Kind, due.Object, due.Due, err)
	}
	return nil
}

// happen does what is due for an object, and puts on the agenda what comes after that,
// even when nothing changed.
func happen(t *state.Tx, due *state.Entry) error {
	if err := t.Unschedule(due.Object); err != nil {
		return err
	}
	if err := lives[due.Kind](t, due.Object); err != nil {
		return err
	}
	body, deleted, err := t.Body(due.Object)
	if err != nil || deleted {
		return err
	}
	var after state.Living
	switch due.Kind {
	case "subscription":
		after, err = state.Decode[subscription.Subscription](body)
	case "invoice":
		after, err = state.Decode[subscription.Invoice](body)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return t.Schedule(after)
}

// commitAt commits, and moves the sandbox's clock along when it is not there yet.
func (s *Engine) commitAt(t *state.Tx, moment int64) error {
	offset := s.Clock.Offset.Load()
	if behind := moment - s.Now(); behind > 0 {
		offset += behind
		if err := t.PutSetting(clockSetting, strconv.FormatInt(offset, 10)); err != nil {
			return fmt.Errorf("set clock: %w", err)
		}
	}
	if err := s.Commit(t); err != nil {
		return err
	}
	s.Clock.Offset.Store(offset)
	return nil
}
