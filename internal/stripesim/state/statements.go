package state

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// mostStatements bounds how many prepared statements a database has: lists have many forms.
const mostStatements = 256

// statements are what transactions of one database have asked before. They are prepared
// between two transactions, because the connection that writes is one, and a
// transaction holds it.
type statements struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	wanted   map[string]bool
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, prepared: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// find returns a prepared statement, or nil, and notes that it is wanted. Without
// statements nothing is prepared.
func (s *statements) find(query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	statement := s.prepared[query]
	if statement == nil && len(s.prepared)+len(s.wanted) < mostStatements {
		s.wanted[query] = true
	}
	return statement
}

// prepare prepares what was wanted since the last time.
func (s *statements) prepare(ctx context.Context) error {
	s.mu.Lock()
	wanted := slices.Collect(maps.Keys(s.wanted))
	clear(s.wanted)
	s.mu.Unlock()
	for _, query := range wanted {
		statement, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return fmt.Errorf("prepare sandbox statement: %w", err)
		}
		s.mu.Lock()
		if s.prepared[query] != nil {
			statement.Close() //nolint:sqlclosecheck // another transaction was faster
		} else {
			s.prepared[query] = statement
		}
		s.mu.Unlock()
	}
	return nil
}

// ExecContext runs a statement within the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if statement := t.statements.find(query); statement != nil {
		return t.StmtContext(ctx, statement).ExecContext(ctx, args...) //nolint:sqlclosecheck // the database keeps its statements until it is closed
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query within the transaction.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if statement := t.statements.find(query); statement != nil {
		return t.StmtContext(ctx, statement).QueryContext(ctx, args...) //nolint:sqlclosecheck // the database keeps its statements until it is closed
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query of one row within the transaction.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if statement := t.statements.find(query); statement != nil {
		return t.StmtContext(ctx, statement).QueryRowContext(ctx, args...) //nolint:sqlclosecheck // the database keeps its statements until it is closed
	}
	return t.Tx.QueryRowContext(ctx, query, args...)
}
