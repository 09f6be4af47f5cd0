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
				if !strings.HasSuffix(line, " ") { // whatever the value
					line += "\n"
				}
				if !strings.Contains("\n"+string(body), "\n"+line) {
					t.Errorf("the metrics lack %q", line)
				}
			}
		}
		has(`tallystick_stripe_available{state="OK"} 1`, "tallystick_operations_pending 0",
			"tallystick_operations_needing_attention 0", "tallystick_operations_oldest_pending_seconds 0",
			"tallystick_webhook_events_pending 0", `tallystick_jobs_waiting{queue="operations"} 0`, `tallystick_jobs_oldest_waiting_seconds{queue="events"} 0`,
			`go_sql_max_open_connections{db_name="readers"} `, `go_sql_wait_count_total{db_name="writers"} `,
			// Counts exist before there is anything to count.
			"tallystick_faults_total ", `tallystick_graphql_requests_total{outcome="INTERNAL",type="query"} `, `tallystick_operations_finished_total{kind="VOID_INVOICE",status="NEEDS_ATTENTION"} `,
			`tallystick_webhook_events_received_total{outcome="refused"} `, `tallystick_stripe_turn_seconds_count{line="write"} `)

		k.Stripe.Down()
		defer k.Stripe.Up(t)
		k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com"}) { userErrors { code } } }`)
		k.Work(t)
		k.Query(t, `query OfThisTest { viewer { kind } }`)
		has(`tallystick_stripe_available{state="UNREACHABLE"} 0`, "tallystick_operations_pending 1",
			`tallystick_graphql_request_seconds_count{operation="OfThisTest",outcome="OK",type="query"} `,
			`tallystick_mutation_seconds_count{mutation="createCustomer",outcome="PENDING"} `)
	})
}
