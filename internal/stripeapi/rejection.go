package stripeapi

import (
	"strings"

	"tallystick/internal/billing"
)

// needsAuthentication reports whether a payment only waits for its customer, who
// has to confirm it by 3-D Secure, say
// (https://docs.stripe.com/billing/subscriptions/overview#requires-action).
func needsAuthentication(f *Error) bool {
	return strings.HasSuffix(f.Code, "_payment_intent_requires_action") ||
		f.Code == "authentication_required" || f.DeclineCode == "authentication_required"
}

// Rejection puts a definitive no of Stripe into our words, and points it to the
// input field at fault where Stripe tells.
func Rejection(f *Error) *billing.Error {
	switch {
	case needsAuthentication(f):
		return billing.Errorf(billing.CodeAuthentication,
			"The customer must confirm the payment: subscribe with DEFAULT_INCOMPLETE, or lead them to the invoice's page.").
			At("paymentMethod")
	case f.Type == "card_error":
		e := billing.Errorf(billing.CodeCardDeclined, "The card was declined.")
		if e.DeclineCode = f.DeclineCode; e.DeclineCode == "" {
			e.DeclineCode = f.Code
		}
		return e.At("paymentMethod")
	case strings.Contains(f.Message, "price specified is inactive"), strings.HasPrefix(f.Message, "No such price"):
		return billing.Errorf(billing.CodePriceNotActive, "The price is not on sale in Stripe.").At("priceId")
	case f.Param == "lookup_key":
		return billing.Errorf(billing.CodeStripeRejected, "Another price in Stripe has this lookup key.").At("lookupKey")
	case f.Param == "email":
		return billing.Errorf(billing.CodeStripeRejected, "Stripe does not accept the e-mail.").At("email")
	case strings.Contains(f.Message, "no attached payment source"):
		return billing.Errorf(billing.CodePaymentMethod,
			"The customer has no payment method in Stripe: name one, or send invoices.").At("paymentMethod")
	case strings.HasPrefix(f.Message, "No such payment_method"), strings.HasPrefix(f.Message, "No such PaymentMethod"):
		return billing.Errorf(billing.CodeStripeRejected, "Stripe does not know the payment method.").At("paymentMethod")
	}
	return billing.Errorf(billing.CodeStripeRejected, "Stripe refused the change: %s", f.Message)
}
