// Package config holds the settings, which come from flags and environment
// variables.
package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lmittmann/tint"
)

// Directory is where the embedded parts keep their data.
type Directory struct {
	DataDir string `help:"Where the embedded database and the sandbox live." env:"DATA_DIR" default:"./data" type:"path"`
}

// Database says where the data is.
type Database struct {
	Directory
	DatabaseURL string `help:"Database: postgres://… or sqlite://path. By default SQLite in the data directory." env:"DATABASE_URL" placeholder:"URL"`
}

// URL is the database's.
func (d Database) URL() string {
	if d.DatabaseURL != "" {
		return d.DatabaseURL
	}
	return "sqlite://" + filepath.Join(d.DataDir, "tallystick.db")
}

// Log says how the log is written.
type Log struct {
	LogFormat string     `help:"Format of the log: text or json. By default text on a terminal, else json." env:"LOG_FORMAT" enum:"text,json," default:""`
	LogLevel  slog.Level `help:"What is logged: debug, info, warn or error." env:"LOG_LEVEL" default:"info"`
}

// Logger writes to standard error.
func (l Log) Logger() *slog.Logger {
	terminal := isTerminal(os.Stderr)
	if l.LogFormat == "json" || l.LogFormat == "" && !terminal {
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l.LogLevel}))
	}
	return slog.New(tint.NewHandler(os.Stderr, &tint.Options{
		Level: l.LogLevel, NoColor: !terminal, TimeFormat: time.TimeOnly,
	}))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Stripe says which Stripe it is.
type Stripe struct {
	StripeSecretKey string `help:"Secret key of the Stripe account; two, comma-separated, while one is being replaced. Empty: the built-in sandbox." env:"STRIPE_SECRET_KEY" placeholder:"KEY"`
	StripeAPIBase   string `help:"Another base URL for the Stripe API: a proxy, a test double." env:"STRIPE_API_BASE" placeholder:"URL"`
}

// Both are the settings of a command that works on both halves.
type Both struct {
	Database
	Log
	Stripe
}

// Validate is called by the command line parser.
func (b Both) Validate() error { return b.Stripe.check() }

// Serve are the settings of the server.
type Serve struct {
	Database
	Log
	Stripe
	ListenAddr          string        `help:"Where the API listens." env:"LISTEN_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	StripeWebhookSecret string        `help:"Signing secret of the webhook endpoint in Stripe; two, comma-separated, while one is being replaced. Needed with a real Stripe key; generated for the sandbox." env:"STRIPE_WEBHOOK_SECRET" placeholder:"SECRET"`
	AdminAPIKey         string        `help:"Bearer key with every scope. Needed with a real Stripe key; generated for the sandbox, and shown at start." env:"ADMIN_API_KEY" placeholder:"KEY"`
	SandboxAddr         string        `help:"Where the built-in sandbox listens. By default on any free port." env:"SANDBOX_ADDR" default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	AllowedOrigins      []string      `help:"Origins whose web pages may call the API, comma-separated; a port may be *. In the sandbox, those of this machine by default." env:"ALLOWED_ORIGINS" placeholder:"ORIGIN"`
	MetricsAddr         string        `help:"Where the metrics are served, without a key. By default the API serves them, to those who have one." env:"METRICS_ADDR" placeholder:"HOST:PORT"`
	RateLimit           int           `help:"What each principal may use per second, in the cost of operations: 1 for a field, times the page size in a list. By default 100 for a customer's token, no limit for API keys." env:"RATE_LIMIT" placeholder:"COST"`
	Introspection       string        `help:"Who may introspect the schema, and gets suggestions in errors: true anyone with a key, admin only the admin key, false nobody." env:"INTROSPECTION" enum:"true,admin,false" default:"true"`
	TrustedDocuments    string        `help:"A JSON file of hashes and documents. With it, customers' tokens and the keys of browsers may run only these." env:"TRUSTED_DOCUMENTS" placeholder:"FILE" type:"path"`
	MutationTimeout     time.Duration `help:"How long a mutation waits for Stripe before it answers PENDING." env:"MUTATION_TIMEOUT" default:"10s"`
	Retention           time.Duration `help:"How long applied events and the requests of finished operations are kept; at least 744h, as Stripe lists its events for 30 days." env:"RETENTION" default:"2160h"`
	Demo                bool          `help:"Seed the demo catalogue into a new database. Only in the sandbox." env:"DEMO" default:"true" negatable:""`
}

// Sandbox reports whether the built-in sandbox stands in for Stripe.
func (s Stripe) Sandbox() bool { return s.StripeSecretKey == "" }

// SecretKeys are the Stripe account's, in the order in which they are used; none
// for the sandbox.
func (s Stripe) SecretKeys() []string { return split(s.StripeSecretKey) }

// WebhookSecrets are those that an event may be signed with.
func (s Serve) WebhookSecrets() []string { return split(s.StripeWebhookSecret) }

func split(values string) []string {
	if values == "" {
		return nil
	}
	return strings.Split(values, ",")
}

// Origins are those whose web pages may call the API.
func (s Serve) Origins() []string {
	if s.AllowedOrigins == nil && s.Sandbox() {
		return []string{"http://localhost:*", "http://127.0.0.1:*"}
	}
	return s.AllowedOrigins
}

// LocalOnly reports whether the API of a sandbox listens where only this machine
// can reach it.
func (s Serve) LocalOnly() bool {
	host, _, err := net.SplitHostPort(s.ListenAddr)
	return err == nil && s.Sandbox() && isLoopback(host)
}

func checkOrigin(origin string) error {
	u, err := url.Parse(strings.TrimSuffix(origin, ":*"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("ALLOWED_ORIGINS must be origins such as https://app.example.com, not %q", origin)
	}
	return nil
}

// minAdminKey is how many characters keep a key from being guessed. In the
// sandbox a shorter one is accepted, with a warning.
const minAdminKey = 16

// WeakAdminKey reports whether the admin key that was set is easy to guess.
func (s Serve) WeakAdminKey() bool { return s.AdminAPIKey != "" && len(s.AdminAPIKey) < minAdminKey }

// minRetention is more than the 30 days for which Stripe lists its events: one that
// was forgotten here would count as missed.
const minRetention = 31 * 24 * time.Hour

// Validate is called by the command line parser.
func (s Serve) Validate() error {
	if _, _, err := net.SplitHostPort(s.ListenAddr); err != nil {
		return fmt.Errorf("LISTEN_ADDR must be HOST:PORT, not %q", s.ListenAddr)
	}
	if s.MutationTimeout <= 0 || s.MutationTimeout > time.Minute {
		return errors.New("MUTATION_TIMEOUT must be more than 0 and at most 1m")
	}
	if s.RateLimit < 0 {
		return errors.New("RATE_LIMIT must be 0, for none, or more")
	}
	if s.Retention != 0 && s.Retention < minRetention {
		return fmt.Errorf("RETENTION must be at least %s", minRetention)
	}
	for _, origin := range s.AllowedOrigins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	if _, _, err := net.SplitHostPort(s.MetricsAddr); s.MetricsAddr != "" && err != nil {
		return fmt.Errorf("METRICS_ADDR must be HOST:PORT, not %q", s.MetricsAddr)
	}
	if s.AdminAPIKey != "" && !isToken(s.AdminAPIKey) {
		return errors.New("ADMIN_API_KEY must be of letters, digits and -._~+/=")
	}
	if err := s.Stripe.check(); err != nil {
		return err
	}
	if s.Sandbox() {
		return checkLoopback(s.SandboxAddr)
	}
	if s.AdminAPIKey == "" {
		return errors.New("with a real Stripe key, ADMIN_API_KEY must be set too: it is what keeps strangers out of your billing")
	}
	if s.WeakAdminKey() {
		return fmt.Errorf("with a real Stripe key, ADMIN_API_KEY must have at least %d characters", minAdminKey)
	}
	if s.StripeWebhookSecret == "" {
		return errors.New("with a real Stripe key, STRIPE_WEBHOOK_SECRET must be set too: without it nobody can tell Stripe's events from forged ones")
	}
	for _, secret := range s.WebhookSecrets() {
		if !strings.HasPrefix(secret, "whsec_") || !isToken(secret) {
			return errors.New("STRIPE_WEBHOOK_SECRET must be a signing secret such as whsec_…, or two while one is being replaced")
		}
	}
	return nil
}

func (s Stripe) check() error {
	var base *url.URL
	if s.StripeAPIBase != "" {
		var err error
		if base, err = url.Parse(s.StripeAPIBase); err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
			return errors.New("STRIPE_API_BASE must be an http:// or https:// URL")
		}
	}
	if s.Sandbox() {
		return nil
	}
	keys := s.SecretKeys()
	if len(keys) > 2 {
		return errors.New("STRIPE_SECRET_KEY must be one key, or two while one is being replaced")
	}
	for _, key := range keys {
		if err := checkSecretKey(key); err != nil {
			return err
		}
		if live(key) != live(keys[0]) {
			return errors.New("STRIPE_SECRET_KEY must not mix keys of test mode and of live mode")
		}
	}
	if base != nil && base.Scheme == "http" && live(keys[0]) && !isLoopback(base.Hostname()) {
		return fmt.Errorf("STRIPE_API_BASE must be https:// with a live key: over %s strangers could read it", s.StripeAPIBase)
	}
	return nil
}

func checkSecretKey(key string) error {
	if !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_") {
		return errors.New("STRIPE_SECRET_KEY must start with sk_ or rk_")
	}
	if !isToken(key) {
		return errors.New("STRIPE_SECRET_KEY must be the key alone: letters, digits and underscores")
	}
	return nil
}

func live(key string) bool { return strings.Contains(key, "_live_") }

// isToken reports whether a key can stand in an Authorization header.
func isToken(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-._~+/=", r)
	})
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkLoopback keeps the sandbox, whose controls ask for no key, to this
// machine.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("SANDBOX_ADDR must be HOST:PORT, not %q", addr)
	}
	if !isLoopback(host) {
		return fmt.Errorf("SANDBOX_ADDR must be on the loopback interface, not %q", addr)
	}
	return nil
}

// AdminKey is the key that was set, or one that is generated at the first
// start and kept in the data directory.
func (s Serve) AdminKey() (string, error) {
	if s.AdminAPIKey != "" {
		return s.AdminAPIKey, nil
	}
	path := filepath.Join(s.DataDir, "admin-key")
	kept, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if err == nil {
		if key := strings.TrimSpace(string(kept)); len(key) >= minAdminKey && isToken(key) {
			return key, nil
		}
		return "", fmt.Errorf("%s does not hold a key; remove it to have a new one made", path)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the admin key: %w", err)
	}
	random := make([]byte, 24)
	rand.Read(random) //nolint:errcheck // never fails
	key := "tsk_" + base64.RawURLEncoding.EncodeToString(random)
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the admin key: %w", err)
	}
	return key, nil
}
