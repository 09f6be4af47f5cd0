// Command statediagram draws the state table of subscriptions.
package main

//go:generate go run . ../../docs/subscription-states.md

import (
	"fmt"
	"os"
	"strings"

	"tallystick/internal/billing"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: statediagram FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(page()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "statediagram:", err)
		os.Exit(1)
	}
}

const intro = `<!-- Code generated from the state table in internal/billing by make generate. DO NOT EDIT. -->

# The life of a subscription

What may happen to a subscription is decided in one table, in [internal/billing](../internal/billing/subscription.go).
A command that it forbids is refused before Stripe is asked. What Stripe reports is followed even where the table has no
way; such a report is recorded and counted.

`

func page() string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	statuses := billing.SubscriptionStatus("").Values()
	for _, from := range statuses {
		for _, to := range statuses {
			if events := between(from, to); from != to && len(events) > 0 {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", from, to, strings.Join(events, ", "))
			}
		}
	}
	for _, status := range statuses {
		if billing.SubscriptionStatus(status).Ended() {
			fmt.Fprintf(&b, "    %s --> [*]\n", status)
		}
	}
	b.WriteString("```\n\n| in the state | stays there on | ends up elsewhere on |\n|---|---|---|\n")
	for _, from := range statuses {
		if billing.SubscriptionStatus(from).Ended() {
			fmt.Fprintf(&b, "| `%s` | an end state: nothing leaves it | |\n", from)
			continue
		}
		var leads []string
		for _, to := range statuses {
			if from != to {
				for _, event := range between(from, to) {
					leads = append(leads, fmt.Sprintf("`%s` → `%s`", event, to))
				}
			}
		}
		stays := ""
		if events := between(from, from); len(events) > 0 {
			stays = "`" + strings.Join(events, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", from, stays, strings.Join(leads, ", "))
	}
	return b.String()
}

// between are the events that lead from one state to another.
func between(from, to string) []string {
	var events []string
	for _, e := range billing.SubscriptionEvent("").Values() {
		if billing.SubscriptionStatus(from).Knows(billing.SubscriptionEvent(e), billing.SubscriptionStatus(to)) {
			events = append(events, e)
		}
	}
	return events
}
