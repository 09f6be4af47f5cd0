package stripesync_test

import (
	"testing"

	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

// TestIsKey asserts that the keys of operations are known as such, and that others
// are not.
func TestIsKey(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		s.product(t, "Team")
		writes := s.writes(t)
		if len(writes) == 0 {
			t.Fatal("nothing was sent")
		}
		for _, r := range writes {
			testkit.Equal(t, r.IdempotencyKey, stripesync.IsKey(r.IdempotencyKey), true)
		}
	})
	for _, key := range []string{"", "opn_1", "opn", ":opn_1:create", "cus_1:create", "5b4f1c1e-2f6a-4c9c-9d0e-1f0b7f0a2f3d"} {
		testkit.Equal(t, key, stripesync.IsKey(key), false)
	}
}
