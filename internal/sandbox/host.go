package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"tallystick/internal/stripesim"
)

// mostAccounts bounds how many accounts a host opens: each has a database of its own.
const mostAccounts = 100

// accountPath is what the addresses of an account's pages and controls begin with.
const accountPath = "/accounts/"

// HostOptions say what a host serves.
type HostOptions struct {
	DataDir string
	// Webhook is where the events of every account go, signed with the host's secret;
	// empty: nowhere.
	Webhook string
	Logger  *slog.Logger
}

// Host serves sandboxes without anything in front of them: every test key is an account
// of its own, which knows nothing of the others. It is safe for concurrent use.
type Host struct {
	// WebhookSecret signs all events. It stays the same from one start to the next.
	WebhookSecret string

	options    HostOptions
	background context.Context //nolint:containedctx // accounts are opened on demand and live until Close

	mu       sync.Mutex
	accounts map[string]*stripesim.Sandbox
}

// NewHost opens a directory of accounts, or starts an empty one. It fails when it
// cannot write there.
func NewHost(ctx context.Context, o HostOptions) (*Host, error) {
	if err := os.MkdirAll(filepath.Join(o.DataDir, "accounts"), 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's directory: %w", err)
	}
	secret, err := keptSecret(filepath.Join(o.DataDir, "sandbox-webhook-secret"))
	if err != nil {
		return nil, err
	}
	h := &Host{options: o, WebhookSecret: secret, background: context.WithoutCancel(ctx), accounts: map[string]*stripesim.Sandbox{}}
	if _, err := h.account(accountName(Key), true); err != nil {
		return nil, err
	}
	return h, nil
}

// keptSecret reads a secret from its file, or makes one.
func keptSecret(path string) (string, error) {
	known, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if err == nil {
		return strings.TrimSpace(string(known)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the sandbox's webhook secret: %w", err)
	}
	secret := "whsec_" + rand.Text()
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the sandbox's webhook secret: %w", err)
	}
	return secret, nil
}

// accountName is the name of a key's account. It does not tell the key.
func accountName(key string) string {
	if key == Key {
		return "default"
	}
	return digest([]byte(key))
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

var errTooMany = fmt.Errorf("the sandbox serves %d accounts at most: use fewer keys, or another --data", mostAccounts)

// account returns an open account, and opens it where it is known or may be made; nil
// where there is none.
func (h *Host) account(name string, mayMake bool) (*stripesim.Sandbox, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.accounts[name]; known != nil {
		return known, nil
	}
	path := filepath.Join(h.options.DataDir, "accounts", name+".db")
	if _, err := os.Stat(path); !mayMake && err != nil {
		return nil, nil
	}
	if len(h.accounts) >= mostAccounts {
		return nil, errTooMany
	}
	opened, err := stripesim.Open(h.background, stripesim.Options{
		Path: path, Logger: h.options.Logger, WebhookURL: h.options.Webhook, WebhookSecret: h.WebhookSecret,
	})
	if err != nil {
		return nil, fmt.Errorf("open the sandbox of account %s: %w", name, err)
	}
	h.accounts[name] = opened
	return opened, nil
}

// ServeHTTP finds the account: by its name in the path, as pages have it, or else by
// the key. What has neither goes to the account of the well-known key.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Del(stripesim.PrefixHeader)
	name, mayMake := accountName(Key), true
	if rest, named := strings.CutPrefix(r.URL.Path, accountPath); named {
		name, _, _ = strings.Cut(rest, "/")
		mayMake = false
		r.Header.Set(stripesim.PrefixHeader, accountPath+name)
	} else if key := stripesim.APIKey(r); strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_") {
		name = accountName(key)
		r.Header.Set(stripesim.PrefixHeader, accountPath+name)
	}
	if strings.ContainsAny(name, `/\.`) {
		http.NotFound(w, r)
		return
	}
	found, err := h.account(name, mayMake)
	switch {
	case errors.Is(err, errTooMany):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		h.options.Logger.Error("the sandbox cannot open an account", "error", err)
		http.Error(w, "The sandbox has failed", http.StatusInternalServerError)
	case found == nil:
		http.NotFound(w, r)
	case r.URL.Path == "/":
		http.Redirect(w, r, "/_sim/inspect", http.StatusSeeOther)
	default:
		http.StripPrefix(r.Header.Get(stripesim.PrefixHeader), found).ServeHTTP(w, unprefixed(r))
	}
}

// unprefixed leaves a request that names its account by key as it is: StripPrefix would
// not know it.
func unprefixed(r *http.Request) *http.Request {
	if prefix := r.Header.Get(stripesim.PrefixHeader); !strings.HasPrefix(r.URL.Path, accountPath) && prefix != "" {
		moved := r.Clone(r.Context())
		moved.URL.Path = prefix + r.URL.Path
		return moved
	}
	return r
}

// Seed makes what a file of fixtures asks for, in the account of the well-known key. A
// request that was made within a day is not made again.
func (h *Host) Seed(fixtures []byte) error {
	target, err := h.account(accountName(Key), true)
	if err != nil {
		return err
	}
	return seed(fixtures, func(req *http.Request) *http.Response {
		req.Header.Set("Authorization", "Bearer "+Key)
		recorder := httptest.NewRecorder()
		target.ServeHTTP(recorder, req)
		return recorder.Result()
	})
}

// Close closes all accounts. Stop the HTTP server first.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var failed []error
	for _, opened := range h.accounts {
		failed = append(failed, opened.Close())
	}
	return errors.Join(failed...)
}
