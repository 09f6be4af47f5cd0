package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/clock"
)

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

func (s *Controls) routeClock(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/clock", s.showClock)
	mux.HandleFunc("POST /_sim/clock", s.advanceClock)
}

func (s *Controls) showClock(w http.ResponseWriter, _ *http.Request) {
	state := clockState{Now: s.Now(), Offset: s.Clock.Offset.Load()}
	next, err := s.Peek("")
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	if next != nil {
		state.Next = &nextThing{next.Object, next.Due}
	}
	respond(w, http.StatusOK, state)
}

// advanceClock answers once everything that is due up to the new time has happened,
// each at its own.
func (s *Controls) advanceClock(w http.ResponseWriter, r *http.Request) {
	var in clockRequest
	if err := readControl(r, &in); err != nil {
		Fail(w, http.StatusBadRequest, err)
		return
	}
	target, err := s.clockTarget(in)
	if err != nil {
		Fail(w, http.StatusBadRequest, err)
		return
	}
	if err := s.AdvanceTo(target); err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	s.showClock(w, r)
}

// clockTarget is the moment that a request asks for: it cannot lie behind.
func (s *Controls) clockTarget(in clockRequest) (int64, error) {
	now := s.Now()
	target := in.To
	switch {
	case in.Until != "" && in.Until != "next":
		return 0, fmt.Errorf("until: %q is not next", in.Until)
	case in.Until != "":
		next, err := s.Peek("")
		if err != nil {
			return 0, err
		}
		if next == nil {
			return 0, errors.New("nothing is due")
		}
		return max(next.Due, now), nil
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
	case target > now+clock.LongestAdvance:
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
		seconds, rest = count*billing.SecondsPerDay, after
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
