// Command diff writes the migrations that lead from the last one to the
// schema as it stands, for SQLite and PostgreSQL:
//
//	go run ./ent/migrate/diff NAME
//
// TEST_POSTGRES_URL names a PostgreSQL server on which it may create a
// database of its own.
package main

import (
	"context"
	"fmt"
	"os"

	"tallystick/ent/migrate/drift"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: diff NAME")
		os.Exit(2)
	}
	if err := drift.Write(context.Background(), os.Getenv("TEST_POSTGRES_URL"), "ent/migrate/migrations", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "diff:", err)
		os.Exit(1)
	}
}
