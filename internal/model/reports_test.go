package model_test

import (
	"errors"
	"strings"
	"testing"
)

// object is one in Stripe and its row here, with two processes that look at it when
// an event says so.
type object struct {
	value   uint8 // in Stripe
	hints   uint8 // events that nobody has looked after yet
	row     row
	lookers [2]looker
	time    uint8
	// What may still happen.
	edits, wrongAccounts uint8
}

type row struct {
	value, version, stamp uint8
	gone                  bool
}

// looker is a process that has asked Stripe.
type looker struct {
	asked          bool
	value, version uint8
	stamp          uint8 // by its own clock
	gone           bool  // it was told so, by another account
}

// mirrorRules are those of the mirror that can be switched off.
type mirrorRules struct {
	orderByClock    bool // the newer report is told by the processes' clocks
	missingIsBelief bool // "no such customer" is believed from any account
}

// ahead is how far the second process's clock is.
const ahead = 3

func (off mirrorRules) world() world[object] {
	over := func(o object) bool {
		return o.hints == 0 && !o.lookers[0].asked && !o.lookers[1].asked
	}
	return world[object]{
		start: []object{{edits: 3, wrongAccounts: 1}},
		next: func(o object, to func(object, string)) {
			if o.edits > 0 {
				n := o
				n.edits, n.value, n.hints, n.time = n.edits-1, n.value+1, n.hints+1, n.time+1
				to(n, "somebody edits in Stripe")
			}
			for i := range o.lookers {
				off.look(o, i, to)
			}
		},
		calm: func(o object) (next object, moved bool) {
			o.edits, o.wrongAccounts = 0, 0
			for i := range o.lookers {
				if !moved {
					off.look(o, i, func(n object, _ string) { next, moved = n, true })
				}
			}
			return next, moved
		},
		over: over,
		wrong: func(o object) error {
			switch {
			case o.row.gone:
				return errors.New("the row is gone, and Stripe has the object")
			case over(o) && o.row.value != o.value:
				return errors.New("the row is not what Stripe has, and nobody looks")
			}
			return nil
		},
	}
}

// look is what a process does next: it asks, or it shows what it was told.
func (off mirrorRules) look(o object, i int, to func(object, string)) {
	l := &o.lookers[i]
	if !l.asked {
		if o.hints == 0 {
			return
		}
		o.hints--
		o.time++
		*l = looker{asked: true, value: o.value, version: o.row.version, stamp: o.time + uint8(i*ahead)}
		to(o, "a process asks")
		if o.wrongAccounts > 0 {
			o.wrongAccounts--
			o.lookers[i].gone = true
			to(o, "a process asks another account")
		}
		return
	}
	told := *l
	*l = looker{}
	switch {
	case told.gone && off.missingIsBelief:
		o.row.gone = true
		to(o, "the row is dropped")
	case told.gone:
		o.hints++
		to(o, "the answer is not believed, and the event waits")
	case off.orderByClock && told.stamp <= o.row.stamp:
		to(o, "the report counts as the older one")
	case !off.orderByClock && told.version != o.row.version:
		o.hints++
		to(o, "the row has changed, and Stripe is asked again")
	default:
		o.row = row{value: told.value, version: o.row.version + 1, stamp: told.stamp}
		to(o, "the report is shown")
	}
}

func TestReports(t *testing.T) {
	n, err := mirrorRules{}.world().explore()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d states", n)
	for says, off := range map[string]mirrorRules{
		"is not what Stripe has": {orderByClock: true},
		"the row is gone":        {missingIsBelief: true},
	} {
		if _, err := off.world().explore(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want one that says that %s", off, err, says)
		}
	}
}
