// Admin is a command line for the people who look after billing: an example of a Go program on Tallystick's API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/Khan/genqlient/graphql"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "admin:", err)
		os.Exit(1)
	}
}

// admin carries out commands, and writes what they find to out.
type admin struct {
	client graphql.Client
	out    io.Writer
}

// A command of the tool.
type command struct {
	name, args, does string
	least, most      int
	run              func(admin, context.Context, []string) error
}

var commands = []command{
	{"plans", "", "what is on sale", 0, 0, admin.plans},
	{"reprice", "LOOKUP_KEY AMOUNT", "another price, in minor units, for new subscriptions", 2, 2, admin.reprice},
	{"customers", "[TEXT]", "customers whose e-mail or name has the text, with their subscriptions", 0, 1, admin.customers},
	{"sign-up", "EMAIL", "a new customer", 1, 1, admin.signUp},
	{"subscribe", "EMAIL LOOKUP_KEY SEATS PAYMENT_METHOD", "a new subscription; pm_card_visa is a test card", 4, 4, admin.subscribe},
	{"seats", "SUBSCRIPTION SEATS", "another number of seats, prorated", 2, 2, admin.seats},
	{"cancel", "SUBSCRIPTION", "the end of a subscription, when its period ends", 1, 1, admin.cancel},
	{"stuck", "", "changes that need someone to look at them, and why", 0, 0, admin.stuck},
	{"retry", "OPERATION", "one of those again", 1, 1, admin.retry},
}

// run carries out one command. The server's address and key are those of TALLYSTICK_URL and TALLYSTICK_KEY; without them,
// those of a server that was started in the directory of the repository.
func run(ctx context.Context, args []string, out io.Writer) error {
	for _, c := range commands {
		if len(args) == 0 || c.name != args[0] {
			continue
		}
		if n := len(args) - 1; n < c.least || n > c.most {
			return fmt.Errorf("usage: go run . %s %s", c.name, c.args)
		}
		client, err := connect()
		if err != nil {
			return err
		}
		return c.run(admin{client, out}, ctx, args[1:])
	}
	return errors.New("what is to be done?\n\n" + usage())
}

func usage() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(table, "  %s %s\t%s\n", c.name, c.args, c.does)
	}
	table.Flush()
	return text.String()
}

func connect() (graphql.Client, error) {
	url := os.Getenv("TALLYSTICK_URL")
	if url == "" {
		url = "http://127.0.0.1:8080/graphql"
	}
	key := os.Getenv("TALLYSTICK_KEY")
	if key == "" {
		file, err := os.ReadFile("../../data/admin-key")
		if err != nil {
			return nil, fmt.Errorf("TALLYSTICK_KEY is not set, and no server was started in ../..: %w", err)
		}
		key = strings.TrimSpace(string(file))
	}
	return graphql.NewClient(url, &http.Client{Transport: bearer(key), Timeout: time.Minute}), nil
}

// bearer sends a key along with every request.
type bearer string

func (key bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(key))
	return http.DefaultTransport.RoundTrip(r)
}

func whole(what, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s has to be a whole number, not %q", what, text)
	}
	return n, nil
}
