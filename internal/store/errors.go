package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tallystick/ent"
	"tallystick/internal/billing"
)

func isUniqueViolation(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "23505"
	}
	var liteErr *sqlite.Error
	return errors.As(err, &liteErr) && liteErr.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// OrNotFound turns "no such row" into NOT_FOUND for a kind ("product") and an
// id, and leaves other errors as they are.
func OrNotFound(err error, kind, id string) error {
	if ent.IsNotFound(err) {
		return billing.NotFound(kind, id)
	}
	return err
}

// OrNil turns "no such row" into nil.
func OrNil[T any](row *T, err error) (*T, error) {
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}
