package app_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tallystick/internal/testkit"
)

const products = `{ products { edges { node { id name stripe { id status } defaultPrice { id unitAmount { amount } } } } } }`

func TestRestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		p.start(t)
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics"} {
			resp := p.Do(t, get(t, p.URL+path))
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("GET %s: %s", path, resp.Status)
			}
		}
		before := p.Query(t, products)
		if n := len(before.List("products.edges")); n != 3 {
			t.Fatalf("the demo catalogue has %d products", n)
		}
		inStripe := before.String("products.edges.0.node.stripe.id")
		key := p.Key
		p.stop(t)

		p.start(t)
		if p.Key != key {
			t.Error("the restart changed the admin key")
		}
		if after := p.Query(t, products); after.Raw() != before.Raw() {
			t.Errorf("the restart changed the data\nfrom %s\nto   %s", before.Raw(), after.Raw())
		}
		var product struct{ ID string }
		p.stripe(t, "/v1/products/"+inStripe, &product)
		if product.ID != inStripe {
			t.Errorf("the sandbox has %q for %s", product.ID, inStripe)
		}
		p.stop(t)
	})
}

// TestFirstAnswerHasTheDemo asks before the program says that it is ready.
func TestFirstAnswerHasTheDemo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := free.Addr().String()
		free.Close()
		p.URL, p.Key = "http://"+address, testkit.AdminKey
		p.env = append(p.env, "LISTEN_ADDR="+address, "ADMIN_API_KEY="+testkit.AdminKey)
		p.launch(t)
		testkit.Eventually(t, "the program to listen", func() bool {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return p.hasExited()
			}
			conn.Close()
			return true
		})
		if n := len(p.Query(t, products).List("products.edges")); n != 3 {
			t.Errorf("the first answer has %d products of the demo catalogue", n)
		}
	})
}

func TestMigrateCommand(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		for range 2 { // the second time there is nothing to do
			if out, err := p.command(t.Context(), "migrate").CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("migrate: %v: %s", err, out)
			}
		}
		if _, err := os.Stat(filepath.Join(p.dir, "data", "admin-key")); err == nil {
			t.Error("migrate made an admin key")
		}
		p.env = append(p.env, "DEMO=false")
		p.start(t)
		if n := len(p.Query(t, products).List("products.edges")); n != 0 {
			t.Errorf("without the demo there are %d products", n)
		}
	})
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	server := testkit.PostgresURL(t)
	missing := regexp.MustCompile(`/\w+(\?|$)`).ReplaceAllString(server, "/no_such_database$1")
	for name, test := range map[string]struct {
		env  []string
		says string
	}{
		"unknown scheme":       {[]string{"DATABASE_URL=mysql://localhost/x"}, "must start with postgres:// or sqlite://"},
		"no scheme":            {[]string{"DATABASE_URL=tallystick.db"}, "must start with postgres:// or sqlite://"},
		"no SQLite file":       {[]string{"DATABASE_URL=sqlite://"}, "names no file"},
		"unreachable":          {[]string{"DATABASE_URL=postgres://me:secret@127.0.0.1:1/x"}, "127.0.0.1:1 cannot be reached: connection refused"},
		"unreachable by name":  {[]string{"DATABASE_URL=postgres://me:secret@localhost:1/x"}, "localhost:1 cannot be reached: connection refused"},
		"malformed URL":        {[]string{"DATABASE_URL=postgres://me:secret@%zz"}, "not one that PostgreSQL understands"},
		"missing database":     {[]string{"DATABASE_URL=" + missing}, `database "no_such_database" does not exist`},
		"folder is a file":     {[]string{"DATABASE_URL=sqlite:///dev/null/x.db"}, "/dev/null"},
		"not a database":       {[]string{"DATABASE_URL=sqlite://" + garbage(t)}, "not a database"},
		"port in use":          {[]string{"LISTEN_ADDR=" + taken.Addr().String()}, "address already in use"},
		"sandbox port in use":  {[]string{"SANDBOX_ADDR=" + taken.Addr().String()}, "address already in use"},
		"no port":              {[]string{"LISTEN_ADDR=localhost"}, "LISTEN_ADDR must be HOST:PORT"},
		"publishable key":      {[]string{"STRIPE_SECRET_KEY=pk_test_x"}, "STRIPE_SECRET_KEY must start with"},
		"key with a space":     {withKey("STRIPE_SECRET_KEY=sk_test_x y"), "STRIPE_SECRET_KEY must be the key alone"},
		"real key alone":       {[]string{"STRIPE_SECRET_KEY=sk_test_x"}, "ADMIN_API_KEY must be set"},
		"short admin key":      {withKey("ADMIN_API_KEY=short"), "ADMIN_API_KEY must have at least 16 characters"},
		"live key over http":   {withKey("STRIPE_SECRET_KEY=sk_live_x", "STRIPE_API_BASE=http://proxy.example"), "STRIPE_API_BASE must be https://"},
		"no webhook secret":    {withKey("STRIPE_WEBHOOK_SECRET="), "STRIPE_WEBHOOK_SECRET must be set"},
		"admin key with space": {[]string{"ADMIN_API_KEY=correct horse battery"}, "ADMIN_API_KEY must be"},
		"API base":             {withKey("STRIPE_API_BASE=localhost:1"), "STRIPE_API_BASE must be"},
		"timeout, no number":   {[]string{"MUTATION_TIMEOUT=soon"}, "MUTATION_TIMEOUT"},
		"timeout, negative":    {[]string{"MUTATION_TIMEOUT=-1s"}, "MUTATION_TIMEOUT must be"},
		"timeout, too long":    {[]string{"MUTATION_TIMEOUT=1h"}, "MUTATION_TIMEOUT must be"},
		"negative rate limit":  {[]string{"RATE_LIMIT=-1"}, "RATE_LIMIT must be"},
		"introspection":        {[]string{"INTROSPECTION=maybe"}, "introspection must be"},
		"no manifest":          {[]string{"TRUSTED_DOCUMENTS=/no/such/file"}, "TRUSTED_DOCUMENTS"},
		"log level":            {[]string{"LOG_LEVEL=loud"}, "loud"},
		"log format":           {[]string{"LOG_FORMAT=xml"}, "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := (&program{dir: t.TempDir(), env: test.env}).command(ctx)
			refused(t, cmd, test.says)
		})
	}
	t.Run("unknown command", func(t *testing.T) {
		t.Parallel()
		refused(t, (&program{dir: t.TempDir()}).command(t.Context(), "frobnicate"), "frobnicate")
	})
}

// refused runs a command that must end in one clear line and exit code 1.
func refused(t testing.TB, cmd *exec.Cmd, says string) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	line := complaint.String()
	if strings.Count(line, "\n") != 1 || out.Len() > 0 || !strings.HasPrefix(line, "tallystick: ") {
		t.Errorf("not one line: %s%s", &out, line)
	}
	if !strings.Contains(line, says) || strings.Contains(line, "secret@") || strings.Contains(line, "goroutine") {
		t.Errorf("it says %q, want something with %q", line, says)
	}
}

// withKey is the environment of a server with a real Stripe key, with changes.
func withKey(change ...string) []string {
	return append([]string{
		"STRIPE_SECRET_KEY=" + testkit.SecretKey, "STRIPE_WEBHOOK_SECRET=" + testkit.WebhookSecret,
		"ADMIN_API_KEY=" + testkit.AdminKey,
	}, change...)
}

// garbage is a file that is no database.
func garbage(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(file, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func get(t testing.TB, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
