// Package account is the account that the sandbox plays.
package account

import (
	"tallystick/internal/stripesim/state"
)

// ownAccount is the account that the sandbox plays, as its keys see it.
type ownAccount struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	ChargesEnabled   bool              `json:"charges_enabled"`
	Country          string            `json:"country"`
	DefaultCurrency  string            `json:"default_currency"`
	DetailsSubmitted bool              `json:"details_submitted"`
	Email            *string           `json:"email"`
	Metadata         map[string]string `json:"metadata"`
	PayoutsEnabled   bool              `json:"payouts_enabled"`
	Type             string            `json:"type"`
}

// get tells which account it is. A new database is a new account.
func get(c *state.Request) (any, error) {
	a := ownAccount{
		Object: "account", ChargesEnabled: true, Country: "US", DefaultCurrency: "usd", DetailsSubmitted: true,
		Metadata: map[string]string{}, PayoutsEnabled: true, Type: "standard",
	}
	err := c.QueryRowContext(c.Ctx, `SELECT value FROM settings WHERE name = 'account_id'`).Scan(&a.ID)
	return a, err
}
