package webhooks

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Fresh are the objects about which this process has just stored events. An object is
// due when nothing more has come about it for a moment, so that the events of a change
// cost one read. In a flood of events, that is until it ends: there will be more about
// each, and to take them in comes first.
type Fresh struct {
	mu      sync.Mutex
	objects map[Object]*stay
	byFirst list.List     // of *stay, by the first event of each
	byLast  list.List     // of *stay, by the last one
	changed chan struct{} // holds one when somebody should look again

	// How many events came in the window that began then, and in the one before.
	began        time.Time
	came, before int
}

// stay is an object's time among the fresh.
type stay struct {
	object                    Object
	first, last               time.Time
	placeByFirst, placeByLast *list.Element
}

const (
	// calm is for how long nothing has come about an object that is due, and longest
	// after how long it is due even though events keep coming; and both when more than
	// flood events come in a window. The sweep waits longer.
	calm, longest               = 250 * time.Millisecond, time.Second
	calmInFlood, longestInFlood = 5 * time.Second, 15 * time.Second
	window, flood               = 250 * time.Millisecond, 190
	// mostFresh is how many objects wait in memory. The sweep finds the rest.
	mostFresh = 10_000
)

func newFresh() *Fresh {
	return &Fresh{objects: map[Object]*stay{}, changed: make(chan struct{}, 1)}
}

// note takes note of an event that was committed.
func (f *Fresh) note(o Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.count(now)
	f.came++
	if s := f.objects[o]; s != nil {
		s.last = now
		f.byLast.MoveToBack(s.placeByLast)
		return
	}
	if len(f.objects) == mostFresh {
		return
	}
	s := &stay{object: o, first: now, last: now}
	s.placeByFirst, s.placeByLast = f.byFirst.PushBack(s), f.byLast.PushBack(s)
	f.objects[o] = s
	f.look()
}

// count begins a new window when it is time.
func (f *Fresh) count(now time.Time) {
	switch past := now.Sub(f.began); {
	case past >= 2*window:
		f.began, f.came, f.before = now, 0, 0
	case past >= window:
		f.began, f.came, f.before = f.began.Add(window), 0, f.came
	}
}

// look has somebody look whether an object is due.
func (f *Fresh) look() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// Next waits for an object that is due, which is not fresh any more then. It is false for
// ok when the context has ended.
func (f *Fresh) Next(ctx context.Context) (o Object, ok bool) {
	for ctx.Err() == nil {
		o, ok, wait := f.take(time.Now())
		if ok {
			return o, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-f.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return Object{}, false
}

// take takes an object that is due, or says how long to wait for one.
func (f *Fresh) take(now time.Time) (o Object, ok bool, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.objects) == 0 {
		return Object{}, false, time.Minute
	}
	f.count(now)
	quiet, most := calm, longest
	if max(f.came, f.before) > flood {
		quiet, most = calmInFlood, longestInFlood
	}
	oldest, calmest := f.byFirst.Front().Value.(*stay), f.byLast.Front().Value.(*stay) //nolint:forcetypeassert // they hold nothing else
	due := calmest
	wait = calmest.last.Add(quiet).Sub(now)
	if left := oldest.first.Add(most).Sub(now); left < wait {
		due, wait = oldest, left
	}
	if wait > 0 {
		return Object{}, false, min(wait, window) // the flood may be over by then
	}
	f.remove(due)
	f.look() // for the next one
	return due.object, true, 0
}

func (f *Fresh) remove(s *stay) {
	f.byFirst.Remove(s.placeByFirst)
	f.byLast.Remove(s.placeByLast)
	delete(f.objects, s.object)
}

// All takes all objects, due or not.
func (f *Fresh) All() (objects []Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.byFirst.Len() > 0 {
		s := f.byFirst.Front().Value.(*stay) //nolint:forcetypeassert // it holds nothing else
		objects = append(objects, s.object)
		f.remove(s)
	}
	return objects
}
