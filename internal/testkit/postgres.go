package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"tallystick/internal/store"
)

// template is a migrated database that each test gets a copy of. It is made
// once in a process, and goes with the server.
var template struct {
	once sync.Once
	name string
	err  error
	next atomic.Int64
}

// LeaveOut skips a test for which something is missing on this machine. With
// make test, which brings all of it, the test fails instead: what was not tried
// does not work.
func LeaveOut(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("TEST_LEAVES_NOTHING_OUT") != "" {
		t.Fatal(reason)
	}
	t.Skip("left out: " + reason + "; make test brings it")
}

// PostgresURL is the server that the tests run on. Without one they are left
// out.
func PostgresURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("TEST_POSTGRES_URL")
	if u == "" {
		LeaveOut(t, "there is no PostgreSQL; TEST_POSTGRES_URL is not set")
	}
	return u
}

// newPostgres makes a migrated database of the test's own.
func newPostgres(t testing.TB) string {
	t.Helper()
	server := PostgresURL(t)
	template.once.Do(func() { template.name, template.err = makeTemplate(server) })
	if template.err != nil {
		t.Fatalf("make the template database: %v", template.err)
	}
	return create(t, server, " TEMPLATE "+template.name)
}

// EmptyPostgres makes an empty database of the test's own.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return create(t, PostgresURL(t), "")
}

func create(t testing.TB, server, how string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), template.next.Add(1))
	if err := execute(server, "CREATE DATABASE "+name+how); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return database(server, name)
}

func makeTemplate(server string) (string, error) {
	name := fmt.Sprintf("template_%d", os.Getpid())
	if err := execute(server, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	s, err := store.Open(context.Background(), database(server, name))
	if err != nil {
		return "", err
	}
	if err := s.Migrate(context.Background()); err != nil {
		return "", err
	}
	return name, s.Close()
}

func database(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(server, statement string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}
