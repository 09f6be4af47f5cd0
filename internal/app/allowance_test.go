package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/internal/testkit"
)

func (p *program) apiKey(t *testing.T, scopes string) testkit.Client {
	t.Helper()
	made := p.Query(t, fmt.Sprintf(`mutation { createApiKey(input: {name: "test", scopes: [%s]}) { secret } }`, scopes))
	return testkit.Client{URL: p.URL, Key: made.String("createApiKey.secret")}
}

func (p *program) session(t *testing.T, email string) testkit.Client {
	t.Helper()
	customer := p.Query(t, `mutation($e: String!) { createCustomer(input: {email: $e}) { customer { id } } }`, map[string]any{"e": email}).String("createCustomer.customer.id")
	made := p.Query(t, `mutation($id: ID!) { createCustomerSession(input: {customerId: $id}) { token } }`, map[string]any{"id": customer})
	return testkit.Client{URL: p.URL, Key: made.String("createCustomerSession.token")}
}

func code(a testkit.Answer) string {
	if !a.Has("errors.0") {
		return ""
	}
	return a.String("errors.0.extensions.code")
}

// What each principal may ask for, by the settings.
func TestAllowances(t *testing.T) {
	t.Parallel()
	const listed = `query Listed { products(first: 5) { edges { node { id name } } } }`
	p := &program{dir: t.TempDir()}
	manifest := filepath.Join(p.dir, "documents.json")
	if err := os.WriteFile(manifest, []byte(fmt.Sprintf(`{"listed": %q}`, listed)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"TRUSTED_DOCUMENTS=" + manifest, "INTROSPECTION=admin", "RATE_LIMIT=20000"}
	p.start(t)
	browser, reader, customer := p.apiKey(t, "READ_CATALOG"), p.apiKey(t, "READ_CATALOG, READ_INVOICES"), p.session(t, "ann@example.com")
	for name, test := range map[string]struct {
		of                testkit.Client
		other, introspect string
	}{
		"admin":    {p.Client, "", ""},
		"key":      {reader, "", "FORBIDDEN"},
		"browser":  {browser, "FORBIDDEN", "FORBIDDEN"},
		"customer": {customer, "FORBIDDEN", "FORBIDDEN"},
	} {
		if got := code(test.of.Send(t, listed)); got != "" {
			t.Errorf("%s, a document of the manifest: %q", name, got)
		}
		if got := code(test.of.Send(t, `{ products(first: 5) { totalCount } }`)); got != test.other {
			t.Errorf("%s, another document: %q", name, got)
		}
		if got := code(test.of.Send(t, `{ __schema { description } }`)); got != test.introspect {
			t.Errorf("%s, introspection: %q", name, got)
		}
		want := http.StatusOK
		if name != "admin" {
			want = http.StatusForbidden
		}
		resp := test.of.Do(t, get(t, p.URL+"/schema.graphql"))
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s, the SDL: %s", name, resp.Status)
		}
	}
	p.stop(t)

	p.env = []string{"RATE_LIMIT=1"}
	p.start(t)
	const dear = `{ products(first: 100) { edges { node { id name description active createdAt updatedAt } } } }`
	customer = p.session(t, "bob@example.com")
	if got := code(customer.Send(t, `{ products(first: 100) { edges { node { id name active prices(first: 20) { totalCount } } } } subscriptions(first: 100) {
		edges { node { id status cancelAtPeriodEnd currentPeriodEnd createdAt updatedAt trialEnd endedAt } } } }`)); got != "QUERY_TOO_COMPLEX" {
		t.Errorf("a customer, above 1,000: %q", got)
	}
	limited := func(c testkit.Client) (after int) {
		for after = range 50 {
			if code(c.Send(t, dear)) == "RATE_LIMITED" {
				break
			}
		}
		return after
	}
	if n := limited(customer); n != 1 {
		t.Errorf("a customer pays for %d of 601 and more, with 1,000 saved", n)
	}
	if n := limited(p.Client); n < 10 || n > 13 {
		t.Errorf("the admin pays for %d, with 10,000 saved", n)
	}
	p.stop(t)
	if log := p.log.String(); strings.Contains(log, customer.Key) {
		t.Error("the log tells a token")
	}
}
