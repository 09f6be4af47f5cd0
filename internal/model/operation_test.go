package model_test

import (
	"errors"
	"fmt"
)

// rules are those of the engine that can be switched off, to see what they are for.
type rules struct {
	newKeyWithoutLooking bool // a key that is of no use is replaced at once
	doneIsNotStored      bool // what was done is known to the process alone until the end
	endFromMemory        bool // the end shows what was asked for, and not what Stripe has
	undoWithAnotherKey   bool // a step in doubt is undone with a key of its own at once
	keyIsNotSpent        bool // a rejected creation in doubt leaves its key usable
	missingIsRefused     bool // "no such customer" is taken for a refusal of the change
	deletedIsRefused     bool // "no such subscription" is taken for a refusal of its deletion
	goneBlocksUndoing    bool // "no such price" is taken for a refusal to undo
}

// nature is what a step does, as far as it matters for what can go wrong.
type nature struct {
	name string
	// creates says that it makes an object, which can be looked for; keeps that what
	// it did stays; spends that its key can be used up without an effect.
	creates, keeps, spends bool
	// deletes says that it is a DELETE, on which Stripe ignores keys.
	deletes bool
}

// The most steps of an operation, and generations of a key.
const (
	mostSteps       = 3
	mostGenerations = 8
)

// What Stripe remembers of a key.
const (
	unused uint8 = iota
	executed
	rejected
	storedError
	spent
)

// How a step stands here.
const (
	todo uint8 = iota
	done
	failed
	undone
	kept
)

// local is what is stored of a step here.
type local struct {
	status     uint8
	generation uint8
	doubt      bool // a request is on record whose outcome is not known
	stale      bool // requests with the key are on record that are older than a day
	cleared    bool // a rejected step of which nothing is left
	// lateAtRefusal says that a request was on its way when the step was rejected.
	// Where nothing can spend the key of a creation, as no object is there yet to
	// send it to, the object appears after all; the comparison finds it.
	lateAtRefusal bool
}

// remote is what Stripe has of a step.
type remote struct {
	objects uint8 // that it has created, and that are in use; for a change, whether it holds
	keys    [mostGenerations]uint8
	late    [mostGenerations]bool // a request with the key is still on its way
}

// How an operation stands.
const (
	running uint8 = iota
	compensating
	succeeded
	refused
	attention
)

// operation is the state of one operation, here and in Stripe.
type operation struct {
	n      uint8
	status uint8
	here   [mostSteps]local
	there  [mostSteps]remote
	// volatile is what only the process knows: steps that are done and not stored.
	volatile uint8
	// target is gone: what the operation is about was deleted in Stripe.
	targetGone  bool
	wrongly     bool // the end has shown what is not so
	undoRefused bool // by Stripe, for a reason of its own
	// What may still go wrong.
	faults, refusals, deletions, days uint8
}

// machine is the world of operations of one kind.
type machine struct {
	steps []nature
	off   rules
}

func (m *machine) world(faults uint8) world[operation] {
	start := operation{n: uint8(len(m.steps)), faults: faults, refusals: 2, deletions: 1, days: 1}
	return world[operation]{
		start: []operation{start},
		next:  m.next,
		wrong: m.wrong,
		calm: func(o operation) (next operation, moved bool) {
			o.faults, o.refusals, o.deletions, o.days = 0, 0, 0, 0
			m.process(o, func(n operation, _ string) {
				if !moved {
					next, moved = n, true
				}
			})
			if !moved {
				m.arrivals(o, func(n operation, _ string) { next, moved = n, true })
			}
			return next, moved
		},
		over: func(o operation) bool { return o.status >= succeeded && !anyLate(o) },
	}
}

func anyLate(o operation) bool {
	for i := range o.n {
		for g := range mostGenerations {
			if o.there[i].late[g] {
				return true
			}
		}
	}
	return false
}

// wrong says what must never be.
func (m *machine) wrong(o operation) error {
	for i, s := range m.steps {
		if o.there[i].objects > 1 && s.creates {
			return fmt.Errorf("%s has created two objects", s.name)
		}
	}
	if o.wrongly {
		return errors.New("the end has shown what is not so")
	}
	if anyLate(o) {
		return nil // it is not over yet
	}
	for i, s := range m.steps {
		holds := o.there[i].objects > 0
		switch {
		case o.status == succeeded && !holds && !o.targetGone && o.deletions > 0:
			return fmt.Errorf("SUCCEEDED, and %s has no effect", s.name)
		case o.status == refused && holds && !s.keeps && !s.deletes && (s.spends || !s.creates || !o.here[i].lateAtRefusal):
			return fmt.Errorf("FAILED, and %s has an effect", s.name)
		case o.status == refused && holds && s.deletes:
			return fmt.Errorf("FAILED, and %s has deleted", s.name)
		case o.status == refused && o.targetGone && o.refusals == 2:
			return errors.New("refused for ever, because of something that can be made again")
		case o.status == attention && !o.undoRefused:
			return errors.New("a person is needed, and Stripe has refused nothing")
		}
	}
	return nil
}

// next is all that can happen.
func (m *machine) next(o operation, to func(operation, string)) {
	m.process(o, to)
	m.arrivals(o, to)
	if o.volatile != 0 && o.faults > 0 {
		n := o
		n.faults--
		n.volatile = 0
		to(n, "the process dies")
	}
	if o.days > 0 && !anyLate(o) && o.status < succeeded {
		n := o
		n.days--
		for i := range n.n {
			n.here[i].stale = n.here[i].doubt
			n.there[i].keys = [mostGenerations]uint8{}
		}
		to(n, "a day passes, and Stripe forgets the keys")
	}
	if o.deletions > 0 && o.status < succeeded {
		n := o
		n.deletions--
		n.targetGone = true
		for i := range n.n {
			n.there[i].objects = 0
		}
		to(n, "somebody deletes in the dashboard")
	}
}

// arrivals are late requests that reach Stripe.
func (m *machine) arrivals(o operation, to func(operation, string)) {
	for i := range o.n {
		for g := range mostGenerations {
			if !o.there[i].late[g] {
				continue
			}
			n := o
			n.there[i].late[g] = false
			if n.there[i].keys[g] == unused && !n.targetGone {
				m.execute(&n, int(i), g)
			}
			to(n, fmt.Sprintf("a late request of %s arrives", m.steps[i].name))
		}
	}
}

// execute lets a step take effect.
func (m *machine) execute(o *operation, i, key int) {
	r := &o.there[i]
	if !m.steps[i].deletes {
		r.keys[key] = executed
	}
	if m.steps[i].creates {
		r.objects++
		return
	}
	r.objects = 1
}

func (m *machine) isDone(o *operation, i int) bool {
	return o.here[i].status == done || o.volatile&(1<<i) != 0
}

// process is what the process that has the lease does next.
func (m *machine) process(o operation, to func(operation, string)) {
	switch o.status {
	case running:
		for i := range m.steps {
			if !m.isDone(&o, i) {
				m.advance(o, i, to)
				return
			}
		}
		m.finish(o, to)
	case compensating:
		m.undo(o, to)
	}
}

func (m *machine) markDone(o *operation, i int) {
	if m.off.doneIsNotStored {
		o.volatile |= 1 << i
		return
	}
	o.here[i].status = done
}

// advance takes one step forward: by a look, or by a request.
func (m *machine) advance(o operation, i int, to func(operation, string)) {
	name := m.steps[i].name
	if o.here[i].stale && m.steps[i].creates && !m.off.newKeyWithoutLooking {
		m.look(o, i, to)
		return
	}
	l, r := &o.here[i], &o.there[i]
	g := int(l.generation)
	l.doubt = true // on record before it leaves
	if o.targetGone {
		m.missing(o, i, to)
		return
	}
	if m.steps[i].deletes && r.objects > 0 {
		m.deletedAlready(o, i, to)
		return
	}
	switch r.keys[g] {
	case executed:
		n := o
		n.here[i].doubt = false
		m.markDone(&n, i)
		to(n, name+" is repeated, and Stripe repeats its answer")
		return
	case storedError:
		m.keyIsUseless(o, i, to)
		return
	case rejected:
		m.rejectedStep(o, i, to)
		return
	case spent:
		m.keyIsUseless(o, i, to)
		return
	}
	m.outcomes(o, i, to)
}

// outcomes are those of a request that Stripe sees for the first time.
func (m *machine) outcomes(o operation, i int, to func(operation, string)) {
	name, g := m.steps[i].name, int(o.here[i].generation)
	good := o
	m.execute(&good, i, g)
	answered := good
	answered.here[i].doubt = false
	m.markDone(&answered, i)
	to(answered, name+" is carried out")
	if o.refusals > 0 { // Stripe remembers some refusals, and others not
		n := o
		n.refusals--
		m.rejectedStep(n, i, to)
		n.there[i].keys[g] = rejected
		m.rejectedStep(n, i, to)
	}
	if o.faults == 0 {
		return
	}
	o.faults--
	good.faults--
	to(good, name+" is carried out, and the answer is lost")
	to(o, name+" is lost on its way")
	if m.steps[i].deletes { // what comes late cannot be refused: Stripe's events tell of it
		return
	}
	late := o
	late.there[i].late[g] = true
	to(late, name+" is held up on its way")
	stored := o
	stored.there[i].keys[g] = storedError
	to(stored, name+" is answered with an error, which Stripe stores")
	stored = good
	stored.there[i].keys[g] = storedError
	to(stored, name+" is carried out and answered with an error, which Stripe stores")
}

// deletedAlready is the answer to the deletion of what is gone.
func (m *machine) deletedAlready(o operation, i int, to func(operation, string)) {
	if m.off.deletedIsRefused {
		m.reject(o, i, to, "is refused, as there is nothing to delete")
		return
	}
	o.here[i].doubt = false
	m.markDone(&o, i)
	to(o, m.steps[i].name+" finds it deleted")
}

// missing is the answer to a request about something that is gone: it is made
// again, and the change goes on.
func (m *machine) missing(o operation, i int, to func(operation, string)) {
	if m.steps[i].deletes {
		o.there[i].objects = 1
		m.deletedAlready(o, i, to)
		return
	}
	if m.off.missingIsRefused {
		m.reject(o, i, to, "is refused, as its customer is gone")
		return
	}
	o.targetGone = false
	to(o, m.steps[i].name+" is refused, and its customer is made again")
}

// keyIsUseless goes on after an answer that the key will always get.
func (m *machine) keyIsUseless(o operation, i int, to func(operation, string)) {
	if m.off.newKeyWithoutLooking || !m.steps[i].creates {
		m.renew(&o, i)
		to(o, m.steps[i].name+" gets a new key")
		return
	}
	m.look(o, i, to)
}

// renew is the one door to a new key.
func (m *machine) renew(o *operation, i int) {
	if int(o.here[i].generation) < mostGenerations-1 {
		o.here[i].generation++
	}
	o.here[i].stale = false
}

// look looks for what a step may have created.
func (m *machine) look(o operation, i int, to func(operation, string)) {
	if o.there[i].objects > 0 {
		o.here[i].doubt = false
		m.markDone(&o, i)
		to(o, m.steps[i].name+" is found to be done")
		return
	}
	m.renew(&o, i)
	o.here[i].doubt = false
	to(o, m.steps[i].name+" is not found, and gets a new key")
}

// rejectedStep settles what became of earlier requests of a step that Stripe has
// refused now.
func (m *machine) rejectedStep(o operation, i int, to func(operation, string)) {
	s, g := m.steps[i], int(o.here[i].generation)
	if s.creates && s.spends && !m.off.keyIsNotSpent {
		for old := range g + 1 {
			if o.there[i].keys[old] == unused {
				o.there[i].keys[old] = spent
			}
		}
	}
	if s.creates && o.there[i].objects > 0 {
		o.here[i].doubt = false
		m.markDone(&o, i)
		to(o, s.name+" is refused, and found to be done before")
		return
	}
	m.reject(o, i, to, "is refused")
}

func (m *machine) reject(o operation, i int, to func(operation, string), how string) {
	o.here[i].status = failed
	o.here[i].lateAtRefusal = o.there[i].late != [mostGenerations]bool{}
	if m.steps[i].creates {
		o.here[i].doubt = false
	}
	o.status = compensating
	to(o, m.steps[i].name+" "+how)
}

// finish shows the end. A fault here lets the process begin again from what is
// stored; a change here that has won makes the end a refusal.
func (m *machine) finish(o operation, to func(operation, string)) {
	n := o
	n.status, n.volatile = succeeded, 0
	for i := range m.steps {
		if n.here[i].status != done {
			n.here[i].status = done
		}
		gone := n.there[i].objects == 0 && !m.steps[i].deletes
		n.wrongly = n.wrongly || gone && m.off.endFromMemory
	}
	to(n, "the end is shown")
	if o.refusals > 0 && !m.steps[len(m.steps)-1].deletes { // no deletion is refused at its end
		n := o
		n.refusals--
		n.status, n.volatile = compensating, 0
		to(n, "another change here has won")
	}
}

// undo takes the last step back that must be.
func (m *machine) undo(o operation, to func(operation, string)) {
	for i := len(m.steps) - 1; i >= 0; i-- {
		if !m.mustUndo(&o, i) {
			continue
		}
		m.undoStep(o, i, to)
		return
	}
	o.status = refused
	to(o, "it has failed")
}

func (m *machine) mustUndo(o *operation, i int) bool {
	s, l := m.steps[i], o.here[i]
	switch {
	case s.keeps:
		return false
	case l.status == done:
		return true
	case l.status != failed, l.cleared, s.creates, s.deletes:
		return false
	}
	return l.doubt
}

func (m *machine) undoStep(o operation, i int, to func(operation, string)) {
	s, l := m.steps[i], &o.here[i]
	if o.faults > 0 {
		n := o
		n.faults--
		to(n, "undoing "+s.name+" is lost on its way")
	}
	if o.refusals > 0 {
		n := o
		n.refusals--
		n.status, n.undoRefused = attention, true
		to(n, "undoing "+s.name+" is refused")
	}
	if o.targetGone && m.off.goneBlocksUndoing {
		o.status = attention
		to(o, "undoing "+s.name+" is refused, as it is gone")
		return
	}
	if l.status == failed && !m.off.undoWithAnotherKey {
		for g := range int(l.generation) + 1 {
			if o.there[i].keys[g] == unused {
				o.there[i].keys[g] = spent
			}
		}
	}
	o.there[i].objects = 0
	if l.status == failed {
		l.cleared = true
	} else {
		l.status = undone
	}
	to(o, s.name+" is undone")
}
