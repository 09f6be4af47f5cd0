package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"time"
)

//go:embed lists.sql
var listsSeed string

// fewRows and manyRows are how many customers there are; the rest is in proportion.
const (
	fewRows  = 10_000
	manyRows = 1_000_000
)

// repeats is how often each list is asked for.
const repeats = 15

// lists are those of the API, each asked for in the ways that could grow with the number
// of rows. A %s is the cursor of a row near the end.
var lists = []struct{ name, document string }{
	{"customers, first page", `{ customers(first: 50) { edges { node { id email } } pageInfo { hasNextPage endCursor } } }`},
	{"customers, deep", `{ customers(first: 50, after: "%s") { edges { node { id email } } pageInfo { hasNextPage endCursor } } }`},
	{"customers by e-mail", `{ customers(first: 50, orderBy: {field: EMAIL, direction: ASC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers by name", `{ customers(first: 50, orderBy: {field: NAME, direction: DESC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers by update", `{ customers(first: 50, orderBy: {field: UPDATED_AT, direction: ASC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers, e-mail", `{ customers(first: 50, filter: {email: "c77@example.com"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers, rare word", `{ customers(first: 50, filter: {search: "zanzibar"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers, unknown word", `{ customers(first: 50, filter: {search: "nobody has this"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"products, rare word", `{ products(first: 50, filter: {search: "zanzibar"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"products, not active", `{ products(first: 50, filter: {active: false}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"products by name", `{ products(first: 50, orderBy: {field: NAME, direction: ASC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"subscriptions, first page", `{ subscriptions(first: 50) { edges { node { id status } } pageInfo { hasNextPage } } }`},
	{"subscriptions, rare status", `{ subscriptions(first: 50, filter: {status: [PAST_DUE]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"subscriptions, no such status", `{ subscriptions(first: 50, filter: {status: [PAUSED, TRIALING]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"subscriptions of a customer", `{ subscriptions(first: 50, filter: {customerId: "cst_00000000000000000000000042"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"subscriptions by period", `{ subscriptions(first: 50, orderBy: {field: CURRENT_PERIOD_END, direction: ASC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"invoices, rare status", `{ invoices(first: 50, filter: {status: [OPEN]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"invoices of a customer", `{ invoices(first: 50, filter: {customerId: "cst_00000000000000000000000042"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"customers, the last invoices of each", `{ customers(first: 50) { edges { node { id invoices(first: 3) { edges { node { id subscription { status price { id } } } } pageInfo { hasNextPage } } } } } }`},
	{"invoices by update", `{ invoices(first: 50, orderBy: {field: UPDATED_AT, direction: DESC}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"operations, first page", `{ operations(first: 50) { edges { node { id kind status } } pageInfo { hasNextPage } } }`},
	{"operations, rare kind", `{ operations(first: 50, filter: {kind: [VOID_INVOICE]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"operations, rare status", `{ operations(first: 50, filter: {status: [FAILED]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"operations, rare kind and status", `{ operations(first: 50, filter: {kind: [VOID_INVOICE], status: [SUCCEEDED]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"operations of a subject", `{ operations(first: 50, filter: {subjectId: "cst_00000000000000000000000042"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"events, rare type", `{ webhookEvents(first: 50, filter: {type: ["invoice.voided"]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"events, rare status", `{ webhookEvents(first: 50, filter: {status: [FAILED]}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"events of an object", `{ webhookEvents(first: 50, filter: {objectId: "cus_42"}) { edges { node { id } } pageInfo { hasNextPage } } }`},
	{"three lists at the top", `{ customers(first: 20) { edges { node { id } } } invoices(first: 20) { edges { node { id } } } operations(first: 20) { edges { node { id } } } }`},
	{"health", `{ billingHealth { status needsAttention partial failedEvents } }`},
}

// compareLists prints how long each list takes with few rows and with many.
func compareLists(ctx context.Context, binary string) error {
	var peers [2]*peer
	var cursors [2]string
	for i, rows := range []int{fewRows, manyRows} {
		database, drop, err := newDatabase(ctx, rows)
		if err != nil {
			return err
		}
		defer drop()
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if peers[i], err = start(ctx, "tallystick", []string{binary}, dir, "DATABASE_URL="+database, "ADMIN_API_KEY="+adminKey); err != nil {
			return err
		}
		defer peers[i].stop()
		began := time.Now()
		if err := fill(ctx, database, listsSeed, rows); err != nil {
			return err
		}
		log.Printf("%d customers after %s", rows, time.Since(began).Round(time.Second))
		if cursors[i], err = peers[i].deepCursor(ctx, rows); err != nil {
			return err
		}
	}
	fmt.Printf("%-36s %12s %12s %8s\n", "median of "+fmt.Sprint(repeats), "10,000", "1,000,000", "ratio")
	for _, l := range lists {
		var took [2][]time.Duration
		for range repeats + 1 {
			for i, p := range peers {
				document := l.document
				if l.name == "customers, deep" {
					document = fmt.Sprintf(document, cursors[i])
				}
				began := time.Now()
				if err := p.answers(ctx, document); err != nil {
					return fmt.Errorf("%s: %w", l.name, err)
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		few, many := middle(took[0]), middle(took[1]) //nolint:gosec // there are two
		fmt.Printf("%-36s %12s %12s %8.1f\n", l.name, few.Round(10*time.Microsecond), many.Round(10*time.Microsecond), float64(many)/float64(few))
	}
	return nil
}

func middle(of []time.Duration) time.Duration { return slices.Sorted(slices.Values(of[1:]))[repeats/2] }

// answers asks for a document, which must be answered without errors.
func (p *peer) answers(ctx context.Context, document string) error {
	answer, err := p.ask(ctx, request(page{document: document}))
	if err != nil {
		return err
	}
	var got struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return err
	}
	if len(got.Errors) > 0 {
		return fmt.Errorf("%s", got.Errors[0])
	}
	return nil
}

// deepCursor is the cursor of a customer after nine tenths of all.
func (p *peer) deepCursor(ctx context.Context, rows int) (string, error) {
	email := fmt.Sprintf("c%d@example.com", rows/10)
	answer, err := p.ask(ctx, request(page{document: fmt.Sprintf(
		`{ customers(first: 1, filter: {email: %q}) { edges { cursor } } }`, email)}))
	if err != nil {
		return "", err
	}
	var got struct {
		Data struct {
			Customers struct {
				Edges []struct {
					Cursor string `json:"cursor"`
				} `json:"edges"`
			} `json:"customers"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return "", err
	}
	if len(got.Data.Customers.Edges) == 0 {
		return "", fmt.Errorf("there is no customer %s", email)
	}
	return got.Data.Customers.Edges[0].Cursor, nil
}
