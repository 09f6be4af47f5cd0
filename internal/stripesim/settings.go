package stripesim

import (
	"database/sql"
	"errors"
	"slices"
)

// account are the settings that a real account's owner makes in the dashboard.
type account struct {
	DunningEnd string `json:"dunningEnd"`
}

func getAccount(c *call) (any, error) {
	end, err := c.setting(dunningSetting, dunningCancels)
	return account{end}, err
}

// putAccount says what becomes of a subscription when the last automatic attempt to get its money has failed.
func putAccount(c *call) (any, error) {
	var in account
	if err := readControl(c.http, &in); err != nil {
		return nil, invalid("", "%s", err.Error())
	}
	if ends := []string{dunningCancels, dunningPastDue, dunningUnpaid}; !slices.Contains(ends, in.DunningEnd) {
		return nil, invalid("", "dunningEnd: %q is not %s", in.DunningEnd, orList(ends))
	}
	return in, c.putSetting(dunningSetting, in.DunningEnd)
}

// setting reads one of the sandbox's settings.
func (t *tx) setting(name, fallback string) (string, error) {
	var value string
	err := t.QueryRowContext(t.ctx, `SELECT value FROM settings WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return fallback, nil
	}
	return value, err
}

func (t *tx) putSetting(name, value string) error {
	_, err := t.ExecContext(t.ctx, `INSERT INTO settings (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
