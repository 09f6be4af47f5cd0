// Command bench measures the program from outside, on a PostgreSQL of its own.
//
// Peers compares it with what else answers the same pages from the same database:
// Mercurius with JIT, and a handler written by hand. Lists compares its lists with few
// rows and with many. Signups compares its sign-ups with bare inserts. Webhooks lets it
// take in events. Those who are compared run at the same time and are asked in turn, so
// that the machine's mood is everybody's.
package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

const (
	customers = 5000
	rounds    = 7
	turn      = 2 * time.Second
	adminKey  = "tsk_of_the_comparison_0123456789"
)

//go:embed seed.sql
var seed string

// page is one that is asked for, and who can answer it.
type page struct {
	name, document string
	byHand         bool
}

var pages = []page{
	{name: "50 customers x 3 subscriptions", byHand: true, document: `{ customers(first: 50) { edges { node { id email name
		subscriptions(first: 3) { edges { node { id status currentPeriodEnd price { id unitAmount { amount currency } product { id name } } } } } } } } }`},
	{name: "50 products", document: `{ products(first: 50) { edges { node { id name active } } } }`},
	{name: "one customer", document: `{ customer(id: "cst_00000000000000000000000042") { id email name } }`},
}

// peer is a server that is compared.
type peer struct {
	name, url string
	cmd       *exec.Cmd
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 15*time.Minute)
	defer stop()
	err := errors.New("usage: bench peers|lists|signups|webhooks PROGRAM")
	switch what := strings.Join(os.Args[1:min(2, len(os.Args))], ""); {
	case what == "handwritten":
		err = serveByHand(ctx)
	case what == "peers" && len(os.Args) == 3:
		err = compare(ctx, os.Args[2])
	case what == "lists" && len(os.Args) == 3:
		err = compareLists(ctx, os.Args[2])
	case what == "signups" && len(os.Args) == 3:
		err = compareSignUps(ctx, os.Args[2])
	case what == "webhooks" && len(os.Args) == 3:
		err = compareWebhooks(ctx, os.Args[2])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// compare starts everybody, holds their answers to each other, and lets them run. binary
// is this API's program.
func compare(ctx context.Context, binary string) (err error) {
	database, drop, err := newDatabase(ctx, customers)
	if err != nil {
		return err
	}
	defer drop()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours, err := start(ctx, "tallystick", []string{binary}, dir, "DATABASE_URL="+database, "ADMIN_API_KEY="+adminKey)
	if err != nil {
		return err
	}
	defer ours.stop()
	if err := fill(ctx, database, seed, customers); err != nil {
		return err
	}
	node, err := start(ctx, "mercurius", []string{"node", "mercurius.mjs"}, "scripts/bench", "DATABASE_URL="+database, "NODE_ENV=production")
	if err != nil {
		return err
	}
	defer node.stop()
	byHand, err := start(ctx, "handwritten", []string{self, "handwritten"}, dir, "DATABASE_URL="+database)
	if err != nil {
		return err
	}
	defer byHand.stop()
	for _, clients := range []int{1, 8} {
		fmt.Printf("\n%d client(s), medians of %d rounds, requests a second\n", clients, rounds)
		for _, p := range pages {
			peers := []*peer{ours, node}
			if p.byHand {
				peers = append(peers, byHand)
			}
			if err := agree(ctx, p, peers); err != nil {
				return err
			}
			if err := race(ctx, p, peers, clients); err != nil {
				return err
			}
		}
	}
	return nil
}

// newDatabase makes a database for so many rows on the server of TEST_POSTGRES_URL.
func newDatabase(ctx context.Context, rows int) (database string, drop func(), err error) {
	server, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
	if err != nil || server.Host == "" {
		return "", nil, errors.New("TEST_POSTGRES_URL must be a server's URL")
	}
	db, err := sql.Open("pgx", server.String())
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("bench_%d_%d", os.Getpid(), rows)
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	server.Path = "/" + name
	return server.String(), func() {
		if _, err := db.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			log.Print(err)
		}
		db.Close()
	}, nil
}

func fill(ctx context.Context, database, seed string, rows int) error {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range append(strings.Split(strings.TrimSpace(seed), ";\n"), "ANALYZE") {
		var args []any
		if strings.Contains(statement, "$1") {
			args = append(args, rows)
		}
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("%w: %.80s", err, statement)
		}
	}
	return nil
}

// start starts a server on a free port and waits until it answers.
func start(ctx context.Context, name string, command []string, dir string, env ...string) (*peer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)
	if command[0], err = exec.LookPath(command[0]); err != nil {
		return nil, err
	}
	if command[0], err = filepath.Abs(command[0]); err != nil {
		return nil, err
	}
	p := &peer{name: name, url: "http://" + address + "/graphql", cmd: exec.CommandContext(ctx, command[0], command[1:]...)} //nolint:gosec // the peers
	p.cmd.Dir, p.cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "PORT=" + port, "LISTEN_ADDR=" + address}, env...)
	var out bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for wait.Err() == nil {
		if _, err := p.ask(wait, request(page{document: "{ __typename }"})); err == nil {
			return p, nil
		}
		select {
		case <-tick.C:
		case <-wait.Done():
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s does not answer:\n%s", name, out.String())
}

func (p *peer) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

// ask sends a document and returns the answer.
func (p *peer) ask(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+adminKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", p.name, resp.Status, answer)
	}
	return answer, err
}

func request(p page) []byte {
	body, err := json.Marshal(map[string]string{"query": p.document})
	if err != nil {
		panic(err)
	}
	return body
}

// agree fails unless everybody gives the same data.
func agree(ctx context.Context, p page, peers []*peer) error {
	var first any
	var ours []byte
	for i, peer := range peers {
		answer, err := peer.ask(ctx, request(p))
		if err != nil {
			return err
		}
		var data any
		if err := json.Unmarshal(answer, &data); err != nil {
			return fmt.Errorf("%s: %w", peer.name, err)
		}
		if i == 0 {
			first, ours = data, answer
		} else if !reflect.DeepEqual(first, data) {
			return fmt.Errorf("%s answers %.600s\nand %s %.600s", peers[0].name, ours, peer.name, answer)
		}
	}
	return nil
}

// race lets everybody answer in turn, and prints the medians and what they are to the
// first one's.
func race(ctx context.Context, p page, peers []*peer, clients int) error {
	rates := make([][]float64, len(peers))
	for round := range rounds + 1 {
		for i, peer := range peers {
			body := request(p)
			rate, err := peer.run(ctx, clients, func(c *client) error {
				_, err := c.ask(body)
				return err
			})
			if err != nil {
				return err
			}
			if round > 0 { // the first one warms up
				rates[i] = append(rates[i], rate)
			}
		}
	}
	fmt.Printf("  %-32s", p.name)
	for i, peer := range peers {
		fmt.Printf("  %s %.0f", peer.name, median(rates[i]))
		if i == 0 {
			continue
		}
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = rates[0][round] / rates[i][round]
		}
		fmt.Printf(" (ours is %.2f x)", median(ratios))
	}
	fmt.Println()
	return nil
}

func median(of []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(of), cmp.Compare[float64])
	return sorted[len(sorted)/2]
}
