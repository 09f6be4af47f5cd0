package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tallystick/internal/app"
	"tallystick/internal/config"
	"tallystick/internal/testkit"
)

// inSandbox are the settings of a server with a sandbox in a directory.
func inSandbox(dir, database string) config.Serve {
	c := config.Serve{
		ListenAddr: "127.0.0.1:0", SandboxAddr: "127.0.0.1:0", MutationTimeout: 10 * time.Second, Demo: true,
	}
	c.DataDir, c.DatabaseURL = dir, "sqlite://"+filepath.Join(dir, database)
	return c
}

func startInSandbox(t *testing.T, c config.Serve) (products int, log string) {
	t.Helper()
	var written bytes.Buffer
	a, err := app.Start(t.Context(), c, slog.New(slog.NewTextHandler(&written, nil)), testkit.Idle)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	if err := a.ListensOn(t.Context(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err != nil {
		t.Fatal(err)
	}
	return a.Store.Reader.Product.Query().CountX(t.Context()), written.String()
}

func TestOneServerForADataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := app.Start(t.Context(), inSandbox(dir, "a.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(context.WithoutCancel(t.Context()))
	if _, err := app.Start(t.Context(), inSandbox(dir, "b.db"), slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "another server runs on the data directory") {
		t.Errorf("a second server: %v", err)
	}
}

func TestDemoCatalogue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if n, _ := startInSandbox(t, inSandbox(dir, "a.db")); n != 3 {
		t.Errorf("%d products, want 3", n)
	}
	if n, _ := startInSandbox(t, inSandbox(dir, "a.db")); n != 3 {
		t.Errorf("%d products after a restart, want 3", n)
	}
	// Another database on the same sandbox, which has the catalogue's lookup keys.
	if n, log := startInSandbox(t, inSandbox(dir, "b.db")); n != 0 || !strings.Contains(log, "there is no demo catalogue") {
		t.Errorf("%d products in another database, want none: %s", n, log)
	}
}

func TestOnlyTheOwnerReadsTheData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startInSandbox(t, inSandbox(dir, "a.db"))
	for _, name := range []string{"a.db", "sandbox.db", "admin-key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has the mode %o", name, mode)
		}
	}
}

// TestOneServerOnSQLite starts a second server on a SQLite database with a real
// key: both would carry out the same operations.
func TestOneServerOnSQLite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config.Serve{
		Stripe:      config.Stripe{StripeSecretKey: testkit.SecretKey, StripeAPIBase: testkit.NewStripe(t).URL},
		AdminAPIKey: testkit.AdminKey, StripeWebhookSecret: testkit.WebhookSecret,
	}
	c.DataDir, c.DatabaseURL = dir, "sqlite://"+filepath.Join(dir, "a.db")
	first, err := app.Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.DataDir = t.TempDir()
	if _, err := app.Start(t.Context(), other, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "another server runs on the database") {
		t.Errorf("a second server: %v", err)
	}
	if err := first.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	again, err := app.Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("after the first one has stopped: %v", err)
	}
	if err := again.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
