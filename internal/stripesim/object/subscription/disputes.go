package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/state"
)

// disputeTime is how long Stripe gives for an answer to a dispute.
const disputeTime = 9 * billing.SecondsPerDay

type dispute struct {
	state.Record
	Amount             int64             `json:"amount"`
	BalanceTransaction []string          `json:"balance_transactions"`
	Charge             string            `json:"charge"`
	Currency           string            `json:"currency"`
	Evidence           struct{}          `json:"evidence"`
	EvidenceDetails    evidenceDetails   `json:"evidence_details"`
	IsChargeRefundable bool              `json:"is_charge_refundable"`
	Metadata           map[string]string `json:"metadata"`
	PaymentIntent      state.Ref         `json:"payment_intent"`
	Reason             string            `json:"reason"`
	Status             string            `json:"status"`
}

type evidenceDetails struct {
	DueBy           int64 `json:"due_by"`
	HasEvidence     bool  `json:"has_evidence"`
	PastDue         bool  `json:"past_due"`
	SubmissionCount int64 `json:"submission_count"`
}

// DisputeCharge plays a card's holder who asks for the money back. The subscription
// that the charge paid for ends.
func DisputeCharge(c *state.Request) (any, error) {
	disputed, err := state.Find[Charge](c.Tx, "charge", c.ID(), apierror.NotFound("charge", c.ID(), "charge"))
	if err != nil {
		return nil, err
	}
	if !disputed.Paid || disputed.Disputed {
		return nil, apierror.Conflict("only a charge that was paid can be disputed, and only once")
	}
	disputed.Disputed = true
	if err := c.Update(disputed, "charge.updated"); err != nil {
		return nil, err
	}
	made := &dispute{
		Record: c.NewRecord("dispute", "dp_1"), Amount: disputed.Amount, BalanceTransaction: []string{}, Charge: disputed.ID,
		Currency: disputed.Currency, EvidenceDetails: evidenceDetails{DueBy: c.Now + disputeTime}, Metadata: map[string]string{},
		PaymentIntent: disputed.PaymentIntent, Reason: "fraudulent", Status: "needs_response",
	}
	if err := c.Create(made, "charge.dispute.created"); err != nil {
		return nil, err
	}
	if disputed.Invoice == nil {
		return made, nil
	}
	due, err := InvoiceByID(c.Tx, *disputed.Invoice)
	if err != nil {
		return nil, err
	}
	sub, err := subscriptionOf(c.Tx, due)
	if err != nil || sub.Ended() {
		return made, err
	}
	return made, End(c.Tx, sub, ReasonDisputed)
}
