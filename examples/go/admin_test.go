package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"tallystick/examples/go/billing"
)

// TestCommands takes the tool through the life of a subscription, on a server with the demo catalogue.
func TestCommands(t *testing.T) {
	if os.Getenv("TALLYSTICK_URL") == "" {
		const missing = "TALLYSTICK_URL and TALLYSTICK_KEY do not name a server with the demo catalogue"
		if os.Getenv("TEST_LEAVES_NOTHING_OUT") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	const email = "grace@example.com"

	check(t, says(t, "plans"), `Business +99\.00 USD each month +business_monthly`, `Starter +9\.00 USD each month`)
	check(t, says(t, "sign-up", email), `^cst_\w+\n$`)
	refused(t, "exists already", "sign-up", email)
	check(t, says(t, "customers", "grace"), `cst_\w+ +grace@example\.com`)

	refused(t, "generic_decline", "subscribe", email, "starter_monthly", "3", "pm_card_chargeDeclined")
	refused(t, "no price with the lookup key", "subscribe", email, "enterprise_monthly", "3", "pm_card_visa")
	refused(t, "whole number", "subscribe", email, "starter_monthly", "three", "pm_card_visa")
	subscribed := says(t, "subscribe", email, "starter_monthly", "3", "pm_card_visa")
	check(t, subscribed, `^sbn_\w+  ACTIVE  Starter × 3\n$`)
	subscription := strings.Fields(subscribed)[0]
	check(t, says(t, "seats", subscription, "5"), `ACTIVE  Starter × 5\n$`)
	refused(t, "", "seats", subscription, "0")
	check(t, says(t, "cancel", subscription), `ACTIVE  Starter × 5  ends on \d{4}-\d\d-\d\d\n$`)
	check(t, says(t, "customers", email), `  sbn_\w+  ACTIVE  Starter × 5  ends on`)

	check(t, says(t, "reprice", "starter_monthly", "1100"), `^Starter is now 11\.00 USD each month`)
	refused(t, "", "reprice", "starter_monthly", "1100")
	check(t, says(t, "stuck"), `^$`)
	refused(t, "", "retry", "opn_00000000000000000000000000")
	refused(t, "usage: go run . cancel SUBSCRIPTION", "cancel")
	refused(t, "what is to be done?", "dance")
}

// TestAdviceKnowsEveryCode holds the switch to the schema.
func TestAdviceKnowsEveryCode(t *testing.T) {
	for _, code := range billing.AllUserErrorCode {
		if strings.Contains(adviceFor(code), "newer than this program") {
			t.Errorf("%s is missing", code)
		}
	}
}

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{2900, "USD", "29.00 USD"},
		{5, "USD", "0.05 USD"},
		{500, "JPY", "500 JPY"},
		{12345, "KWD", "12.345 KWD"},
		{500, "ISK", "5.00 ISK"},
	} {
		if got := money(c.amount, c.currency); got != c.want {
			t.Errorf("%d %s: %s", c.amount, c.currency, got)
		}
	}
}

// says is what a command writes.
func says(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func refused(t *testing.T, why string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), args, &out); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%v: %v, which says %q", args, err, out.String())
	}
}

func check(t *testing.T, got string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%q is not like %s", got, pattern)
		}
	}
}
