package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// asJSON are rows as text, to compare those of two clients.
func asJSON[T any](rows []T, err error) string {
	text, jsonErr := json.Marshal(rows)
	if err = errors.Join(err, jsonErr); err != nil {
		panic(err)
	}
	return string(text)
}

// TestReaderReadsWhatWasWritten reads rows with values at the ends of their types, and
// without values, by the readers' own driver and by database/sql.
func TestReaderReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), migrated(t, testkit.EmptyPostgres(t))
	compare := func(what string) {
		t.Helper()
		for table, read := range map[string]func() (reader, writer string){
			"customers": func() (string, string) {
				return asJSON(s.Reader.Customer.Query().Order(ent.Asc("id")).All(ctx)), asJSON(s.Writer.Customer.Query().Order(ent.Asc("id")).All(ctx))
			},
			"prices": func() (string, string) {
				return asJSON(s.Reader.Price.Query().Order(ent.Asc("id")).All(ctx)), asJSON(s.Writer.Price.Query().Order(ent.Asc("id")).All(ctx))
			},
			"JSON alone": func() (string, string) {
				named := customer.StripeUnsupportedNotNil()
				return asJSON(s.Reader.Customer.Query().Where(named).Select("stripe_unsupported").Strings(ctx)), asJSON(s.Writer.Customer.Query().Where(named).Select("stripe_unsupported").Strings(ctx))
			},
			"amounts alone": func() (string, string) {
				return asJSON(s.Reader.Price.Query().Order(ent.Asc("id")).Select("unit_amount").Ints(ctx)), asJSON(s.Writer.Price.Query().Order(ent.Asc("id")).Select("unit_amount").Ints(ctx))
			},
		} {
			reader, writer := read()
			testkit.Equal(t, table+", "+what, reader, writer)
		}
	}
	compare("none")
	for i, at := range []time.Time{
		time.Unix(0, 0), time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 1000, time.UTC),
		time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if err := s.Writer.Customer.Create().SetEmail(fmt.Sprintf("c%d@example.com", i)).SetName("Ä \"quoted\"\n").
			SetCreatedAt(at).SetMetadata(map[string]string{"k": "v\\\""}).Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Writer.Customer.Create().SetEmail("").SetEmailClaimed(false).SetStripeUnsupported([]string{"tax"}).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 100 { // texts of all lengths
		name := strings.Repeat(string(rune('a'+i%26)), i*i)
		if err := s.Writer.Customer.Create().SetEmail(fmt.Sprintf("t%d@example.com", i)).SetName(name).Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	product := s.Writer.Product.Create().SetName("Team").SaveX(ctx)
	for _, amount := range []int64{0, -1, 1<<63 - 1, -1 << 63} {
		if err := s.Writer.Price.Create().SetProductID(product.ID).SetUnitAmount(amount).SetCurrency("USD").
			SetUnitAmountKnown(amount != 0).SetTiers([]billing.PriceTier{{}}).Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	compare("some")
	if _, err := s.DB.ExecContext(ctx, `UPDATE customers SET stripe_synced_at = 'infinity'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reader.Customer.Query().All(ctx); err == nil {
		t.Error("the end of time was read as a time")
	}
}

// TestReaderAfterAllConnectionsAreCut reads on although every connection that the
// readers have is dead.
func TestReaderAfterAllConnectionsAreCut(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t))
	if _, err := add(t.Context(), s.Writer, "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	for range 6 { // more than a query is tried
		open.Go(func() {
			if _, err := s.DB.ExecContext(t.Context(), "SELECT 1"); err != nil {
				t.Error(err)
			}
			_ = count(t, s)
		})
	}
	open.Wait()
	if _, err := s.DB.ExecContext(t.Context(),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	testkit.Equal(t, "rows", count(t, s), 1)
}

// TestEmptyResultKeepsItsColumns asks for the columns of an empty result once its
// connection has carried out another query.
func TestEmptyResultKeepsItsColumns(t *testing.T) {
	t.Parallel()
	readers := store.Readers(migrated(t, testkit.EmptyPostgres(t)))
	var nobody, nothing entsql.Rows
	for query, rows := range map[string]*entsql.Rows{"SELECT id, email FROM customers": &nobody, "SELECT name FROM products": &nothing} {
		if err := readers.Query(t.Context(), query, []any{}, rows); err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
	}
	columns, err := nobody.Columns()
	if err != nil {
		t.Fatal(err)
	}
	testkit.EqualSlices(t, "columns", columns, []string{"id", "email"})
	if columns, err = nothing.Columns(); err != nil {
		t.Fatal(err)
	}
	testkit.EqualSlices(t, "columns", columns, []string{"name"})
}
