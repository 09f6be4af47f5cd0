package testkit

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tallystick/internal/app"
)

// Replica starts one more server on the kit's database. It differs from the
// kit's own by the changes alone.
func (k *Kit) Replica(t testing.TB, change ...func(*app.Settings)) *app.App {
	t.Helper()
	return k.ReplicaOn(t, k.DatabaseURL(), change...)
}

// ReplicaOn is [Kit.Replica] by another URL of the same database.
func (k *Kit) ReplicaOn(t testing.TB, databaseURL string, change ...func(*app.Settings)) *app.App {
	t.Helper()
	changes := append(append([]func(*app.Settings){beside}, k.change...), change...)
	config := k.config
	config.DatabaseURL = databaseURL
	a, err := app.Start(context.Background(), config, slog.New(slog.NewTextHandler(logTo{t}, nil)), changes...)
	if err != nil {
		t.Fatalf("start a replica: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = a.Close(ctx) // it may have been made to fail
	})
	return a
}

func beside(s *app.Settings) { s.Beside = true }
