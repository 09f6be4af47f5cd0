package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76/webhook"

	"tallystick/internal/sandbox"
)

// ask makes a request with a key and returns the answer's status and fields.
func ask(t *testing.T, method, address, key string, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

func page(t *testing.T, address string) (int, string) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func startHost(t *testing.T, o sandbox.HostOptions) (*sandbox.Host, string) {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	o.Logger = slog.New(slog.DiscardHandler)
	host, err := sandbox.NewHost(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(host)
	t.Cleanup(func() {
		server.Close()
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host, server.URL
}

func TestEveryKeyIsAnAccount(t *testing.T) {
	_, address := startHost(t, sandbox.HostOptions{})
	ask(t, http.MethodPost, address+"/v1/customers", "sk_test_one", url.Values{"email": {"ada@example.com"}})
	for key, count := range map[string]int{"sk_test_one": 1, "sk_test_two": 0, sandbox.Key: 0} {
		if _, list := ask(t, http.MethodGet, address+"/v1/customers", key, nil); len(list["data"].([]any)) != count {
			t.Errorf("%s sees %v", key, list["data"])
		}
	}
	_, one := ask(t, http.MethodGet, address+"/v1/account", "sk_test_one", nil)
	_, two := ask(t, http.MethodGet, address+"/v1/account", "sk_test_two", nil)
	if one["id"] == two["id"] {
		t.Errorf("both are %v", one["id"])
	}
	if status, _ := ask(t, http.MethodGet, address+"/v1/customers", "sk_live_one", nil); status != http.StatusUnauthorized {
		t.Errorf("a live key is answered with %d", status)
	}
}

func TestPagesOfAnAccountLeadBackToIt(t *testing.T) {
	_, address := startHost(t, sandbox.HostOptions{})
	status, session := ask(t, http.MethodPost, address+"/v1/checkout/sessions", "sk_test_one", url.Values{"mode": {"setup"}, "success_url": {"http://127.0.0.1/done"}})
	if status != http.StatusOK {
		t.Fatal(session)
	}
	if status, text := page(t, session["url"].(string)); status != http.StatusOK || !strings.Contains(text, "Save a card") {
		t.Errorf("%v: status %d, %s", session["url"], status, text)
	}
	_, inspection := page(t, strings.Split(session["url"].(string), "/c/pay/")[0]+"/_sim/inspect")
	if !strings.Contains(inspection, session["id"].(string)) {
		t.Errorf("the session is not on the inspection page: %s", inspection)
	}
	if status, _ := page(t, address+"/accounts/nobody/_sim/inspect"); status != http.StatusNotFound {
		t.Errorf("an account that is not there: status %d", status)
	}
}

func TestEventsOfEveryAccountAreForwarded(t *testing.T) {
	deliveries := make(chan *http.Request, 100)
	bodies := make(chan []byte, 100)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		deliveries <- r
		bodies <- body
	}))
	t.Cleanup(endpoint.Close)
	dir := t.TempDir()
	host, address := startHost(t, sandbox.HostOptions{Webhook: endpoint.URL, DataDir: dir})
	ask(t, http.MethodPost, address+"/v1/products", "sk_test_one", url.Values{"name": {"Tally"}})
	if _, err := webhook.ConstructEvent(<-bodies, (<-deliveries).Header.Get("Stripe-Signature"), host.WebhookSecret); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "sandbox-webhook-secret"))
	if err != nil || strings.TrimSpace(string(kept)) != host.WebhookSecret {
		t.Errorf("kept %q, %v", kept, err)
	}
}

const seedFile = `{"_meta": {"template_version": 0}, "fixtures": [
	{"name": "tally", "path": "/v1/products", "method": "post", "params": {"name": "Tally", "metadata": {"tier": 1}}},
	{"name": "monthly", "path": "/v1/prices", "method": "post", "params": {
		"product": "${tally:id}", "currency": "usd", "unit_amount": 1500, "recurring": {"interval": "month"}}},
	{"name": "ada", "path": "/v1/customers", "method": "post", "params": {
		"email": "${.env:NOBODY_SETS_THIS|ada@example.com}", "payment_method": "pm_card_visa",
		"invoice_settings": {"default_payment_method": "pm_card_visa"}}},
	{"name": "sub", "path": "/v1/subscriptions", "method": "post", "params": {"customer": "${ada:id}", "items": [{"price": "${monthly:id}"}]}}
]}`

func TestServe(t *testing.T) {
	dir := t.TempDir()
	fixtures := filepath.Join(dir, "fixtures.json")
	if err := os.WriteFile(fixtures, []byte(seedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for start := range 2 { // the second finds the fixtures made
		said, out := io.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- sandbox.Serve(ctx, sandbox.ServeOptions{
				Addr: "127.0.0.1:0", DataDir: dir, Seed: fixtures, Logger: slog.New(slog.DiscardHandler), Out: out,
			})
			out.Close()
		}()
		first := make([]byte, 4096)
		n, err := said.Read(first)
		if err != nil {
			t.Fatal(err, <-ended)
		}
		go func() { _, _ = io.Copy(io.Discard, said) }()
		address := regexp.MustCompile(`http://[0-9.:]+`).FindString(string(first[:n]))
		_, list := ask(t, http.MethodGet, address+"/v1/subscriptions", sandbox.Key, nil)
		if subs := list["data"].([]any); len(subs) != 1 || subs[0].(map[string]any)["status"] != "active" {
			t.Errorf("start %d: subscriptions %v", start, subs)
		}
		if err := sandbox.Serve(t.Context(), sandbox.ServeOptions{Addr: "127.0.0.1:0", DataDir: dir, Out: io.Discard}); err == nil || !strings.Contains(err.Error(), "another server runs") {
			t.Errorf("a second one on the same directory: %v", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`{"fixtures": [{"name": "price", "path": "/v1/prices", "method": "post", "params": {"product": "${nobody:id}"}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]struct {
		options sandbox.ServeOptions
		says    string
	}{
		"an address that others can reach": {sandbox.ServeOptions{Addr: "0.0.0.0:0"}, "loopback"},
		"a webhook that is no address":     {sandbox.ServeOptions{Addr: "127.0.0.1:0", Webhook: "example.com"}, "--webhook"},
		"fixtures that are not there":      {sandbox.ServeOptions{Addr: "127.0.0.1:0", Seed: filepath.Join(dir, "none.json")}, "no such file"},
		"fixtures that name nothing":       {sandbox.ServeOptions{Addr: "127.0.0.1:0", Seed: broken}, `fixture "price": ${nobody:id}`},
	} {
		t.Run(name, func(t *testing.T) {
			refused.options.DataDir, refused.options.Out = t.TempDir(), io.Discard
			refused.options.Logger = slog.New(slog.DiscardHandler)
			if err := sandbox.Serve(t.Context(), refused.options); err == nil || !strings.Contains(err.Error(), refused.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
