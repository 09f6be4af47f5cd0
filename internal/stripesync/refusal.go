package stripesync

import (
	"strings"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
)

// refuse puts a definitive no of Stripe into our words.
func refuse(f *stripeapi.Failure) *billing.Error {
	switch {
	case f.Type == "card_error":
		e := billing.Errorf(billing.CodeCardDeclined, "The card was declined.")
		if e.DeclineCode = f.DeclineCode; e.DeclineCode == "" {
			e.DeclineCode = f.Code
		}
		return e.At("paymentMethod")
	case strings.Contains(f.Message, "price specified is inactive"):
		return billing.Errorf(billing.CodePriceNotActive, "The price is not on sale in Stripe.").At("priceId")
	case f.Param == "lookup_key":
		return billing.Errorf(billing.CodeStripeRejected, "Another price in Stripe has this lookup key.").At("lookupKey")
	case f.Param == "email":
		return billing.Errorf(billing.CodeStripeRejected, "Stripe does not accept the e-mail.").At("email")
	case strings.Contains(f.Message, "no attached payment source"):
		return billing.Errorf(billing.CodeStripeRejected,
			"The customer has no payment method in Stripe: name one, or send invoices.").At("paymentMethod")
	case strings.HasPrefix(f.Message, "No such payment_method"), strings.HasPrefix(f.Message, "No such PaymentMethod"):
		return billing.Errorf(billing.CodeStripeRejected, "Stripe does not know the payment method.").At("paymentMethod")
	}
	return billing.Errorf(billing.CodeStripeRejected, "Stripe refused the change: %s", f.Message)
}

func setRefusal(op *ent.Operation, e *billing.Error) {
	code := string(e.Code)
	op.ErrorCode, op.LastError, op.ErrorPath = &code, &e.Message, e.Path
	op.ErrorNodeID, op.DeclineCode = nil, nil
	if e.NodeID != "" {
		op.ErrorNodeID = &e.NodeID
	}
	if e.DeclineCode != "" {
		op.DeclineCode = &e.DeclineCode
	}
}

// Refusal is why an operation failed; nil for one that did not.
func Refusal(op *ent.Operation) *billing.Error {
	refused := op.Status == billing.OperationFailed ||
		op.Status == billing.OperationCompensating || op.Status == billing.OperationNeedsAttention
	if !refused || op.ErrorCode == nil {
		return nil
	}
	e := &billing.Error{Code: billing.Code(*op.ErrorCode), Path: op.ErrorPath}
	if op.LastError != nil {
		e.Message = *op.LastError
	}
	if op.ErrorNodeID != nil {
		e.NodeID = *op.ErrorNodeID
	}
	if op.DeclineCode != nil {
		e.DeclineCode = *op.DeclineCode
	}
	return e
}
