package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// Charge is one attempt to take money from a card.
type Charge struct {
	state.Record
	Amount               int64                   `json:"amount"`
	AmountCaptured       int64                   `json:"amount_captured"`
	BillingDetails       customer.BillingDetails `json:"billing_details"`
	Captured             bool                    `json:"captured"`
	Currency             string                  `json:"currency"`
	Customer             string                  `json:"customer"`
	Description          *string                 `json:"description"`
	Disputed             bool                    `json:"disputed"`
	FailureCode          *string                 `json:"failure_code"`
	FailureMessage       *string                 `json:"failure_message"`
	Invoice              *string                 `json:"invoice"`
	Outcome              chargeOutcome           `json:"outcome"`
	Paid                 bool                    `json:"paid"`
	PaymentIntent        string                  `json:"payment_intent"`
	PaymentMethod        string                  `json:"payment_method"`
	PaymentMethodDetails chargeMethodDetails     `json:"payment_method_details"`
	Status               string                  `json:"status"`
}

type chargeOutcome struct {
	NetworkStatus string  `json:"network_status"`
	Reason        *string `json:"reason"`
	RiskLevel     string  `json:"risk_level"`
	SellerMessage string  `json:"seller_message"`
	Type          string  `json:"type"`
}

type chargeMethodDetails struct {
	Card chargedCard `json:"card"`
	Type string      `json:"type"`
}

type chargedCard struct {
	Brand        string              `json:"brand"`
	Checks       customer.CardChecks `json:"checks"`
	Country      string              `json:"country"`
	ExpMonth     int                 `json:"exp_month"`
	ExpYear      int                 `json:"exp_year"`
	Fingerprint  string              `json:"fingerprint"`
	Funding      string              `json:"funding"`
	Installments *struct{}           `json:"installments"`
	Last4        string              `json:"last4"`
	Mandate      *string             `json:"mandate"`
	Network      string              `json:"network"`
	ThreeDSecure *struct{}           `json:"three_d_secure"`
	Wallet       *struct{}           `json:"wallet"`
}

// newCharge records an attempt to take an intent's money: a success, or a failure when declined says why.
func newCharge(t *state.Tx, intent *PaymentIntent, method *customer.Method, declined *apierror.Error) (*Charge, error) {
	made := &Charge{
		Record: t.NewRecord("charge", "ch_3"), Amount: intent.Amount, Currency: intent.Currency, Customer: intent.Customer,
		Description: intent.Description, Invoice: intent.Invoice, PaymentIntent: intent.ID,
		PaymentMethod: method.ID, BillingDetails: method.BillingDetails,
		PaymentMethodDetails: chargeMethodDetails{Type: "card", Card: chargedCard{
			Brand: method.Card.Brand, Checks: method.Card.Checks, Country: method.Card.Country,
			ExpMonth: method.Card.ExpMonth, ExpYear: method.Card.ExpYear, Fingerprint: method.Card.Fingerprint,
			Funding: method.Card.Funding, Last4: method.Card.Last4, Network: method.Card.Brand,
		}},
	}
	if declined != nil {
		made.Status, made.FailureCode, made.FailureMessage = "failed", &declined.Code, &declined.Message
		made.Outcome = chargeOutcome{
			NetworkStatus: "declined_by_network", Reason: &declined.DeclineCode, RiskLevel: "normal",
			SellerMessage: "The bank did not return any further details with this decline.", Type: "issuer_declined",
		}
		return made, t.Create(made, "charge.failed")
	}
	made.Status, made.Paid, made.Captured, made.AmountCaptured = "succeeded", true, true, intent.Amount
	made.Outcome = chargeOutcome{
		NetworkStatus: "approved_by_network", RiskLevel: "normal", SellerMessage: "Payment complete.", Type: "authorized",
	}
	return made, t.Create(made, "charge.succeeded")
}

func getCharge(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return state.Find[Charge](c.Tx, "charge", c.ID(), apierror.NotFound("charge", c.ID(), "charge"))
}
