package subscription

import (
	"maps"
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// BalanceTransaction is one movement of the account's money.
type BalanceTransaction struct {
	ID                string      `json:"id"`
	Object            string      `json:"object"`
	Amount            int64       `json:"amount"`
	AvailableOn       int64       `json:"available_on"`
	Created           int64       `json:"created"`
	Currency          string      `json:"currency"`
	Description       *string     `json:"description"`
	ExchangeRate      *float64    `json:"exchange_rate"`
	Fee               int64       `json:"fee"`
	FeeDetails        []feeDetail `json:"fee_details"`
	Net               int64       `json:"net"`
	ReportingCategory string      `json:"reporting_category"`
	Source            string      `json:"source"`
	Status            string      `json:"status"`
	Type              string      `json:"type"`
}

type feeDetail struct {
	Amount      int64   `json:"amount"`
	Application *string `json:"application"`
	Currency    string  `json:"currency"`
	Description string  `json:"description"`
	Type        string  `json:"type"`
}

// Identity implements [state.Document].
func (x *BalanceTransaction) Identity() (id, kind string) { return x.ID, x.Object }

// payoutDelay is how long money that came in is pending.
const payoutDelay = 7 * billing.SecondsPerDay

// processingFee is what Stripe keeps of a card payment in the United States: 2.9 % and
// 30 cents.
func processingFee(amount int64) int64 { return (amount*29+500)/1000 + 30 }

// move records a movement of money; Stripe has no event for it.
func move(t *state.Tx, kind, source string, amount int64, currency string, fee int64, description *string) (*BalanceTransaction, error) {
	made := &BalanceTransaction{
		ID: state.NewID("txn_3"), Object: "balance_transaction", Amount: amount, AvailableOn: t.Now + payoutDelay, Created: t.Now,
		Currency: currency, Description: description, Fee: fee, FeeDetails: []feeDetail{}, Net: amount - fee,
		ReportingCategory: kind, Source: source, Status: "pending", Type: kind,
	}
	if fee != 0 {
		made.FeeDetails = append(made.FeeDetails, feeDetail{
			Amount: fee, Currency: currency, Description: "Stripe processing fees", Type: "stripe_fee",
		})
	}
	return made, t.Insert(made)
}

func getBalanceTransaction(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	found, err := state.Find[BalanceTransaction](c.Tx, "balance_transaction", c.ID(), apierror.NotFound("balance_transaction", c.ID(), "id"))
	if err != nil {
		return nil, err
	}
	return found.at(c.Now), nil
}

// at is a movement as it looks at a moment: its money becomes available by itself.
func (x *BalanceTransaction) at(now int64) *BalanceTransaction {
	if x.AvailableOn <= now {
		x.Status = "available"
	}
	return x
}

func listBalanceTransactions(c *state.Request) (any, error) {
	list := c.NewList("balance_transaction", "/v1/balance_transactions")
	list.Match("currency", c.Params.Text("currency", 3))
	list.Match("source", c.Params.Text("source", form.MaxText))
	list.Match("type", c.Params.Text("type", form.MaxText))
	list.MatchTime("created")
	return list.Run("payout")
}

// getBalance adds up what came in and went out.
func getBalance(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	all, err := state.FindAll[BalanceTransaction](c.Tx, "balance_transaction")
	if err != nil {
		return nil, err
	}
	available, pending := map[string]int64{"usd": 0}, map[string]int64{"usd": 0}
	for _, moved := range all {
		if moved.at(c.Now).Status == "available" {
			available[moved.Currency] += moved.Net
		} else {
			pending[moved.Currency] += moved.Net
		}
	}
	return map[string]any{"object": "balance", "livemode": false, "available": sums(available), "pending": sums(pending)}, nil
}

func sums(amounts map[string]int64) []any {
	var all []any
	for _, currency := range slices.Sorted(maps.Keys(amounts)) {
		all = append(all, map[string]any{"amount": amounts[currency], "currency": currency, "source_types": map[string]any{"card": amounts[currency]}})
	}
	return all
}
