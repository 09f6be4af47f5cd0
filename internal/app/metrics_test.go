package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"tallystick/internal/testkit"
)

func TestMetricsShowTheHealth(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		has := func(lines ...string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.URL+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp := k.Do(t, req)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				if !strings.Contains(string(body), line+"\n") {
					t.Errorf("the metrics lack %q", line)
				}
			}
		}
		has(`tallystick_stripe_available{state="OK"} 1`, "tallystick_operations_pending 0",
			"tallystick_operations_needing_attention 0", "tallystick_operations_oldest_pending_seconds 0",
			"tallystick_webhook_events_pending 0")

		k.Stripe.Down()
		defer k.Stripe.Up(t)
		k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com"}) { userErrors { code } } }`)
		k.Work(t)
		has(`tallystick_stripe_available{state="UNREACHABLE"} 0`, "tallystick_operations_pending 1")
	})
}
