package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"tallystick/ent"
)

// makePrivate makes a database file that only its owner can read, if there is
// none; the files that SQLite puts beside it are like it.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return f.Close()
}

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("the database URL sqlite:// names no file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	const pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_time_format=sqlite"
	writer, err := sql.Open("sqlite", file.String()+"?"+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", file.String()+"?"+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	readers.SetMaxIdleConns(max(4, runtime.NumCPU()))
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), writer.Close(), readers.Close())
	}
	return &Store{
		Reader:   NewReader(ent.NewClient(ent.Driver(poolDriver{entsql.OpenDB(dialect.SQLite, readers), statementTimeout}))),
		Writer:   Writer{ent.NewClient(ent.Driver(poolDriver{Driver: entsql.OpenDB(dialect.SQLite, writer)}))},
		DB:       writer,
		dialect:  dialect.SQLite,
		migrated: new(atomic.Bool),
		clock:    new(atomic.Pointer[reading]),
		readers:  readers,
	}, nil
}
