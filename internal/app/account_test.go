package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/internal/app"
	"tallystick/internal/config"
	"tallystick/internal/testkit"
)

// TestDatabaseBelongsToOneAccount starts a database with another account's key,
// with another sandbox and with none: each is refused in one line that names
// both, and the right key is welcome again.
func TestDatabaseBelongsToOneAccount(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ours := config.Serve{
				Stripe:      config.Stripe{StripeSecretKey: testkit.SecretKey, StripeAPIBase: testkit.NewStripe(t).URL},
				AdminAPIKey: testkit.AdminKey, StripeWebhookSecret: testkit.WebhookSecret, SandboxAddr: "127.0.0.1:0",
			}
			ours.DataDir, ours.DatabaseURL = dir, "sqlite://"+filepath.Join(dir, "a.db")
			if database == "postgres" {
				ours.DatabaseURL = testkit.EmptyPostgres(t)
			}
			start := func(change func(*config.Serve)) error {
				t.Helper()
				c := ours
				change(&c)
				a, err := app.Start(t.Context(), c, slog.New(slog.DiscardHandler))
				if err != nil {
					return err
				}
				return a.Close(context.WithoutCancel(t.Context()))
			}
			same := func(*config.Serve) {}
			if err := start(same); err != nil {
				t.Fatal(err)
			}
			for name, test := range map[string]struct {
				change func(*config.Serve)
				says   string
			}{
				"another account": {func(c *config.Serve) { c.StripeAPIBase = testkit.NewStripe(t).URL }, "the key to the Stripe account acct_"},
				"live mode":       {func(c *config.Serve) { c.StripeSecretKey = "sk_live_x" }, "live mode"},
				"the sandbox":     {func(c *config.Serve) { c.StripeSecretKey, c.StripeAPIBase = "", "" }, "the built-in sandbox"},
			} {
				err := start(test.change)
				if err == nil || !strings.Contains(err.Error(), "belongs to the Stripe account acct_") || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := start(same); err != nil {
				t.Errorf("the right account: %v", err)
			}
			if err := start(func(c *config.Serve) { c.StripeAPIBase = "http://127.0.0.1:1" }); err != nil {
				t.Errorf("Stripe does not answer: %v", err)
			}
		})
	}
}

// TestAnotherSandbox puts a new sandbox beside a database that belongs to the
// old one, as when sandbox.db is removed.
func TestAnotherSandbox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startInSandbox(t, inSandbox(dir, "a.db"))
	if err := os.Remove(filepath.Join(dir, "sandbox.db")); err != nil {
		t.Fatal(err)
	}
	_, err := app.Start(t.Context(), inSandbox(dir, "a.db"), slog.New(slog.DiscardHandler))
	if err == nil || strings.Count(err.Error(), "the built-in sandbox acct_") != 2 {
		t.Errorf("another sandbox: %v", err)
	}
}
