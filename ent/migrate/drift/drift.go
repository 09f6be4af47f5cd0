// Package drift compares the versioned migrations with the schema, and writes
// the ones that are missing.
package drift

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	atlasschema "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"ariga.io/atlas/sql/sqltool"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"tallystick/ent/migrate"
)

// ErrNone says that the migrations lead to the schema as it stands.
var ErrNone = atlas.ErrNoPlan

// Write adds a migration to each of dir's folders sqlite and postgres that
// leads from the last one to the schema. Where nothing has changed, it writes
// nothing.
func Write(ctx context.Context, postgresURL, dir, name string) error {
	for _, d := range []string{dialect.SQLite, dialect.Postgres} {
		if err := Diff(ctx, d, postgresURL, filepath.Join(dir, folder(d)), name); err != nil && !errors.Is(err, ErrNone) {
			return fmt.Errorf("%s: %w", d, err)
		}
	}
	return nil
}

// Diff replays the migrations of one folder on an empty database and writes
// the one that is missing, or returns [ErrNone].
func Diff(ctx context.Context, d, postgresURL, folder, name string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	dir, err := sqltool.NewGooseDir(folder)
	if err != nil {
		return err
	}
	db, closeDB, err := openEmpty(ctx, d, postgresURL)
	if err != nil {
		return err
	}
	defer closeDB()
	m, err := schema.NewMigrate(entsql.OpenDB(d, db),
		schema.WithDir(dir),
		schema.WithFormatter(sqltool.GooseFormatter),
		schema.WithMigrationMode(schema.ModeReplay),
		schema.WithErrNoPlan(true),
		schema.WithDropColumn(true),
		schema.WithDropIndex(true),
		schema.WithDiffHook(withCustomerIndexes(d)),
		schema.WithDiffHook(withPeriodIndex(d)),
	)
	if err != nil {
		return err
	}
	return m.NamedDiff(ctx, name, migrate.Tables...)
}

func folder(d string) string {
	if d == dialect.SQLite {
		return "sqlite"
	}
	return "postgres"
}

// trigrams ends the names of the indexes that PostgreSQL searches texts with. A
// database whose server lacks the extension for them goes without.
const trigrams = "_trigrams"

// withCustomerIndexes adds what ent's schema cannot express: the index that keeps
// the e-mails unique that live customers have claimed, whatever their case, and
// that by which the others are found.
func withCustomerIndexes(d string) schema.DiffHook {
	return func(next schema.Differ) schema.Differ {
		return schema.DiffFunc(func(current, desired *atlasschema.Schema) ([]atlasschema.Change, error) {
			customers, ok := desired.Table("customers")
			if !ok {
				return nil, errors.New("the schema has no table customers")
			}
			if table, ok := current.Table("customers"); ok {
				table.Indexes = slices.DeleteFunc(table.Indexes, func(i *atlasschema.Index) bool { return strings.HasSuffix(i.Name, trigrams) })
			}
			index, plain := atlasschema.NewUniqueIndex("customers_live_email"), atlasschema.NewIndex("customers_email")
			if d == dialect.SQLite {
				index.AddExprs(&atlasschema.RawExpr{X: "lower(email)"})
				plain.AddExprs(&atlasschema.RawExpr{X: "lower(email)"})
				index.AddAttrs(&sqlite.IndexPredicate{P: "deleted_at IS NULL AND email_claimed AND email <> ''"})
			} else { // as PostgreSQL itself writes them
				index.AddExprs(&atlasschema.RawExpr{X: "lower((email)::text)"})
				plain.AddExprs(&atlasschema.RawExpr{X: "lower((email)::text)"})
				index.AddAttrs(&postgres.IndexPredicate{P: "((deleted_at IS NULL) AND email_claimed AND ((email)::text <> ''::text))"})
			}
			customers.AddIndexes(index, plain)
			return next.Diff(current, desired)
		})
	}
}

// withPeriodIndex adds the index by which subscriptions are ordered by the end of
// their period, also those that have none.
func withPeriodIndex(d string) schema.DiffHook {
	return func(next schema.Differ) schema.Differ {
		return schema.DiffFunc(func(current, desired *atlasschema.Schema) ([]atlasschema.Change, error) {
			subscriptions, ok := desired.Table("subscriptions")
			if !ok {
				return nil, errors.New("the schema has no table subscriptions")
			}
			id, ok := subscriptions.Column("id")
			if !ok {
				return nil, errors.New("subscriptions have no column id")
			}
			end := "coalesce(current_period_end, '')"
			if d == dialect.Postgres { // as it writes it itself
				end = "COALESCE(current_period_end, 'infinity'::timestamp with time zone)"
			}
			subscriptions.AddIndexes(atlasschema.NewIndex("subscriptions_period").
				AddExprs(&atlasschema.RawExpr{X: end}).AddColumns(id))
			return next.Diff(current, desired)
		})
	}
}

func openEmpty(ctx context.Context, d, postgresURL string) (*sql.DB, func(), error) {
	if d == dialect.SQLite {
		db, err := sql.Open("sqlite", "file:drift?mode=memory&_pragma=foreign_keys(1)")
		if err != nil {
			return nil, nil, err
		}
		db.SetMaxOpenConns(1)
		return db, func() { db.Close() }, nil
	}
	if postgresURL == "" {
		return nil, nil, errors.New("TEST_POSTGRES_URL is not set")
	}
	server, err := sql.Open("pgx", postgresURL)
	if err != nil {
		return nil, nil, err
	}
	name := fmt.Sprintf("drift_%d", time.Now().UnixNano())
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		server.Close()
		return nil, nil, err
	}
	url, query, _ := strings.Cut(postgresURL, "?")
	db, err := sql.Open("pgx", url[:strings.LastIndexByte(url, '/')+1]+name+"?"+query)
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return db, func() {
		db.Close()
		server.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name) //nolint:errcheck // an empty left-over does no harm
		server.Close()
	}, nil
}
