package model_test

import (
	"errors"
	"strings"
	"testing"
)

// scope is a customer with operations on its subscriptions, in their order, and an
// event about it.
type scope struct {
	status   [3]uint8 // running, succeeded, or attention
	subjects [3]uint8
	event    bool  // it waits
	behind   uint8 // operations that were carried out while it did
	refusals uint8
}

// queueRules are those of the queue that can be switched off.
type queueRules struct {
	attentionBlocksAll bool // what needs a person holds up the whole scope
	oneQueue           bool // events wait behind operations
}

func (off queueRules) blocked(s scope, i int) bool {
	for j := range i {
		if s.status[j] == running || s.status[j] == attention && (off.attentionBlocksAll || s.subjects[j] == s.subjects[i]) {
			return true
		}
	}
	return false
}

// work is what the workers can do next.
func (off queueRules) work(s scope, to func(scope, string)) {
	for i := range s.status {
		if s.status[i] != running || off.blocked(s, i) {
			continue
		}
		n := s
		n.status[i] = succeeded
		if n.event {
			n.behind++
		}
		if !s.event || off.oneQueue {
			to(n, "an operation is carried out")
		}
		if s.refusals > 0 {
			n = s
			n.refusals--
			n.status[i] = attention
			to(n, "an operation needs attention")
		}
	}
	if s.event {
		n := s
		n.event = false
		to(n, "the event is applied")
	}
}

func (off queueRules) world() world[scope] {
	start := scope{subjects: [3]uint8{1, 2, 2}, event: true, refusals: 1}
	return world[scope]{
		start: []scope{start},
		next:  off.work,
		calm: func(s scope) (next scope, moved bool) {
			s.refusals = 0
			off.work(s, func(n scope, _ string) {
				if !moved {
					next, moved = n, true
				}
			})
			return next, moved
		},
		over: func(s scope) bool {
			for i := range s.status {
				if s.status[i] != running {
					continue
				}
				for j := range i { // it may only wait for a person who looks after its own subject
					if s.status[j] == attention && s.subjects[j] == s.subjects[i] {
						return !s.event
					}
				}
				return false
			}
			return !s.event
		},
		wrong: func(s scope) error {
			if s.behind > 0 {
				return errors.New("an event waits behind operations")
			}
			return nil
		},
	}
}

func TestScope(t *testing.T) {
	n, err := queueRules{}.world().explore()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d states", n)
	for says, off := range map[string]queueRules{
		"nothing moves it":        {attentionBlocksAll: true},
		"waits behind operations": {oneQueue: true},
	} {
		if _, err := off.world().explore(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want one that says %q", off, err, says)
		}
	}
}
