package billing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/billing"
)

// The state table as a person would draw it: a row for each state, a column
// for each event. A dot is forbidden; of several states, the first is the
// usual one.
const drawnTable = `
                    activate  payment_failed  payment_recovered  schedule_cancel  unschedule_cancel  cancel    revoke   expire              pause   resume  trial_end  dunning_exhausted  pause_collection    resume_collection
INCOMPLETE          ACTIVE    INCOMPLETE      .                  .                .                  CANCELED  REVOKED  INCOMPLETE_EXPIRED  .       .       .          .                  INCOMPLETE          INCOMPLETE
INCOMPLETE_EXPIRED  .         .               .                  .                .                  .         .        .                   .       .       .          .                  .                   .
TRIALING            ACTIVE    PAST_DUE        .                  TRIALING         TRIALING           CANCELED  REVOKED  .                   PAUSED  .       ACTIVE     .                  TRIALING            TRIALING
ACTIVE              .         PAST_DUE        .                  ACTIVE           ACTIVE             CANCELED  REVOKED  .                   .       .       .          .                  ACTIVE              ACTIVE
PAST_DUE            .         PAST_DUE        ACTIVE             PAST_DUE         PAST_DUE           CANCELED  REVOKED  .                   .       .       .          REVOKED|UNPAID     PAST_DUE            PAST_DUE
UNPAID              .         .               ACTIVE             UNPAID           UNPAID             CANCELED  REVOKED  .                   .       .       .          REVOKED            UNPAID              UNPAID
PAUSED              .         PAST_DUE        .                  PAUSED           PAUSED             CANCELED  REVOKED  .                   .       ACTIVE  .          .                  PAUSED              PAUSED
CANCELED            .         .               .                  .                .                  .         .        .                   .       .       .          .                  .                   .
REVOKED             .         .               .                  .                .                  .         .        .                   .       .       .          .                  .                   .
`

func statuses() (all []billing.SubscriptionStatus) {
	for _, s := range billing.SubscriptionStatus("").Values() {
		all = append(all, billing.SubscriptionStatus(s))
	}
	return all
}

func TestStateTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(drawnTable), "\n")
	events := strings.Fields(lines[0])
	drawn := map[string]map[string][]string{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		drawn[cells[0]] = map[string][]string{}
		for i, cell := range cells[1:] {
			if cell != "." {
				drawn[cells[0]][events[i]] = strings.Split(cell, "|")
			}
		}
	}
	all := billing.SubscriptionEvent("").Values()
	if len(drawn) != len(statuses()) || !slices.Equal(slices.Sorted(slices.Values(events)), slices.Sorted(slices.Values(all))) {
		t.Fatalf("the drawing has %d states and the events %v; there are %d and %v", len(drawn), events, len(statuses()), all)
	}
	for _, from := range statuses() {
		for _, name := range all {
			event := billing.SubscriptionEvent(name)
			want := drawn[string(from)][name]
			to, ok := from.Next(event)
			switch {
			case ok != (len(want) > 0):
				t.Errorf("%s, %s: allowed %v, drawn %v", from, event, ok, want)
			case !ok && to != from:
				t.Errorf("%s, %s: forbidden, but leads to %s", from, event, to)
			case ok && string(to) != want[0]:
				t.Errorf("%s, %s: leads to %s, drawn %s", from, event, to, want[0])
			}
			for _, to := range statuses() {
				if got := from.Knows(event, to); got != slices.Contains(want, string(to)) {
					t.Errorf("%s, %s, %s: known %v, drawn %v", from, event, to, got, want)
				}
			}
			checkTransition(t, from, event, len(want) > 0)
		}
	}
}

func checkTransition(t *testing.T, from billing.SubscriptionStatus, event billing.SubscriptionEvent, allowed bool) {
	t.Helper()
	var want billing.Code
	switch {
	case slices.Contains([]string{"CANCELED", "REVOKED", "INCOMPLETE_EXPIRED"}, string(from)):
		want = billing.CodeSubscriptionEnded
	case !allowed:
		want = billing.CodeInvalidTransition
	}
	err := from.CheckTransition(event)
	if want == "" && err != nil || want != "" && !billing.IsCode(err, want) {
		t.Errorf("%s, %s: %v, want code %q", from, event, err, want)
	}
}

func TestActions(t *testing.T) {
	const live, going = "CANCEL CANCEL_AT_PERIOD_END REVOKE", "CANCEL RESUME REVOKE"
	const change = " CHANGE_PRICE"
	for status, want := range map[billing.SubscriptionStatus][2]string{
		billing.SubscriptionIncomplete: {"CANCEL REVOKE", "CANCEL REVOKE"},
		billing.SubscriptionTrialing:   {live + change, going + change},
		billing.SubscriptionActive:     {live + change, going + change},
		billing.SubscriptionPastDue:    {live + change, going + change},
		billing.SubscriptionUnpaid:     {live, going},
		billing.SubscriptionPaused:     {"CANCEL CANCEL_AT_PERIOD_END RESUME REVOKE", going},
		billing.SubscriptionCanceled:   {}, billing.SubscriptionRevoked: {}, billing.SubscriptionIncompleteExpired: {},
	} {
		for i, atPeriodEnd := range []bool{false, true} {
			var got []string
			for _, a := range status.Actions(atPeriodEnd) {
				got = append(got, string(a))
			}
			if strings.Join(got, " ") != want[i] {
				t.Errorf("%s, canceled at period end %v: %v, want %s", status, atPeriodEnd, got, want[i])
			}
			if status.Actions(atPeriodEnd) == nil {
				t.Errorf("%s: nil, which a list in the API must not be", status)
			}
		}
	}
}

func TestCheckPriceChange(t *testing.T) {
	for status, want := range map[billing.SubscriptionStatus]billing.Code{
		billing.SubscriptionTrialing: "", billing.SubscriptionActive: "", billing.SubscriptionPastDue: "",
		billing.SubscriptionIncomplete: billing.CodeInvalidTransition, billing.SubscriptionUnpaid: billing.CodeInvalidTransition,
		billing.SubscriptionPaused: billing.CodeInvalidTransition, billing.SubscriptionCanceled: billing.CodeSubscriptionEnded,
		billing.SubscriptionRevoked: billing.CodeSubscriptionEnded, billing.SubscriptionIncompleteExpired: billing.CodeSubscriptionEnded,
	} {
		err := status.CheckPriceChange()
		if want == "" && err != nil || want != "" && !billing.IsCode(err, want) {
			t.Errorf("%s: %v, want code %q", status, err, want)
		}
	}
}

func TestStripeStatus(t *testing.T) {
	for _, c := range []struct {
		status, reason string
		want           billing.SubscriptionStatus
	}{
		{"incomplete", "", billing.SubscriptionIncomplete},
		{"incomplete_expired", "", billing.SubscriptionIncompleteExpired},
		{"trialing", "", billing.SubscriptionTrialing},
		{"active", "", billing.SubscriptionActive},
		{"active", "payment_failed", billing.SubscriptionActive},
		{"past_due", "", billing.SubscriptionPastDue},
		{"unpaid", "", billing.SubscriptionUnpaid},
		{"paused", "", billing.SubscriptionPaused},
		{"canceled", "", billing.SubscriptionCanceled},
		{"canceled", "cancellation_requested", billing.SubscriptionCanceled},
		{"canceled", "payment_failed", billing.SubscriptionRevoked},
		{"canceled", "payment_disputed", billing.SubscriptionRevoked},
	} {
		if got, err := billing.StripeStatus(c.status, c.reason); got != c.want || err != nil {
			t.Errorf("%s, %q: %s, %v; want %s", c.status, c.reason, got, err, c.want)
		}
	}
	for _, unknown := range []string{"", "ACTIVE", "revoked", "ended"} {
		if got, err := billing.StripeStatus(unknown, ""); err == nil {
			t.Errorf("%q is %s", unknown, got)
		}
	}
}

func TestEventBetween(t *testing.T) {
	// What must have happened, by the state after; "from:event" for those that
	// say so, and * for the others.
	after := map[billing.SubscriptionStatus]string{
		billing.SubscriptionIncomplete:        "*:payment_failed",
		billing.SubscriptionIncompleteExpired: "*:expire",
		billing.SubscriptionTrialing:          "*:activate",
		billing.SubscriptionActive:            "TRIALING:trial_end PAST_DUE:payment_recovered UNPAID:payment_recovered PAUSED:resume *:activate",
		billing.SubscriptionPastDue:           "*:payment_failed",
		billing.SubscriptionUnpaid:            "*:dunning_exhausted",
		billing.SubscriptionPaused:            "*:pause",
		billing.SubscriptionCanceled:          "*:cancel",
		billing.SubscriptionRevoked:           "PAST_DUE:dunning_exhausted UNPAID:dunning_exhausted *:revoke",
	}
	for _, from := range statuses() {
		for _, to := range statuses() {
			for _, flags := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
				want := ""
				switch {
				case from == to && flags == [2]bool{false, true} && !from.Ended():
					want = "schedule_cancel"
				case from == to && flags == [2]bool{true, false} && !from.Ended():
					want = "unschedule_cancel"
				case from != to:
					for _, c := range strings.Fields(after[to]) {
						if was, event, _ := strings.Cut(c, ":"); want == "" && (was == "*" || was == string(from)) {
							want = event
						}
					}
				}
				got, ok := billing.EventBetween(
					billing.Reported{Status: from, Ending: flags[0]}, billing.Reported{Status: to, Ending: flags[1]},
				)
				if string(got) != want || ok != (want != "") {
					t.Errorf("%s %v to %s %v: %q, %v; want %q", from, flags[0], to, flags[1], got, ok, want)
				}
			}
		}
	}
	if _, ok := billing.EventBetween(billing.Reported{Status: billing.SubscriptionActive}, billing.Reported{Status: "NEW"}); ok {
		t.Error("a state that is not known has an event")
	}
}

// TestEventsThatTheTableKnows asserts that what Stripe reports in the ordinary
// course of a subscription is found in the table, so that nothing ordinary is
// counted as unexpected.
func TestEventsThatTheTableKnows(t *testing.T) {
	for from, targets := range map[billing.SubscriptionStatus][]billing.SubscriptionStatus{
		billing.SubscriptionIncomplete: {billing.SubscriptionActive, billing.SubscriptionIncompleteExpired, billing.SubscriptionCanceled},
		billing.SubscriptionTrialing:   {billing.SubscriptionActive, billing.SubscriptionPastDue, billing.SubscriptionPaused, billing.SubscriptionCanceled},
		billing.SubscriptionActive:     {billing.SubscriptionPastDue, billing.SubscriptionCanceled, billing.SubscriptionRevoked},
		billing.SubscriptionPastDue:    {billing.SubscriptionActive, billing.SubscriptionUnpaid, billing.SubscriptionCanceled, billing.SubscriptionRevoked},
		billing.SubscriptionUnpaid:     {billing.SubscriptionActive, billing.SubscriptionCanceled, billing.SubscriptionRevoked},
		billing.SubscriptionPaused:     {billing.SubscriptionActive, billing.SubscriptionCanceled},
	} {
		for _, to := range targets {
			event, _ := billing.EventBetween(billing.Reported{Status: from}, billing.Reported{Status: to})
			if !from.Knows(event, to) {
				t.Errorf("%s to %s by %s is not in the table", from, to, event)
			}
		}
	}
}

func TestError(t *testing.T) {
	plain := billing.Errorf(billing.CodeNotFound, "no %d", 7)
	pointed := plain.At("a", "b").About("x")
	if plain.Path != nil || plain.NodeID != "" {
		t.Error("At or About changed the original")
	}
	if strings.Join(pointed.Path, ".") != "input.a.b" || pointed.NodeID != "x" || pointed.Message != "no 7" {
		t.Errorf("%+v", pointed)
	}
	wrapped := errors.Join(errors.New("around"), pointed)
	if !billing.IsCode(wrapped, billing.CodeNotFound) || billing.IsCode(wrapped, billing.CodeInvalidInput) || billing.IsCode(nil, "") {
		t.Error("IsCode does not tell codes apart")
	}
}
