package app_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/internal/testkit"
)

// waiting is how many sign-ups wait for Stripe when it comes back.
const waiting = 2000

// testRate is how many writes a second Stripe takes in test mode.
const testRate = 25

// BenchmarkBacklog lets two replicas work off what has piled up while Stripe was
// down, within the rate of test mode, which Stripe insists on. Meanwhile people go on
// with their work, events arrive, and a third replica is killed in the middle of a
// price change. It takes about two minutes.
func BenchmarkBacklog(b *testing.B) {
	for b.Loop() {
		newRush(b).workOff()
	}
}

func (r *rush) workOff() {
	r.b.Helper()
	r.pileUp()
	drained := make(chan time.Duration)
	r.stripe.Up(r.b)
	began := time.Now()
	go func() { drained <- r.drain(began) }()
	for _, p := range []*program{r.replicas[0], r.replicas[1], r.third} {
		testkit.Eventually(r.b, "a replica to have noticed", func() bool { return strings.HasSuffix(p.health(r.b), " OK") })
	}
	r.crash()
	for {
		select {
		case took := <-drained:
			r.report(took)
			return
		default:
			r.persons = append(r.persons, r.person())
			r.events = append(r.events, r.event())
		}
	}
}

// rush is what has piled up, and those who work on it.
type rush struct {
	b        *testing.B
	stripe   *testkit.Stripe
	replicas [2]*program
	third    *program
	db       *sql.DB
	products [3]string // one is changed here, one at Stripe, and one by a process that dies
	stripeID string    // of the second
	n        int

	persons, events []time.Duration
	afterCrash      time.Duration
}

func newRush(b *testing.B) *rush {
	b.Helper()
	r := &rush{b: b}
	r.replicas[0] = &program{dir: b.TempDir()}
	r.stripe = onStripe(b, r.replicas[0])
	database := testkit.EmptyPostgres(b)
	r.replicas[0].env = append(r.replicas[0].env, "DATABASE_URL="+database)
	r.replicas[0].start(b)
	r.replicas[1] = &program{dir: b.TempDir(), env: r.replicas[0].env}
	r.third = &program{dir: b.TempDir(), env: r.replicas[0].env}
	r.replicas[1].start(b)
	r.third.start(b)
	r.stripe.SendEvents(b, r.replicas[0].Client)
	var err error
	if r.db, err = sql.Open("pgx", database); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.db.Close() })
	for i := range r.products {
		r.products[i] = r.product(r.replicas[0], fmt.Sprint("Plan ", i))
	}
	if err := r.db.QueryRowContext(b.Context(), `SELECT stripe_id FROM products WHERE id = $1`, r.products[1]).Scan(&r.stripeID); err != nil {
		b.Fatal(err)
	}
	r.stripe.LimitRates(b)
	return r
}

func (r *rush) product(p *program, name string) string {
	r.b.Helper()
	return p.Query(r.b, `mutation($name: String!) { createProduct(input: {name: $name, price: {unitAmount: 1000, currency: "EUR"}}) {
		product { id } userErrors { message } } }`, map[string]any{"name": name}).String("createProduct.product.id")
}

// pileUp lets people sign up while Stripe is down.
func (r *rush) pileUp() {
	r.b.Helper()
	r.stripe.Down()
	var people sync.WaitGroup
	for worker := range 8 {
		people.Add(1)
		go func() {
			defer people.Done()
			for i := worker; i < waiting; i += 8 {
				r.replicas[i%2].signUp(r.b, fmt.Sprintf("c%d@example.com", i))
			}
		}()
	}
	people.Wait()
}

// drain waits until everybody is linked, and returns how long that took.
func (r *rush) drain(began time.Time) time.Duration {
	for range time.Tick(50 * time.Millisecond) {
		var left int
		if err := r.db.QueryRowContext(context.Background(), `SELECT count(*) FROM customers WHERE stripe_id IS NULL`).Scan(&left); err != nil {
			r.b.Error(err)
			return 0
		}
		if left == 0 {
			return time.Since(began)
		}
	}
	panic("a ticker does not end")
}

// person changes something, and waits for the answer.
func (r *rush) person() time.Duration {
	r.b.Helper()
	r.n++
	began := time.Now()
	status := r.replicas[r.n%2].Query(r.b, `mutation($input: UpdateProductInput!) { updateProduct(input: $input) { operation { status } } }`,
		map[string]any{"input": map[string]any{"productId": r.products[0], "description": fmt.Sprint(r.n)}}).String("updateProduct.operation.status")
	if status != "SUCCEEDED" {
		r.b.Errorf("a person's change is %s", status)
	}
	return time.Since(began)
}

// event changes something in the dashboard, and waits until readers see it.
func (r *rush) event() time.Duration {
	r.b.Helper()
	r.n++
	name := fmt.Sprint("Plan ", r.n)
	began := time.Now()
	r.stripe.Change(r.b, r.stripeID, map[string]any{"name": name}, "product.updated")
	testkit.Eventually(r.b, "readers to see "+name, func() bool {
		return r.replicas[1].Query(r.b, `query($id: ID!) { node(id: $id) { ... on Product { name } } }`,
			map[string]any{"id": r.products[1]}).String("node.name") == name
	})
	return time.Since(began)
}

// crash kills a process in the middle of a price change, and waits until another one
// has finished that.
func (r *rush) crash() {
	r.b.Helper()
	product := r.products[2]
	r.stripe.Fail(r.b, testkit.Fault{Kind: "delay", Method: http.MethodPost, Path: "/v1/prices", Count: 1, DelayMs: 1000})
	r.third.tell(fmt.Sprintf(`mutation { updateProductPrice(input: {productId: %q, unitAmount: 2000}) { operation { status } } }`, product))
	status := func() (status string) {
		err := r.db.QueryRowContext(r.b.Context(), `SELECT status FROM operations WHERE kind = 'UPDATE_PRODUCT_PRICE' AND subject_id = $1`, product).Scan(&status)
		if err != nil && err != sql.ErrNoRows {
			r.b.Fatal(err)
		}
		return status
	}
	testkit.Eventually(r.b, "the change to begin", func() bool { return status() == "RUNNING" })
	r.third.kill()
	began := time.Now()
	testkit.Eventually(r.b, "the change to be finished by another process", func() bool { return status() == "SUCCEEDED" })
	r.afterCrash = time.Since(began)
}

func (r *rush) report(took time.Duration) {
	r.b.Helper()
	var refused, writes, all float64
	if err := r.db.QueryRowContext(r.b.Context(), `SELECT count(*) FILTER (WHERE status = 429),
		count(*) FILTER (WHERE method = 'POST' AND status < 300), count(*) FROM stripe_calls`).Scan(&refused, &writes, &all); err != nil {
		r.b.Fatal(err)
	}
	if creations(r.b, r.stripe) > waiting {
		r.b.Error("customers were created twice")
	}
	r.b.ReportMetric(took.Seconds(), "s/drain")
	r.b.ReportMetric(writes/took.Seconds()/testRate, "of-the-rate")
	r.b.ReportMetric(100*refused/all, "%-429")
	r.b.ReportMetric(slices.Max(r.persons).Seconds(), "s-person-max")
	r.b.ReportMetric(slices.Max(r.events).Seconds(), "s-event-max")
	r.b.ReportMetric(r.afterCrash.Seconds(), "s-after-crash")
}
