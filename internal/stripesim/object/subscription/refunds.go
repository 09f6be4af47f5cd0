package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Refund gives money back that a charge took.
type Refund struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	Created            int64             `json:"created"`
	Amount             int64             `json:"amount"`
	BalanceTransaction *string           `json:"balance_transaction"`
	Charge             string            `json:"charge"`
	Currency           string            `json:"currency"`
	Metadata           map[string]string `json:"metadata"`
	PaymentIntent      state.Ref         `json:"payment_intent"`
	Reason             *string           `json:"reason"`
	ReceiptNumber      *string           `json:"receipt_number"`
	SourceTransfer     *string           `json:"source_transfer_reversal"`
	Status             string            `json:"status"`
	TransferReversal   *string           `json:"transfer_reversal"`
}

// Identity implements [state.Document].
func (x *Refund) Identity() (id, kind string) { return x.ID, x.Object }

func createRefund(c *state.Request) (any, error) {
	chargeID, intentID := c.Params.Text("charge", form.MaxText), c.Params.Text("payment_intent", form.MaxText)
	amount := c.Params.Integer("amount")
	reason := c.Params.Choice("reason", "duplicate", "fraudulent", "requested_by_customer")
	metadata := c.Params.Metadata()
	if chargeID == nil && intentID == nil {
		c.Params.Fail(apierror.Invalid("", "One of the following params should be provided for this request: payment_intent or charge."))
	}
	if err := c.Params.Done("currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer"); err != nil {
		return nil, err
	}
	if chargeID == nil {
		intent, err := state.Find[PaymentIntent](c.Tx, "payment_intent", *intentID, apierror.UnknownReference("payment_intent", *intentID, "payment_intent"))
		if err != nil {
			return nil, err
		}
		if chargeID = intent.LatestCharge; chargeID == nil || intent.Status != "succeeded" {
			return nil, apierror.Invalid("", "This PaymentIntent (%s) does not have a successful charge to refund.", intent.ID)
		}
	}
	charged, err := state.Find[Charge](c.Tx, "charge", *chargeID, apierror.UnknownReference("charge", *chargeID, "charge"))
	if err != nil {
		return nil, err
	}
	return refund(c.Tx, charged, amount, reason, metadata)
}

func refund(t *state.Tx, charged *Charge, asked *int64, reason *string, metadata form.MetadataChange) (*Refund, error) {
	left := charged.AmountCaptured - charged.AmountRefunded
	amount := form.OrDefault(asked, left)
	switch {
	case !charged.Paid:
		return nil, apierror.Invalid("", "Charge %s has not been paid, so it cannot be refunded.", charged.ID)
	case left == 0:
		return nil, apierror.Invalid("", "Charge %s has already been refunded.", charged.ID).WithCode("charge_already_refunded")
	case amount < 1:
		return nil, apierror.Invalid("amount", "Invalid positive integer").WithCode("parameter_invalid_integer")
	case amount > left:
		return nil, apierror.Invalid("amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)",
			billing.InMajorUnits(amount, charged.Currency), billing.InMajorUnits(left, charged.Currency))
	}
	made := &Refund{
		ID: state.NewID("re_3"), Object: "refund", Created: t.Now, Amount: amount, Charge: charged.ID, Currency: charged.Currency,
		PaymentIntent: charged.PaymentIntent, Reason: reason, Status: "succeeded",
	}
	var err error
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	moved, err := move(t, "refund", made.ID, -amount, charged.Currency, 0, nil)
	if err != nil {
		return nil, err
	}
	made.BalanceTransaction = &moved.ID
	if err := t.Insert(made); err != nil {
		return nil, err
	}
	charged.AmountRefunded += amount
	charged.Refunded = charged.AmountRefunded == charged.AmountCaptured
	return made, t.Update(charged, "charge.refunded")
}

func namedRefund(c *state.Request) (*Refund, error) {
	return state.Find[Refund](c.Tx, "refund", c.ID(), apierror.NotFound("refund", c.ID(), "id"))
}

func getRefund(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedRefund(c)
}

func updateRefund(c *state.Request) (any, error) {
	metadata := c.Params.Metadata()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedRefund(c)
	if err != nil {
		return nil, err
	}
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "charge.refund.updated")
}

func listRefunds(c *state.Request) (any, error) {
	list := c.NewList("refund", "/v1/refunds")
	list.MatchObject("charge", "charge", c.Params.Text("charge", form.MaxText))
	list.MatchObject("payment_intent", "payment_intent", c.Params.Text("payment_intent", form.MaxText))
	list.MatchTime("created")
	return list.Run()
}
