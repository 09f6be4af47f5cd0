package stripesim

import "net/http"

// testCard is one of Stripe's well-known test cards: what it looks like and how its bank behaves.
type testCard struct {
	brand, last4, funding string

	// decline is the reason that the bank gives for turning every charge down; empty: it pays.
	decline string
	// attachable cards that decline do so only once they are charged.
	attachable bool
	// authenticates: every charge waits for the holder to pass 3-D Secure.
	authenticates bool
}

// testCards are the tokens that stand for a card.
var testCards = map[string]testCard{
	"pm_card_visa":       {brand: "visa", last4: "4242", funding: "credit"},
	"pm_card_visa_debit": {brand: "visa", last4: "5556", funding: "debit"},
	"pm_card_mastercard": {brand: "mastercard", last4: "4444", funding: "credit"},
	"pm_card_amex":       {brand: "amex", last4: "8431", funding: "credit"},
	"pm_card_discover":   {brand: "discover", last4: "9424", funding: "credit"},

	"pm_card_chargeDeclined":                  {brand: "visa", last4: "0002", funding: "credit", decline: "generic_decline"},
	"pm_card_visa_chargeDeclined":             {brand: "visa", last4: "0002", funding: "credit", decline: "generic_decline"},
	"pm_card_chargeDeclinedInsufficientFunds": {brand: "visa", last4: "9995", funding: "credit", decline: "insufficient_funds"},
	"pm_card_visa_chargeDeclinedInsufficientFunds": {
		brand: "visa", last4: "9995", funding: "credit", decline: "insufficient_funds",
	},
	"pm_card_chargeDeclinedLostCard":        {brand: "visa", last4: "9987", funding: "credit", decline: "lost_card"},
	"pm_card_chargeDeclinedStolenCard":      {brand: "visa", last4: "9979", funding: "credit", decline: "stolen_card"},
	"pm_card_chargeDeclinedExpiredCard":     {brand: "visa", last4: "0069", funding: "credit", decline: "expired_card"},
	"pm_card_chargeDeclinedIncorrectCvc":    {brand: "visa", last4: "0127", funding: "credit", decline: "incorrect_cvc"},
	"pm_card_chargeDeclinedProcessingError": {brand: "visa", last4: "0119", funding: "credit", decline: "processing_error"},

	"pm_card_chargeCustomerFail": {brand: "visa", last4: "0341", funding: "credit", decline: "generic_decline", attachable: true},

	"pm_card_authenticationRequired": {brand: "visa", last4: "3184", funding: "credit", authenticates: true},
	"pm_card_threeDSecure2Required":  {brand: "visa", last4: "3220", funding: "credit", authenticates: true},
	"pm_card_threeDSecureRequired":   {brand: "visa", last4: "3063", funding: "credit", authenticates: true},
}

// fingerprint is the same for every payment method made of one card, and how the sandbox knows the card again.
func (card testCard) fingerprint() string { return "Sandbox00000" + card.last4 }

// cardOf finds the test card behind a payment method.
func cardOf(method *paymentMethod) testCard {
	for _, card := range testCards {
		if card.fingerprint() == method.Card.Fingerprint {
			return card
		}
	}
	return testCard{}
}

// cardDeclined is the answer to a card that the bank turned down for a reason.
func cardDeclined(reason string) *apiError {
	code, message := "card_declined", "Your card was declined."
	switch reason {
	case "insufficient_funds":
		message = "Your card has insufficient funds."
	case "expired_card":
		code, message = reason, "Your card has expired."
	case "authentication_required":
		code = "payment_intent_authentication_failure"
		message = "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."
	case "incorrect_cvc":
		code, message = reason, "Your card's security code is incorrect."
	case "processing_error":
		code, message = reason, "An error occurred while processing your card. Try again in a little bit."
	}
	e := &apiError{status: http.StatusPaymentRequired, Type: "card_error", DeclineCode: reason, Message: message}
	return e.withCode(code)
}

// actionRequired is the answer to a charge that waits for the card's holder. Subject is what the payment is for:
// subscription or invoice.
func actionRequired(subject string) *apiError {
	e := &apiError{
		status: http.StatusPaymentRequired, Type: "card_error",
		Message: "Payment for this " + subject + " requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the " + subject + ". For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action",
	}
	return e.withCode(subject + "_payment_intent_requires_action")
}
