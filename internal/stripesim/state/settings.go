package state

import (
	"database/sql"
	"errors"
)

// The ends that dunning can come to, by the account's setting.
const (
	DunningSetting = "dunning_end"
	DunningCancels = "cancel"
	DunningUnpaid  = "unpaid"
	DunningPastDue = "past_due"
)

// Setting reads one of the sandbox's settings.
func (t *Tx) Setting(name, fallback string) (string, error) {
	var value string
	err := t.QueryRowContext(t.Ctx, `SELECT value FROM settings WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return fallback, nil
	}
	return value, err
}

// PutSetting changes one of the sandbox's settings.
func (t *Tx) PutSetting(name, value string) error {
	_, err := t.ExecContext(t.Ctx, `INSERT INTO settings (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
