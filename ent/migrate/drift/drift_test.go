package drift_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"

	"tallystick/ent/migrate/drift"
	"tallystick/internal/testkit"
)

// TestNone holds the migrations of both dialects to the schema.
func TestNone(t *testing.T) {
	t.Parallel()
	for dialect, folder := range map[string]string{dialect.SQLite: "sqlite", dialect.Postgres: "postgres"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(filepath.Join("../migrations", folder))); err != nil {
				t.Fatal(err)
			}
			server := ""
			if folder == "postgres" {
				server = testkit.PostgresURL(t)
			}
			err := drift.Diff(t.Context(), dialect, server, copied, "drift")
			if err == nil {
				t.Fatalf("the migrations do not lead to the schema; missing is\n%s", written(t, copied))
			}
			if !errors.Is(err, drift.ErrNone) {
				t.Fatal(err)
			}
		})
	}
}

func written(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_drift.sql"))
	if err != nil || len(files) != 1 {
		t.Fatalf("which file was written? %v %v", files, err)
	}
	missing, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(missing)
}
