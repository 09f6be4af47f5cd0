package stripesync

import "encoding/json"

// Reverse is the result of a step that sends a patch T of an object: the patch that takes
// the change back, as JSON. It is made before the first request, since by the time that
// the step is undone the row may show the change.
type Reverse[T any] struct {
	Before string `json:"before,omitempty"`
}

// KeepReverse is the result with a patch that takes the change back. That of the first try
// stays. It fails when the patch has no form in JSON.
func KeepReverse[P, T any](c *Call[P], back *T) (Reverse[T], error) {
	if c.Kept("before") != "" {
		return Reverse[T]{}, nil
	}
	before, err := json.Marshal(back)
	return Reverse[T]{string(before)}, err
}

// Patch is the patch that takes the change back; nil when none was kept, as by earlier
// versions. It fails when what was kept is no T.
func (r Reverse[T]) Patch() (*T, error) {
	if r.Before == "" {
		return nil, nil
	}
	back := new(T)
	return back, json.Unmarshal([]byte(r.Before), back)
}
