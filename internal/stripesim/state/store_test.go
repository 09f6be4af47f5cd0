package state

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestLookupsUseTheIndexes holds for what the rules look up most: the indexes leave
// events out, so that a query has to leave them out too.
func TestLookupsUseTheIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "stripe.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, field := range []string{"customer", "subscription"} {
		plan, err := explain(t.Context(), s, selection("invoice", []Condition{Equal(field, "x")}), "x")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "objects_of_"+field) {
			t.Errorf("by %s: %s", field, plan)
		}
	}
}

// explain is how the database would answer a query.
func explain(ctx context.Context, s *Store, query string, args ...any) (string, error) {
	rows, err := s.Read.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		plan.WriteString(detail)
	}
	return plan.String(), rows.Err()
}
