package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const (
	changedObjects = 1000
	changesOfEach  = 10
	webhookSecret  = "whsec_of_the_comparison" //nolint:gosec // made up
)

// compareWebhooks delivers events about customers of the sandbox, ten about each: at a
// steady rate, as they are changed and in any order, and all at once.
func compareWebhooks(ctx context.Context, binary string) error {
	s, stop, err := startReceiver(ctx, binary)
	if err != nil {
		return err
	}
	defer stop()
	ids, err := s.customers(ctx)
	if err != nil {
		return err
	}
	for n, c := range []struct {
		name    string
		rate    int
		shuffle bool
	}{
		{"500 a second, of a few objects at a time", 500, false},
		{"500 a second, in any order", 500, true},
		{"all at once, in any order", 0, true},
	} {
		events := changes(n, ids)
		if c.shuffle {
			rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		}
		before, err := s.reads(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		took, err := s.deliver(ctx, events, c.rate)
		if err != nil {
			return err
		}
		taken := time.Since(began)
		seen, err := s.applied(ctx, len(events))
		if err != nil {
			return err
		}
		reads, err := s.reads(ctx)
		if err != nil {
			return err
		}
		slices.Sort(took)
		fmt.Printf("%d events about %d objects, %s: taken in after %.1f s, acknowledged within %.1f ms (median) and %.1f ms (99 %%); %.2f reads an object\n",
			len(events), len(ids), c.name, taken.Seconds(), ms(took[len(took)/2]), ms(took[len(took)*99/100]), (reads-before)/float64(len(ids)))
		fmt.Printf("  from an object's last event to its being seen: %.0f ms (median), %.0f ms (99 %%), %.0f ms at most\n", ms(seen[0]), ms(seen[1]), ms(seen[2]))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// receiver is the program with its built-in sandbox.
type receiver struct {
	*peer
	sandbox string
	db      *sql.DB
}

func startReceiver(ctx context.Context, binary string) (s *receiver, stop func(), err error) {
	database, drop, err := newDatabase(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	stops := []func(){drop}
	all := func() {
		for _, f := range slices.Backward(stops) {
			f()
		}
	}
	defer func() {
		if err != nil {
			all()
		}
	}()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, func() { os.RemoveAll(dir) })
	restore, err := makeDurable(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, restore)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	ours, err := start(ctx, "tallystick", []string{binary}, dir, "DATABASE_URL="+database, "ADMIN_API_KEY="+adminKey,
		"LOG_LEVEL=error", "DEMO=false", "SANDBOX_ADDR="+address, "STRIPE_WEBHOOK_SECRET="+webhookSecret)
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, ours.stop)
	db, err := sql.Open("pgx", database)
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, func() { db.Close() })
	s = &receiver{peer: ours, sandbox: "http://" + address, db: db}
	_, err = s.stripe(ctx, http.MethodPost, "/_sim/webhooks", `{"drop": 1000000}`) // it signs with another secret
	return s, all, err
}

// stripe sends a request to the sandbox.
func (s *receiver) stripe(ctx context.Context, method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.sandbox+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer sk_test_tallystick_sandbox")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	return answerOf(req)
}

func answerOf(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.300s", req.Method, req.URL, resp.Status, answer)
	}
	return answer, err
}

// customers makes customers in the sandbox, and waits until they have been found.
func (s *receiver) customers(ctx context.Context) (ids []string, err error) {
	for range changedObjects {
		made, err := s.stripe(ctx, http.MethodPost, "/v1/customers", "name=Ada")
		if err != nil {
			return nil, err
		}
		var customer struct{ ID string }
		if err := json.Unmarshal(made, &customer); err != nil {
			return nil, err
		}
		ids = append(ids, customer.ID)
	}
	_, err = s.applied(ctx, len(ids))
	return ids, err
}

// changes are events about customers, ten about each: of eight at a time, as if they were
// changed while the events come. The round makes them others than those before.
func changes(round int, ids []string) (bodies [][]byte) {
	for few := range slices.Chunk(ids, 8) {
		for range changesOfEach {
			for _, id := range few {
				bodies = append(bodies, fmt.Appendf(nil, `{"id":"evt_%d_%d","object":"event","created":%d,"type":"customer.updated","data":{"object":{"id":%q,"object":"customer"}}}`,
					round, len(bodies), time.Now().Unix(), id))
			}
		}
	}
	return bodies
}

// deliver delivers events at a rate, or without a pause, and returns how long each took.
func (s *receiver) deliver(ctx context.Context, bodies [][]byte, rate int) ([]time.Duration, error) {
	const senders = 16
	queue := make(chan int)
	took, errs := make([]time.Duration, len(bodies)), make([]error, senders)
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range queue {
				if errs[n] == nil {
					began := time.Now()
					errs[n] = s.deliverOne(ctx, bodies[i])
					took[i] = time.Since(began)
				}
			}
		})
	}
	began := time.Now()
	for i := range bodies {
		if rate > 0 {
			select {
			case <-time.After(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate)))):
			case <-ctx.Done():
			}
		}
		queue <- i
	}
	close(queue)
	all.Wait()
	return took, errors.Join(errs...)
}

func (s *receiver) deliverOne(ctx context.Context, body []byte) error {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: webhookSecret, Timestamp: time.Now()})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.url, "graphql")+"webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Stripe-Signature", signed.Header)
	_, err = answerOf(req)
	return err
}

// applied waits until so many events are applied, forgets them, and returns how long that
// took from each object's last one: the median, the 99th percentile and the most.
func (s *receiver) applied(ctx context.Context, events int) (seen [3]time.Duration, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < events && err == nil; {
		if err = s.db.QueryRowContext(ctx, `SELECT count(processed_at) FROM webhook_events`).Scan(&n); n < events {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return seen, ctx.Err()
			}
		}
	}
	if err != nil {
		return seen, err
	}
	var seconds [3]float64
	err = s.db.QueryRowContext(ctx, `SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY took), percentile_disc(0.99) WITHIN GROUP (ORDER BY took), max(took)
		FROM (SELECT extract(epoch FROM max(processed_at) - max(created_at)) AS took FROM webhook_events GROUP BY object_id) AS objects`).
		Scan(&seconds[0], &seconds[1], &seconds[2])
	for i := range seconds {
		seen[i] = time.Duration(seconds[i] * float64(time.Second))
	}
	if err == nil {
		_, err = s.db.ExecContext(ctx, "DELETE FROM webhook_events")
	}
	return seen, err
}

var readCalls = regexp.MustCompile(`(?m)^tallystick_stripe_call_seconds_count\{method="GET"[^}]*\} ([0-9.e+]+)$`)

// reads is how many reads Stripe was asked for.
func (s *receiver) reads(ctx context.Context) (n float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.url, "graphql")+"metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	answer, err := answerOf(req)
	for _, found := range readCalls.FindAllSubmatch(answer, -1) {
		each, parseErr := strconv.ParseFloat(string(found[1]), 64)
		n, err = n+each, errors.Join(err, parseErr)
	}
	return n, err
}
