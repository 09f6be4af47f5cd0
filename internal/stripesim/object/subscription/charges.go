package subscription

import (
	"maps"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// Charge is one attempt to take money from a card.
type Charge struct {
	state.Record
	Amount               int64                   `json:"amount"`
	AmountRefunded       int64                   `json:"amount_refunded"`
	BalanceTransaction   *string                 `json:"balance_transaction"`
	Metadata             map[string]string       `json:"metadata"`
	Refunded             bool                    `json:"refunded"`
	AmountCaptured       int64                   `json:"amount_captured"`
	BillingDetails       customer.BillingDetails `json:"billing_details"`
	Captured             bool                    `json:"captured"`
	Currency             string                  `json:"currency"`
	Customer             state.Ref               `json:"customer"`
	Description          *string                 `json:"description"`
	Disputed             bool                    `json:"disputed"`
	FailureCode          *string                 `json:"failure_code"`
	FailureMessage       *string                 `json:"failure_message"`
	Invoice              *string                 `json:"invoice"`
	Outcome              chargeOutcome           `json:"outcome"`
	Paid                 bool                    `json:"paid"`
	PaymentIntent        state.Ref               `json:"payment_intent"`
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

// newCharge records an attempt to take an intent's money: a success, or a failure when
// declined says why.
func newCharge(t *state.Tx, intent *PaymentIntent, method *customer.Method, declined *apierror.Error) (*Charge, error) {
	made := chargeOf(t, intent, method)
	if declined != nil {
		made.Status, made.FailureCode, made.FailureMessage = "failed", &declined.Code, &declined.Message
		made.Outcome = chargeOutcome{
			NetworkStatus: "declined_by_network", Reason: &declined.DeclineCode, RiskLevel: "normal",
			SellerMessage: "The bank did not return any further details with this decline.", Type: "issuer_declined",
		}
		return made, t.Create(made, "charge.failed")
	}
	made.approve()
	if err := made.capture(t, intent.Amount); err != nil {
		return nil, err
	}
	return made, t.Create(made, "charge.succeeded")
}

func chargeOf(t *state.Tx, intent *PaymentIntent, method *customer.Method) *Charge {
	made := &Charge{
		Record: t.NewRecord("charge", "ch_3"), Amount: intent.Amount, Currency: intent.Currency, Customer: intent.Customer,
		Description: intent.Description, Metadata: map[string]string{}, Invoice: intent.Invoice, PaymentIntent: state.Ref(intent.ID),
		PaymentMethod: method.ID, BillingDetails: method.BillingDetails,
		PaymentMethodDetails: chargeMethodDetails{Type: "card", Card: chargedCard{
			Brand: method.Card.Brand, Checks: method.Card.Checks, Country: method.Card.Country,
			ExpMonth: method.Card.ExpMonth, ExpYear: method.Card.ExpYear, Fingerprint: method.Card.Fingerprint,
			Funding: method.Card.Funding, Last4: method.Card.Last4, Network: method.Card.Brand,
		}},
	}
	maps.Copy(made.Metadata, intent.Metadata)
	return made
}

func (x *Charge) approve() {
	x.Status, x.Paid = "succeeded", true
	x.Outcome = chargeOutcome{
		NetworkStatus: "approved_by_network", RiskLevel: "normal", SellerMessage: "Payment complete.", Type: "authorized",
	}
}

// capture takes the money that a charge holds, or a part of it.
func (x *Charge) capture(t *state.Tx, amount int64) error {
	moved, err := move(t, "charge", x.ID, amount, x.Currency, processingFee(amount), x.Description)
	if err != nil {
		return err
	}
	x.Captured, x.AmountCaptured, x.BalanceTransaction = true, amount, &moved.ID
	return nil
}

// holdMoney charges an intent to a payment method whose bank agrees, and leaves the
// money there until it is captured.
func holdMoney(t *state.Tx, intent *PaymentIntent, method *customer.Method) (*Charge, error) {
	made := chargeOf(t, intent, method)
	made.approve()
	return made, t.Create(made, "charge.succeeded")
}

// captureCharge takes the money that a charge holds. What it does not take goes back.
func captureCharge(t *state.Tx, id string, amount int64) error {
	held, err := state.Find[Charge](t, "charge", id, apierror.NotFound("charge", id, "charge"))
	if err != nil {
		return err
	}
	if err := held.capture(t, amount); err != nil {
		return err
	}
	held.AmountRefunded = held.Amount - amount
	return t.Update(held, "charge.captured")
}

func listCharges(c *state.Request) (any, error) {
	list := c.NewList("charge", "/v1/charges")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.MatchObject("payment_intent", "payment_intent", c.Params.Text("payment_intent", form.MaxText))
	list.MatchTime("created")
	return list.Run("transfer_group")
}

func updateCharge(c *state.Request) (any, error) {
	description, metadata := c.Params.Clearable("description", form.MaxText), c.Params.Metadata()
	if err := c.Params.Done("customer", "fraud_details", "receipt_email", "shipping", "transfer_group"); err != nil {
		return nil, err
	}
	changed, err := state.Find[Charge](c.Tx, "charge", c.ID(), apierror.NotFound("charge", c.ID(), "charge"))
	if err != nil {
		return nil, err
	}
	form.SetNullable(&changed.Description, description)
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "charge.updated")
}

func getCharge(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return state.Find[Charge](c.Tx, "charge", c.ID(), apierror.NotFound("charge", c.ID(), "charge"))
}
