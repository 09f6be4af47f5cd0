package testkit

import (
	"slices"
	"testing"
)

// Equal fails the test, and goes on, unless two values are equal. what says in the
// failure's message which value it is.
func Equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// EqualSlices is Equal for slices: their elements must be equal, in the same order.
func EqualSlices[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
