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
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// TestOpenToRead opens databases that are not there, or not migrated: nothing is
// made of them.
func TestOpenToRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	c := config.Both{Stripe: config.Stripe{StripeSecretKey: testkit.SecretKey, StripeAPIBase: testkit.NewStripe(t).URL}}
	c.DatabaseURL = "sqlite://" + path
	open := func(says string) {
		t.Helper()
		a, err := app.OpenToRead(t.Context(), c, slog.New(slog.DiscardHandler))
		if err == nil {
			err = a.Close(context.WithoutCancel(t.Context()))
		}
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
	open("there is no database")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a database was made")
	}
	s, err := store.Open(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	open("not migrated")
	if pending, err := s.Pending(t.Context()); err != nil || !pending {
		t.Errorf("it was migrated: %v", err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	open("")
	if n := s.Reader.StripeAccount.Query().CountX(t.Context()); n != 0 {
		t.Error("it was bound to an account")
	}
}
