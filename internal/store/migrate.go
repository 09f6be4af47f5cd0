package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"tallystick/ent/migrate/migrations"
)

// migrationLock is the PostgreSQL advisory lock under which replicas that
// start together migrate one after the other.
const migrationLock = 0x7461_6c6c_79

// Migrate applies the pending migrations of ent's tables and of the job queue's.
// Replicas that migrate at the same time take turns. It fails when a migration
// does, and when a newer version of the program has migrated the database already.
func (s *Store) Migrate(ctx context.Context) error {
	if s.dialect == dialect.SQLite {
		return s.migrate(ctx)
	}
	patient := s.patient()
	defer patient.Close()
	conn, err := patient.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait for other replicas' migrations: %w", err)
	}
	err = s.on(patient).migrate(ctx)
	_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
	return errors.Join(err, unlockErr)
}

// patient are connections whose statements may take any time: another replica's
// migrations are waited for, and an index over many rows takes long.
func (s *Store) patient() *sql.DB {
	config := s.servers.config.ConnConfig.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	return stdlib.OpenDB(*config)
}

// on is the store on other connections.
func (s *Store) on(db *sql.DB) *Store {
	other := *s
	other.DB = db
	return &other
}

func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.migrations()
	if err != nil {
		return err
	}
	current, latest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", err)
	}
	if current > latest {
		return fmt.Errorf("a newer version has migrated the database (to %d; this one knows %d): run that version, or restore a backup", current, latest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return s.migrateQueue(ctx)
}

// Pending reports whether there are migrations to apply.
func (s *Store) Pending(ctx context.Context) (bool, error) {
	provider, err := s.migrations()
	if err != nil {
		return false, err
	}
	return provider.HasPending(ctx)
}

// Version returns the number of the last migration that was applied; 0 if there is
// none.
func (s *Store) Version(ctx context.Context) (int64, error) {
	provider, err := s.migrations()
	if err != nil {
		return 0, err
	}
	return provider.GetDBVersion(ctx)
}

func (s *Store) migrations() (*goose.Provider, error) {
	gooseDialect, folder := goose.DialectPostgres, "postgres"
	if s.dialect == dialect.SQLite {
		gooseDialect, folder = goose.DialectSQLite3, "sqlite"
	}
	files, err := fs.Sub(migrations.FS, folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(gooseDialect, s.DB, files)
}

func (s *Store) migrateQueue(ctx context.Context) error {
	quiet := &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)}
	var migrator *rivermigrate.Migrator[*sql.Tx]
	var err error
	if s.dialect == dialect.SQLite {
		migrator, err = rivermigrate.New(riversqlite.New(s.DB), quiet)
	} else {
		migrator, err = rivermigrate.New(riverdatabasesql.New(s.DB), quiet)
	}
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}
