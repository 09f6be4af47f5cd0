package stripesim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	clockSetting = "clock_offset"
	// longestAdvance keeps a typing error from living through centuries of renewals.
	longestAdvance = 10 * 366 * secondsPerDay
)

// clock is the sandbox's time: the real one and how far it was advanced beyond that.
type clock struct {
	real   func() time.Time
	offset atomic.Int64
}

// now is in Stripe's whole seconds.
func (c *clock) now() int64 { return c.real().Unix() + c.offset.Load() }

// readOffset takes up the time where the sandbox was left.
func (c *clock) readOffset(t *tx) error {
	text, err := t.setting(clockSetting, "0")
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	c.offset.Store(offset)
	return nil
}

// clockState is what the control shows.
type clockState struct {
	Now    int64      `json:"now"`
	Offset int64      `json:"offset"` // seconds ahead of the real time
	Next   *nextThing `json:"next"`   // what is due next by itself
}

type nextThing struct {
	Object string `json:"object"`
	Due    int64  `json:"due"`
}

// clockRequest asks for a later time, in one of three ways.
type clockRequest struct {
	Advance string `json:"advance"` // by so much: 31d, 36h, 1d12h
	To      int64  `json:"to"`      // to this moment
	Until   string `json:"until"`   // "next": to what is due next
}

func (s *Sandbox) routeClockControl() {
	s.mux.HandleFunc("GET /_sim/clock", s.showClock)
	s.mux.HandleFunc("POST /_sim/clock", s.advanceClock)
}

func (s *Sandbox) showClock(w http.ResponseWriter, _ *http.Request) {
	state := clockState{Now: s.now(), Offset: s.clock.offset.Load()}
	next, err := s.peek("")
	if err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	if next != nil {
		state.Next = &nextThing{next.object, next.due}
	}
	respond(w, http.StatusOK, state)
}

// advanceClock answers once everything that is due up to the new time has happened, each at its own.
func (s *Sandbox) advanceClock(w http.ResponseWriter, r *http.Request) {
	var in clockRequest
	if err := readControl(r, &in); err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	target, err := s.clockTarget(in)
	if err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	if err := s.advanceTo(target); err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	s.showClock(w, r)
}

// clockTarget is the moment that a request asks for: it cannot lie behind.
func (s *Sandbox) clockTarget(in clockRequest) (int64, error) {
	now := s.now()
	target := in.To
	switch {
	case in.Until != "" && in.Until != "next":
		return 0, fmt.Errorf("until: %q is not next", in.Until)
	case in.Until != "":
		next, err := s.peek("")
		if err != nil {
			return 0, err
		}
		if next == nil {
			return 0, errors.New("nothing is due")
		}
		return max(next.due, now), nil
	case in.Advance != "":
		step, err := parseSpan(in.Advance)
		if err != nil {
			return 0, err
		}
		target = now + step
	}
	switch {
	case target == 0:
		return 0, errors.New("say how far: advance, to or until")
	case target < now:
		return 0, fmt.Errorf("the clock goes forward only: it is %d", now)
	case target > now+longestAdvance:
		return 0, errors.New("the clock advances by ten years at most")
	}
	return target, nil
}

// parseSpan reads a Go duration that may start with days.
func parseSpan(text string) (int64, error) {
	rest, seconds := text, int64(0)
	if days, after, found := strings.Cut(text, "d"); found {
		count, err := strconv.ParseInt(days, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("advance: %q is not a duration such as 31d or 36h", text)
		}
		seconds, rest = count*secondsPerDay, after
	}
	if rest == "" {
		return seconds, nil
	}
	span, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("advance: %q is not a duration such as 31d or 36h", text)
	}
	return seconds + int64(span/time.Second), nil
}
