package stripesync_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"tallystick/internal/app"
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

// TestKeyGrowsOldBetweenTries lets a day pass between two tries of a step, as when the
// host was suspended: Stripe has forgotten the key by then, so what the first try has
// created is looked for before anything is sent again.
func TestKeyGrowsOldBetweenTries(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			var s *shop
			s = newShop(t, database, func(settings *app.Settings) {
				settings.Engine.Pause = func(context.Context, int) {
					s.Clock.Advance(25 * time.Hour)
					s.Stripe.Advance(t, "25h")
				}
			})
			s.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: "/v1/products", Kind: "drop_after", Count: 1})
			made := s.run(t, createProduct, map[string]any{"name": "Once"})
			s.settle(t)
			testkit.Equal(t, "status", s.op(t, made.String("operation.id")).String("status"), "SUCCEEDED")
			testkit.Equal(t, "products in Stripe", len(s.all(t, "/v1/products")), 1)
		})
	}
}
