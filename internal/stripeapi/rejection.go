package stripeapi

import (
	"strings"

	"tallystick/internal/billing"
)

// Rejection puts a definitive no of Stripe into our words, and points it to the
// input field at fault where Stripe tells.
func Rejection(f *Error) *billing.Error {
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
