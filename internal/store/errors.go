package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tallystick/ent"
	"tallystick/internal/billing"
)

// IsUnique reports whether an error is the violation of a unique index.
func IsUnique(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "23505"
	}
	var liteErr *sqlite.Error
	return errors.As(err, &liteErr) && liteErr.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// OrNotFound turns ent's "not found" into the error NOT_FOUND, with the kind of the
// object ("product") and its id. It returns every other error unchanged.
func OrNotFound(err error, kind, id string) error {
	if ent.IsNotFound(err) {
		return billing.NotFound(kind, id)
	}
	return err
}

// OrNil turns ent's "not found" into a nil row without an error. It returns every
// other error unchanged.
func OrNil[T any](row *T, err error) (*T, error) {
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}
