package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	entsql "entgo.io/ent/dialect/sql"
)

// endless counts for years.
const endless = `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000000) SELECT count(*) FROM c`

func TestAQueryOnSQLiteHasAnEnd(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	driver := poolDriver{entsql.OpenDB("sqlite3", db), 50 * time.Millisecond}
	var rows entsql.Rows
	err = driver.Query(t.Context(), endless, []any{}, &rows)
	if err == nil { // the first row is only looked for when it is asked for
		for rows.Next() {
			t.Error("an endless query has a row")
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the query ended with %v", err)
	}

	if err := driver.Query(t.Context(), "SELECT 1 UNION ALL SELECT 2", []any{}, &rows); err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); n != 2 || err != nil {
		t.Errorf("%d rows of a short query, %v", n, err)
	}
}
