package resolvers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"

	"tallystick/ent"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// recorded is a statement with its values.
type recorded struct {
	query string
	args  []any
}

// recorder is a driver that notes what is read.
type recorder struct {
	dialect.Driver
	mu   sync.Mutex
	seen []recorded
}

func (r *recorder) Query(ctx context.Context, query string, args, v any) error {
	values, _ := args.([]any)
	r.mu.Lock()
	r.seen = append(r.seen, recorded{query, values})
	r.mu.Unlock()
	return r.Driver.Query(ctx, query, args, v)
}

// record notes what the API reads from now on.
func record(k *testkit.Kit) *recorder {
	d := dialect.SQLite
	if k.Database == "postgres" {
		d = dialect.Postgres
	}
	r := &recorder{Driver: entsql.OpenDB(d, k.Store.DB)}
	k.Store.Reader = store.NewReader(ent.NewClient(ent.Driver(r)))
	return r
}

// plan is how the database comes by the rows of a statement with these values.
func plan(t *testing.T, k *testkit.Kit, s recorded) string {
	t.Helper()
	explain, args := "EXPLAIN QUERY PLAN ", s.args
	if k.Database == "postgres" {
		explain, args = "EXPLAIN ", append([]any{pgx.QueryExecModeCacheDescribe}, s.args...)
	}
	rows, err := k.Store.DB.QueryContext(t.Context(), explain+s.query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.query)
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var line string
		into := []any{&line}
		if k.Database == "sqlite" {
			var a, b, c int
			into = []any{&a, &b, &c, &line}
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// many fills the large tables: 20,000 customers with a subscription, an invoice, an
// operation and an event each. Of every filter's values one is rare.
func many(t *testing.T, k *testkit.Kit) world {
	t.Helper()
	w := seed(t, k, 2)
	number, text := "n", "printf('%026d', n)"
	series := "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 20000)"
	from, now := " FROM series", "'2026-01-02 00:00:00'"
	if k.Database == "postgres" {
		series, from, text, now = "", " FROM generate_series(1, 20000) n", "lpad(n::text, 26, '0')", "timestamptz '2026-01-02 00:00:00Z'"
	}
	rare := func(usual, rare string) string {
		return "CASE WHEN " + number + " = 77 THEN '" + rare + "' ELSE '" + usual + "' END"
	}
	for _, insert := range []string{
		`INSERT INTO customers (id, email, name, email_claimed, metadata, created_at, updated_at, stripe_status) ` + series +
			` SELECT 'cst_' || ` + text + `, 'm' || ` + text + ` || '@example.com', ` + rare("Somebody", "Rumpelstiltskin") + `, true, '{}', ` + now + `, ` + now + `, 'SYNCED'` + from,
		`INSERT INTO subscriptions (id, customer_id, price_id, product_id, status, current_period_end, item_count, collection, cancel_at_period_end, created_at, updated_at, stripe_status) ` + series +
			` SELECT 'sbn_' || ` + text + `, 'cst_' || ` + text + `, '` + w.prices[0] + `', '` + w.products[0] + `', ` + rare("ACTIVE", "UNPAID") + `, ` + now + `, 1, 'CHARGE_AUTOMATICALLY', false, ` + now + `, ` + now + `, 'SYNCED'` + from,
		`INSERT INTO subscription_items (id, subscription_id, price_id, product_id, quantity, created_at, updated_at, stripe_id) ` + series +
			` SELECT 'sbi_' || ` + text + `, 'sbn_' || ` + text + `, ` + rare(w.prices[0], w.prices[1]) + `, '` + w.products[0] + `', 1, ` + now + `, ` + now + `, 'si_' || ` + text + from,
		`INSERT INTO invoices (id, customer_id, subscription_id, status, currency, total, amount_due, amount_paid, amount_remaining, created_at, updated_at, stripe_status) ` + series +
			` SELECT 'ivc_' || ` + text + `, 'cst_' || ` + text + `, 'sbn_' || ` + text + `, ` + rare("PAID", "VOID") + `, 'USD', 1, 1, 1, 0, ` + now + `, ` + now + `, 'SYNCED'` + from,
		`INSERT INTO operations (id, kind, status, subject_id, scope_id, position, params, steps, attempts, faults, created_at, updated_at, finished_at) ` + series +
			` SELECT 'opn_' || ` + text + `, ` + rare("CREATE_CUSTOMER", "ARCHIVE_PRICE") + `, ` + rare("SUCCEEDED", "NEEDS_ATTENTION") + `, 'cst_' || ` + text + `, 'cst_' || ` + text + `, 1, '{}', '[]', 0, 0, ` + now + `, ` + now + `, ` + now + from,
		`INSERT INTO webhook_events (id, stripe_event_id, type, object_type, object_id, status, attempts, occurred_at, missed, created_at, updated_at, processed_at) ` + series +
			` SELECT 'whe_' || ` + text + `, 'evt_' || ` + text + `, ` + rare("customer.updated", "invoice.voided") + `, 'customer', 'cus_' || ` + text + `, ` + rare("PROCESSED", "FAILED") + `, 1, ` + now + `, false, ` + now + `, ` + now + `, ` + now + from,
		map[string]string{"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE"}[k.Database],
	} {
		if _, err := k.Store.DB.ExecContext(t.Context(), insert); err != nil {
			t.Fatalf("%v\n%s", err, insert)
		}
	}
	return w
}

// TestPlans holds the lists to plans whose cost does not grow with the tables: rows
// come in order from an index, and none is read to be left out.
func TestPlans(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := many(t, k)
		recorder := record(k)
		lists := []string{
			`customers`, `subscriptions`, `invoices`, `operations`, `webhookEvents`,
			`customers(filter: {email: "M00000000000000000000000077@example.com"})`,
			`subscriptions(filter: {status: [UNPAID]})`,
			`subscriptions(filter: {customerId: "` + w.customers[0] + `"})`,
			`subscriptions(filter: {priceId: "` + w.prices[1] + `"})`,
			`invoices(filter: {status: [VOID]})`,
			`invoices(filter: {customerId: "` + w.customers[0] + `"})`,
			`operations(filter: {status: [NEEDS_ATTENTION]})`,
			`operations(filter: {kind: [ARCHIVE_PRICE]})`,
			`operations(filter: {subjectId: "` + w.customers[0] + `"})`,
			`webhookEvents(filter: {status: [FAILED]})`,
			`webhookEvents(filter: {type: ["invoice.voided"]})`,
			`webhookEvents(filter: {objectId: "cus_00000000000000000000000077"})`,
			`subscriptions(orderBy: {field: CURRENT_PERIOD_END})`,
			`subscriptions(orderBy: {field: CURRENT_PERIOD_END, direction: DESC})`,
			`customers(orderBy: {field: NAME, direction: DESC})`,
			`customers(orderBy: {field: EMAIL})`,
		}
		for _, list := range []string{"customers", "subscriptions", "invoices", "operations", "webhookEvents"} {
			lists = append(lists, list+`(orderBy: {field: UPDATED_AT, direction: DESC})`, list+`(orderBy: {field: CREATED_AT})`)
		}
		if k.Database == "postgres" { // SQLite has no index of texts
			lists = append(lists, `customers(filter: {search: "umpelstil"})`)
		}
		for _, list := range lists {
			recorder.seen = nil
			k.Query(t, `{ `+list+` { edges { node { id } } pageInfo { hasNextPage endCursor } } }`)
			testkit.Equal(t, list+": statements", len(recorder.seen), 1)
			assertPlan(t, k, list, recorder.seen[0])
			field, arguments, _ := strings.Cut(list, "(")
			if strings.Contains(arguments, "filter") {
				continue
			}
			cursor := k.Query(t, `{ `+list+` { pageInfo { endCursor } } }`).String(field + ".pageInfo.endCursor")
			recorder.seen = nil
			k.Query(t, fmt.Sprintf(`{ %s(first: 10, after: %q, %s { edges { node { id } } } }`, field, cursor, arguments+map[bool]string{true: ")"}[arguments == ""]))
			assertPlan(t, k, list+", the next page", recorder.seen[0])
		}
	})
}

// assertPlan fails for a plan that goes through all rows of a table, or puts more
// than a few in order.
func assertPlan(t *testing.T, k *testkit.Kit, list string, s recorded) {
	t.Helper()
	got := plan(t, k, s)
	for line := range strings.Lines(got) {
		whole := strings.Contains(line, "Seq Scan")
		if k.Database == "sqlite" {
			whole = strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "INDEX")
		}
		if whole {
			t.Errorf("%s reads a whole table:\n%s%s", list, got, s.query)
			return
		}
	}
	if strings.Contains(list, "orderBy") && (strings.Contains(got, "Sort Key") || strings.Contains(got, "TEMP B-TREE")) {
		t.Errorf("%s is put in order:\n%s%s", list, got, s.query)
	}
}

// TestPlansOfJoins holds what is read along with other rows to the same.
func TestPlansOfJoins(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := many(t, k)
		recorder := record(k)
		for _, document := range []string{
			`customers(first: 50) { edges { node { subscriptions(first: 3) { edges { node { customer { email } latestInvoice { status } } } } } } }`,
			`customers(first: 50) { edges { node { invoices(last: 3) { edges { node { status subscription { status customer { email } } } } } } } }`,
			`invoices(first: 50) { edges { node { subscription { status customer { email } latestInvoice { status } } } } }`,
			`subscription(id: "` + w.subscriptions[0] + `") { customer { email } latestInvoice { status customer { email } } }`,
		} {
			recorder.seen = nil
			k.Query(t, "{ "+document+" }")
			joined := 0
			for _, s := range recorder.seen {
				if !strings.Contains(s.query, "LEFT JOIN") {
					continue
				}
				joined++
				if got := plan(t, k, s); strings.Contains(got, "Seq Scan") || strings.Contains(got, "SCAN j") {
					t.Errorf("%s reads a whole table:\n%s%s", document, got, s.query)
				}
			}
			if joined == 0 {
				t.Errorf("%s joins nothing", document)
			}
		}
	})
}

// TestPlansOfNestedLists: the first rows of each parent come in order from an index, so
// that they cost the same however many there are.
func TestPlansOfNestedLists(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := many(t, k)
		recorder := record(k)
		for list, index := range map[string]string{
			"customers(first: 50) { edges { node { subscriptions(first: 3)":                 "subscription_customer_id_id",
			"customers(first: 50) { edges { node { invoices(last: 3)":                       "invoice_customer_id_id",
			"subscriptions(first: 50) { edges { node { invoices(first: 3)":                  "invoice_subscription_id_id",
			`n: node(id: "` + w.customers[0] + `") { ... on Customer { invoices(first: 3)`:  "invoice_customer_id_id",
			`customer(id: "` + w.customers[0] + `") { subscriptions(first: 3, after: null)`: "subscription_customer_id_id",
		} {
			recorder.seen = nil
			k.Query(t, "{ "+list+" { edges { node { id } } pageInfo { hasNextPage } } "+strings.Repeat("}", strings.Count(list, "{")+1))
			got := plan(t, k, recorder.seen[len(recorder.seen)-1])
			sorts := strings.Count(got, "Sort Key") + strings.Count(got, "TEMP B-TREE FOR ORDER BY")
			if !strings.Contains(got, index) || sorts > 1 { // the page, when it has been found
				t.Errorf("%s does not take the rows of each in order from %s:\n%s", list, index, got)
			}
		}
	})
}

// TestPlanOfMissedEvents: health counts the missed events of the day without going through
// the others.
func TestPlanOfMissedEvents(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		many(t, k)
		recorder := record(k)
		k.Query(t, `{ billingHealth { missedEvents } }`)
		counted := slices.IndexFunc(recorder.seen, func(s recorded) bool {
			return strings.Contains(s.query, "COUNT") && strings.Contains(s.query, "missed")
		})
		if got := plan(t, k, recorder.seen[counted]); !strings.Contains(got, "webhookevent_created_at ") {
			t.Errorf("missed events are not counted by their index:\n%s%s", got, recorder.seen[counted].query)
		}
	})
}
