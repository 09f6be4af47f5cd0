package apierror

import (
	"errors"
	"net/http"
)

// NoPaymentMethod says that there is nothing to pay with.
func NoPaymentMethod() *Error {
	return Invalid("", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.").
		WithCode("resource_missing")
}

// CardDeclined is the answer to a card that the bank turned down for a reason.
func CardDeclined(reason string) *Error {
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
	e := &Error{Status: http.StatusPaymentRequired, Type: "card_error", DeclineCode: reason, Message: message}
	return e.WithCode(code)
}

// ActionRequired is the answer to a charge that waits for the card's holder. Subject is
// what the payment is for: subscription or invoice.
func ActionRequired(subject string) *Error {
	e := &Error{
		Status: http.StatusPaymentRequired, Type: "card_error",
		Message: "Payment for this " + subject + " requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the " + subject + ". For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action",
	}
	return e.WithCode(subject + "_payment_intent_requires_action")
}

// WithoutTrace makes a refusal undo whatever was done before it.
func WithoutTrace(err error) error {
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	undone := *refused
	undone.KeepsWork = false
	return &undone
}

// NothingLeft turns a declined payment into a refusal of the whole request: what it did
// is undone.
func NothingLeft(declined *Error, subject string) *Error {
	refusal := *declined
	if refusal.DeclineCode == "" && refusal.Status != 400 {
		refusal = *ActionRequired(subject)
	}
	refusal.KeepsWork, refusal.Charge, refusal.PaymentIntent = false, "", nil
	return &refusal
}
