package state

import "encoding/json"

// Ref is another object's id; empty is null on the wire.
type Ref string

// MarshalJSON implements [json.Marshaler].
func (r Ref) MarshalJSON() ([]byte, error) {
	if r == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(r))
}
