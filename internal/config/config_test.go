package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tallystick/internal/config"
)

// sandbox are valid settings without a Stripe key, and real ones with one.
func sandbox() config.Serve {
	return config.Serve{ListenAddr: "127.0.0.1:8080", SandboxAddr: "127.0.0.1:0", MutationTimeout: 10 * time.Second}
}

func live() config.Serve {
	s := sandbox()
	s.StripeSecretKey, s.StripeWebhookSecret, s.AdminAPIKey = "sk_live_51Abc", "whsec_1", "tsk_0123456789ab"
	return s
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		settings func() config.Serve
		change   func(*config.Serve)
		names    string // what the error names; empty: none
	}{
		"sandbox":                  {sandbox, func(*config.Serve) {}, ""},
		"live":                     {live, func(*config.Serve) {}, ""},
		"a restricted key":         {live, func(s *config.Serve) { s.StripeSecretKey = "rk_live_1" }, ""},
		"any host":                 {sandbox, func(s *config.Serve) { s.ListenAddr = ":8080" }, ""},
		"IPv6":                     {sandbox, func(s *config.Serve) { s.ListenAddr = "[::1]:0" }, ""},
		"no port":                  {sandbox, func(s *config.Serve) { s.ListenAddr = "localhost" }, "LISTEN_ADDR"},
		"no address":               {sandbox, func(s *config.Serve) { s.ListenAddr = "" }, "LISTEN_ADDR"},
		"no time":                  {sandbox, func(s *config.Serve) { s.MutationTimeout = 0 }, "MUTATION_TIMEOUT"},
		"negative time":            {sandbox, func(s *config.Serve) { s.MutationTimeout = -1 }, "MUTATION_TIMEOUT"},
		"a minute":                 {sandbox, func(s *config.Serve) { s.MutationTimeout = time.Minute }, ""},
		"more than a minute":       {sandbox, func(s *config.Serve) { s.MutationTimeout = time.Minute + 1 }, "MUTATION_TIMEOUT"},
		"a retention":              {sandbox, func(s *config.Serve) { s.Retention = 31 * 24 * time.Hour }, ""},
		"a short retention":        {sandbox, func(s *config.Serve) { s.Retention = 24 * time.Hour }, "RETENTION"},
		"a rate":                   {sandbox, func(s *config.Serve) { s.RateLimit = 500 }, ""},
		"a negative rate":          {sandbox, func(s *config.Serve) { s.RateLimit = -1 }, "RATE_LIMIT"},
		"short admin key":          {sandbox, func(s *config.Serve) { s.AdminAPIKey = "short" }, ""},
		"sandbox on localhost":     {sandbox, func(s *config.Serve) { s.SandboxAddr = "localhost:9000" }, ""},
		"sandbox for everybody":    {sandbox, func(s *config.Serve) { s.SandboxAddr = ":9000" }, "SANDBOX_ADDR"},
		"sandbox on another host":  {sandbox, func(s *config.Serve) { s.SandboxAddr = "10.0.0.1:9000" }, "SANDBOX_ADDR"},
		"sandbox without a port":   {sandbox, func(s *config.Serve) { s.SandboxAddr = "localhost" }, "SANDBOX_ADDR"},
		"admin key with a space":   {sandbox, func(s *config.Serve) { s.AdminAPIKey = "12345678 0123456789" }, "ADMIN_API_KEY"},
		"admin key with a line":    {sandbox, func(s *config.Serve) { s.AdminAPIKey = "123456780123456789\n" }, "ADMIN_API_KEY"},
		"API base":                 {sandbox, func(s *config.Serve) { s.StripeAPIBase = "http://127.0.0.1:12111" }, ""},
		"API base without scheme":  {sandbox, func(s *config.Serve) { s.StripeAPIBase = "localhost:12111" }, "STRIPE_API_BASE"},
		"API base of another kind": {sandbox, func(s *config.Serve) { s.StripeAPIBase = "ftp://localhost" }, "STRIPE_API_BASE"},
		"API base without host":    {sandbox, func(s *config.Serve) { s.StripeAPIBase = "https://" }, "STRIPE_API_BASE"},
		"API base that is none":    {sandbox, func(s *config.Serve) { s.StripeAPIBase = "http://[" }, "STRIPE_API_BASE"},
		"publishable key":          {live, func(s *config.Serve) { s.StripeSecretKey = "pk_live_1" }, "STRIPE_SECRET_KEY"},
		"key with a space":         {live, func(s *config.Serve) { s.StripeSecretKey = "sk_live_1 " }, "STRIPE_SECRET_KEY"},
		"two keys":                 {live, func(s *config.Serve) { s.StripeSecretKey = "sk_live_1,rk_live_2" }, ""},
		"three keys":               {live, func(s *config.Serve) { s.StripeSecretKey = "sk_live_1,sk_live_2,sk_live_3" }, "STRIPE_SECRET_KEY"},
		"keys of both modes":       {live, func(s *config.Serve) { s.StripeSecretKey = "sk_live_1,sk_test_2" }, "STRIPE_SECRET_KEY"},
		"a key and nothing":        {live, func(s *config.Serve) { s.StripeSecretKey = "sk_live_1," }, "STRIPE_SECRET_KEY"},
		"two secrets":              {live, func(s *config.Serve) { s.StripeWebhookSecret = "whsec_1,whsec_2" }, ""},
		"a secret that is none":    {live, func(s *config.Serve) { s.StripeWebhookSecret = "whsec_1,we_2" }, "STRIPE_WEBHOOK_SECRET"},
		"live without a secret":    {live, func(s *config.Serve) { s.StripeWebhookSecret = "" }, "STRIPE_WEBHOOK_SECRET"},
		"live without admin key":   {live, func(s *config.Serve) { s.AdminAPIKey = "" }, "ADMIN_API_KEY"},
	} {
		settings := c.settings()
		c.change(&settings)
		err := settings.Validate()
		switch {
		case c.names == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.names != "" && (err == nil || !strings.Contains(err.Error(), c.names)):
			t.Errorf("%s: %v, want an error that names %s", name, err, c.names)
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than a line: %v", name, err)
		case err != nil && strings.Contains(err.Error(), "_live_"):
			t.Errorf("%s: the error tells the key: %v", name, err)
		}
	}
}

func TestSandbox(t *testing.T) {
	if !sandbox().Sandbox() || live().Sandbox() {
		t.Error("the Stripe key does not tell the sandbox from Stripe")
	}
}

func TestURL(t *testing.T) {
	if got := (config.Database{Directory: config.Directory{DataDir: "/data"}}).URL(); got != "sqlite:///data/tallystick.db" {
		t.Errorf("by default: %s", got)
	}
	if got := (config.Database{Directory: config.Directory{DataDir: "/data"}, DatabaseURL: "postgres://h/d"}).URL(); got != "postgres://h/d" {
		t.Errorf("as given: %s", got)
	}
}

func TestAdminKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	settings := config.Serve{Database: config.Database{Directory: config.Directory{DataDir: dir}}}
	first, err := settings.AdminKey()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(first, "tsk_") || len(first) < 36 {
		t.Errorf("the key %q is short", first)
	}
	given := settings
	if given.AdminAPIKey = first; given.Validate() != nil && strings.Contains(given.Validate().Error(), "ADMIN_API_KEY") {
		t.Errorf("the generated key would be refused: %v", given.Validate())
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "admin-key"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %o, want %o", filepath.Base(path), info.Mode().Perm(), mode)
		}
	}
	if again, err := settings.AdminKey(); again != first || err != nil {
		t.Errorf("at the next start: %q, %v; want %q", again, err, first)
	}
	other := config.Serve{Database: config.Database{Directory: config.Directory{DataDir: t.TempDir()}}}
	if key, _ := other.AdminKey(); key == first {
		t.Error("two servers have the same key")
	}
	settings.AdminAPIKey = "given-0123456789"
	if key, err := settings.AdminKey(); key != "given-0123456789" || err != nil {
		t.Errorf("given: %q, %v", key, err)
	}
}

func TestAdminKeyThatIsNone(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "short": "abc\n", "blank": strings.Repeat(" ", 40), "words": "this is not a key at all"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "admin-key"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := (config.Serve{Database: config.Database{Directory: config.Directory{DataDir: dir}}}).AdminKey(); err == nil {
			t.Errorf("%s: %q", name, key)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := (config.Serve{Database: config.Database{Directory: config.Directory{DataDir: file}}}).AdminKey(); err == nil {
		t.Errorf("a data directory that is a file: %q", key)
	}
}
