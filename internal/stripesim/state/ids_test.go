package state_test

import (
	"strings"
	"testing"

	"tallystick/internal/stripesim/state"
)

// TestRandomString asserts that a text has the length asked for, and every letter of
// the alphabet about as often as any other.
func TestRandomString(t *testing.T) {
	for _, alphabet := range []string{"01", state.IDAlphabet, strings.Repeat("x", 1)} {
		const each = 2000
		text := state.RandomString(each*len(alphabet), alphabet)
		if len(text) != each*len(alphabet) {
			t.Fatalf("got %d letters", len(text))
		}
		for _, letter := range alphabet {
			if n := strings.Count(text, string(letter)); n < each*8/10 || n > each*12/10 {
				t.Errorf("%q comes %d times of %d", letter, n, len(text))
			}
		}
	}
}
