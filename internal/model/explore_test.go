package model_test

import (
	"errors"
	"fmt"
	"strings"
)

// world is what can happen from the states of a model on.
type world[S comparable] struct {
	start []S
	// next are the states that can follow, and why.
	next func(S, func(S, string))
	// wrong says what must never be; it is asked about every state.
	wrong func(S) error
	// calm is next without anything more that goes wrong: what the program does by
	// itself. From every state it must lead to one that is over.
	calm func(S) (S, bool)
	over func(S) bool
}

// patience is how many steps of its own a model has to come to an end in.
const patience = 200

// explore visits every state that can be reached, and returns how many there are. It
// fails at the first that is wrong, and tells how it came about.
func (w world[S]) explore() (int, error) {
	type origin struct {
		from S
		why  string
	}
	seen := make(map[S]origin)
	var queue []S
	for _, s := range w.start {
		seen[s] = origin{from: s}
		queue = append(queue, s)
	}
	history := func(s S) string {
		var steps []string
		for seen[s].from != s {
			steps = append([]string{seen[s].why}, steps...)
			s = seen[s].from
		}
		return strings.Join(steps, "; ")
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if err := errors.Join(w.wrong(s), w.ends(s)); err != nil {
			return len(seen), fmt.Errorf("%w\nafter: %s\nin: %+v", err, history(s), s)
		}
		w.next(s, func(n S, why string) {
			if _, known := seen[n]; !known {
				seen[n] = origin{from: s, why: why}
				queue = append(queue, n)
			}
		})
	}
	return len(seen), nil
}

// ends returns an error unless a state comes to an end by itself.
func (w world[S]) ends(s S) error {
	for range patience {
		if w.over(s) {
			return w.wrong(s)
		}
		n, moved := w.calm(s)
		if !moved {
			return errors.New("nothing moves it any more")
		}
		s = n
	}
	return errors.New("it waits for ever")
}
