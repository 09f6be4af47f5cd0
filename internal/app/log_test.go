package app_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// The log of a service: one line at the start, one for each mutation, one at the end,
// and nothing else while nothing is wrong.
func TestLog(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		p.start(t)
		operation := p.Query(t, `mutation { createCustomer(input: {email: "private@example.com"}) { operation { id } } }`).
			String("createCustomer.operation.id")
		p.Query(t, `mutation { createCustomer(input: {email: "private@example.com"}) { userErrors { code } } }`)
		customer := p.session(t, "ann@example.com")
		customer.Query(t, `{ viewer { kind } }`)
		p.stop(t)

		var lines []map[string]any
		for line := range strings.Lines(p.log.String()) {
			var l map[string]any
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if l["level"] != "INFO" {
				t.Errorf("nothing was wrong: %s", line)
			}
			lines = append(lines, l)
		}
		if len(lines) != 6 {
			t.Fatalf("%d lines:\n%s", len(lines), p.log)
		}
		has := func(line map[string]any, want map[string]string) {
			t.Helper()
			for key, value := range want {
				if got, _ := line[key].(string); !strings.Contains(got, value) || got == "" {
					t.Errorf("%s is %q, want %q in %v", key, got, value, line)
				}
			}
		}
		has(lines[0], map[string]string{"msg": "started", "version": "", "address": "127.0.0.1:", "database": "://", "stripe": "the built-in sandbox acct_"})
		if n, _ := lines[0]["migration"].(float64); n < 20261121000000 {
			t.Errorf("the migration is %v", lines[0]["migration"])
		}
		has(lines[1], map[string]string{"msg": "a mutation", "mutation": "createCustomer", "by": "admin", "kind": "ADMIN", "operation": operation, "status": "PENDING", "took": "s"})
		has(lines[2], map[string]string{"mutation": "createCustomer", "refused": "EMAIL_TAKEN"})
		has(lines[4], map[string]string{"mutation": "createCustomerSession"})
		has(lines[5], map[string]string{"msg": "stopped", "ran": "s"})
		for _, secret := range []string{"private@", customer.Key, p.Key, "password", "postgres@"} {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("the log tells %q", secret)
			}
		}
	})
}
