package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
)

// compareSignUps holds the sign-ups that the program accepts to what pgbench inserts, a
// row at a time and the rows of a sign-up at a time, on one server that writes each commit
// to its disk. Meanwhile the customers are created in a sandbox, at the rate that Stripe
// allows.
func compareSignUps(ctx context.Context, binary string) error {
	database, drop, err := newDatabase(ctx, 0)
	if err != nil {
		return err
	}
	defer drop()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	restore, err := makeDurable(ctx, database)
	if err != nil {
		return err
	}
	defer restore()
	stripe, stop, err := startStripe(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer stop()
	ours, err := start(ctx, "tallystick", []string{binary}, dir, "DATABASE_URL="+database, "ADMIN_API_KEY="+adminKey, "LOG_LEVEL=error",
		"STRIPE_SECRET_KEY=sk_test_of_the_comparison", "STRIPE_WEBHOOK_SECRET=whsec_nobody", "STRIPE_API_BASE="+stripe)
	if err != nil {
		return err
	}
	defer ours.stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	byHand, err := start(ctx, "handwritten", []string{self, "handwritten"}, dir, "DATABASE_URL="+database)
	if err != nil {
		return err
	}
	defer byHand.stop()
	byHand.url = strings.TrimSuffix(byHand.url, "graphql") + "signup"
	one, err := newInserts(dir, database, oneRow)
	if err != nil {
		return err
	}
	same, err := newInserts(dir, database, sameRows)
	if err != nil {
		return err
	}
	var last atomic.Int64
	for _, clients := range []int{1, 8, 32} {
		var accepted, inserted, bare, alike [rounds]float64
		for round := -1; round < rounds; round++ { // the first one warms up
			i := max(round, 0)
			if accepted[i], err = ours.signUp(ctx, clients, &last); err != nil {
				return err
			}
			if inserted[i], err = byHand.signUp(ctx, clients, &last); err != nil {
				return err
			}
			if bare[i], err = one.run(ctx, clients); err != nil {
				return err
			}
			if alike[i], err = same.run(ctx, clients); err != nil {
				return err
			}
		}
		fmt.Printf("%2d client(s), a second: %6.0f sign-ups; by hand %6.0f (%.2f x); by pgbench %6.0f single rows (%.2f x), %6.0f times the rows of a sign-up (%.2f x)\n",
			clients, median(accepted[:]), median(inserted[:]), ratio(accepted, inserted),
			median(bare[:]), ratio(accepted, bare), median(alike[:]), ratio(accepted, alike))
	}
	return nil
}

// ratio is the median of the rounds' ratios.
func ratio(ours, others [rounds]float64) float64 {
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = ours[i] / others[i]
	}
	return median(ratios)
}

// startStripe starts the sandbox in a process of its own, without events.
func startStripe(ctx context.Context, binary, dir string) (url string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.CommandContext(ctx, binary, "sandbox", "serve", "--addr", address, "--data", filepath.Join(dir, "stripe")) //nolint:gosec // ours
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says that it is ready
		stop()
		return "", nil, fmt.Errorf("the sandbox does not start: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return "http://" + address, stop, nil
}

// makeDurable has the server write each commit to its disk until restore is called.
func makeDurable(ctx context.Context, database string) (restore func(), err error) {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return nil, err
	}
	set := func(statements ...string) error {
		var all []error
		for _, statement := range append(statements, "SELECT pg_reload_conf()") {
			_, err := db.ExecContext(context.WithoutCancel(ctx), statement)
			all = append(all, err)
		}
		return errors.Join(all...)
	}
	if err := set("ALTER SYSTEM SET fsync = on", "ALTER SYSTEM SET synchronous_commit = on",
		"CREATE TABLE inserts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, created_at timestamptz DEFAULT now())"); err != nil {
		return nil, err
	}
	return func() {
		_ = set("ALTER SYSTEM RESET fsync", "ALTER SYSTEM RESET synchronous_commit") // the server is thrown away
		db.Close()
	}, nil
}

// signUp is the request of a sign-up.
const signUp = `{"query": "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } userErrors { code } } }",
	"variables": {"input": {"email": "c%d@example.com"}}}`

// signUp signs people up for a turn's time and returns how many were accepted in a
// second.
func (p *peer) signUp(ctx context.Context, clients int, last *atomic.Int64) (rate float64, err error) {
	return p.run(ctx, clients, func(c *client) error {
		answer, err := c.ask(fmt.Appendf(nil, signUp, last.Add(1)))
		if err == nil && !bytes.Contains(answer, []byte(`"userErrors":[]`)) {
			err = fmt.Errorf("a sign-up was not accepted: %s", answer)
		}
		return err
	})
}

// oneRow is a script of pgbench that inserts a row, and sameRows one that inserts the
// rows of a sign-up as it does, in one round trip. The operation is over, so that the
// program leaves it alone.
const (
	oneRow   = "INSERT INTO inserts (email) VALUES (gen_random_uuid() || '@example.com');\n"
	sameRows = `\startpipeline
BEGIN;
INSERT INTO customers (id, created_at, updated_at, stripe_status, email, email_claimed, name, metadata)
	VALUES ('cus_' || gen_random_uuid(), now(), now(), 'PENDING', gen_random_uuid() || '@example.com', true, '', '{}');
INSERT INTO operations (id, created_at, updated_at, kind, status, subject_id, scope_id, position, params, steps, attempts, faults, finished_at)
	VALUES ('opn_' || gen_random_uuid(), now(), now(), 'CREATE_CUSTOMER', 'SUCCEEDED', 'cus_' || gen_random_uuid(), 'cus_' || gen_random_uuid(), 1,
		'{"customer_id": "cus_0", "create": {"email": "c@example.com"}}', '[{"name": "create_customer", "status": "DONE"}]', 1, 0, now());
COMMIT;
\endpipeline
`
)

// inserts is pgbench with a script.
type inserts struct{ pgbench, script, database string }

func newInserts(dir, database, script string) (*inserts, error) {
	pgbench, err := exec.LookPath("pgbench")
	if err != nil {
		found, globErr := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if globErr != nil || len(found) == 0 {
			return nil, errors.New("pgbench is missing, which comes with PostgreSQL")
		}
		pgbench = found[len(found)-1]
	}
	file, err := os.CreateTemp(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(script)
	return &inserts{pgbench: pgbench, script: file.Name(), database: database}, errors.Join(err, file.Close())
}

var transactions = regexp.MustCompile(`tps = ([0-9.]+)`)

func (i *inserts) run(ctx context.Context, clients int) (rate float64, err error) {
	c := strconv.Itoa(clients)
	out, err := exec.CommandContext(ctx, i.pgbench, "-n", "-M", "prepared", "-c", c, "-j", "2", "-T", "2", "-f", i.script, i.database).CombinedOutput() //nolint:gosec // its own
	found := transactions.FindSubmatch(out)
	if err != nil || found == nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
