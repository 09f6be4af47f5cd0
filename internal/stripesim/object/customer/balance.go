package customer

import (
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// What a movement of a customer's balance is for.
const (
	BalanceAdjusted = "adjustment"
	BalanceApplied  = "applied_to_invoice"
	BalanceCredited = "credit_note"
)

// BalanceMovement is one change of what a customer owes (above zero) or is owed (below).
type BalanceMovement struct {
	state.Record
	Amount        int64             `json:"amount"`
	CreditNote    *string           `json:"credit_note"`
	Currency      string            `json:"currency"`
	Customer      string            `json:"customer"`
	Description   *string           `json:"description"`
	EndingBalance int64             `json:"ending_balance"`
	Invoice       *string           `json:"invoice"`
	Metadata      map[string]string `json:"metadata"`
	Type          string            `json:"type"`
}

// MoveBalance changes a customer's balance and records that. The customer is not stored.
func MoveBalance(t *state.Tx, x *Customer, amount int64, kind string, invoice, creditNote *string) (*BalanceMovement, error) {
	x.Balance += amount
	if x.Currency == nil {
		currency := accountCurrency
		x.Currency = &currency
	}
	made := &BalanceMovement{
		Record: t.NewRecord("customer_balance_transaction", "cbtxn_1"), Amount: amount, CreditNote: creditNote, Currency: *x.Currency,
		Customer: x.ID, EndingBalance: x.Balance, Invoice: invoice, Metadata: map[string]string{}, Type: kind,
	}
	return made, t.Insert(made)
}

func createBalanceMovement(c *state.Request) (any, error) {
	amount, currency := c.Params.Integer("amount"), strings.ToLower(c.Params.Required("currency", 3))
	description, metadata := c.Params.Text("description", 350), c.Params.Metadata()
	if amount == nil {
		c.Params.Missing("amount")
	}
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	holder, err := Named(c)
	if err != nil {
		return nil, err
	}
	if holder.Currency != nil && *holder.Currency != currency {
		return nil, apierror.Invalid("currency", "The currency must be the customer's, which is `%s`.", *holder.Currency)
	}
	holder.Currency = &currency
	made, err := MoveBalance(c.Tx, holder, *amount, BalanceAdjusted, nil, nil)
	if err != nil {
		return nil, err
	}
	made.Description = description
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	if err := c.Replace(made, false); err != nil {
		return nil, err
	}
	return made, c.Update(holder, "customer.updated")
}

func namedMovement(c *state.Request) (*BalanceMovement, error) {
	id := c.HTTP.PathValue("transaction")
	missing := apierror.NotFound("customer_balance_transaction", id, "transaction")
	found, err := state.Find[BalanceMovement](c.Tx, "customer_balance_transaction", id, missing)
	if err == nil && found.Customer != c.ID() {
		return nil, missing
	}
	return found, err
}

func getBalanceMovement(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedMovement(c)
}

func updateBalanceMovement(c *state.Request) (any, error) {
	description, metadata := c.Params.Clearable("description", 350), c.Params.Metadata()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedMovement(c)
	if err != nil {
		return nil, err
	}
	form.SetNullable(&changed.Description, description)
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Replace(changed, false)
}

func listBalanceMovements(c *state.Request) (any, error) {
	if _, err := Named(c); err != nil {
		return nil, err
	}
	list := c.NewList("customer_balance_transaction", "/v1/customers/"+c.ID()+"/balance_transactions")
	list.Where(state.Equal("customer", c.ID()))
	return list.Run()
}
