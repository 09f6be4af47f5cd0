package stripesim

// disputeTime is how long Stripe gives for an answer to a dispute.
const disputeTime = 9 * secondsPerDay

type dispute struct {
	record
	Amount             int64             `json:"amount"`
	BalanceTransaction []string          `json:"balance_transactions"`
	Charge             string            `json:"charge"`
	Currency           string            `json:"currency"`
	Evidence           struct{}          `json:"evidence"`
	EvidenceDetails    evidenceDetails   `json:"evidence_details"`
	IsChargeRefundable bool              `json:"is_charge_refundable"`
	Metadata           map[string]string `json:"metadata"`
	PaymentIntent      string            `json:"payment_intent"`
	Reason             string            `json:"reason"`
	Status             string            `json:"status"`
}

type evidenceDetails struct {
	DueBy           int64 `json:"due_by"`
	HasEvidence     bool  `json:"has_evidence"`
	PastDue         bool  `json:"past_due"`
	SubmissionCount int64 `json:"submission_count"`
}

// disputeCharge plays a card's holder who asks for the money back. The subscription that the charge paid for ends.
func disputeCharge(c *call) (any, error) {
	disputed, err := find[charge](c.tx, "charge", c.id(), notFound("charge", c.id(), "charge"))
	if err != nil {
		return nil, err
	}
	if !disputed.Paid || disputed.Disputed {
		return nil, conflict("only a charge that was paid can be disputed, and only once")
	}
	disputed.Disputed = true
	if err := c.update(disputed, "charge.updated"); err != nil {
		return nil, err
	}
	made := &dispute{
		record: c.newRecord("dispute", "dp_1"), Amount: disputed.Amount, BalanceTransaction: []string{}, Charge: disputed.ID,
		Currency: disputed.Currency, EvidenceDetails: evidenceDetails{DueBy: c.now + disputeTime}, Metadata: map[string]string{},
		PaymentIntent: disputed.PaymentIntent, Reason: "fraudulent", Status: "needs_response",
	}
	if err := c.create(made, "charge.dispute.created"); err != nil {
		return nil, err
	}
	if disputed.Invoice == nil {
		return made, nil
	}
	due, err := c.invoiceByID(*disputed.Invoice)
	if err != nil {
		return nil, err
	}
	sub, err := c.subscriptionByID(due.Subscription)
	if err != nil || sub.ended() {
		return made, err
	}
	return made, c.end(sub, reasonDisputed)
}
