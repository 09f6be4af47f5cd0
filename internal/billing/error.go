package billing

import (
	"errors"
	"fmt"
)

// Code says what kind of refusal an [Error] is. The values are the schema's
// UserErrorCode.
type Code string

// The codes that any mutation may answer with.
const (
	CodeInvalidInput        Code = "INVALID_INPUT"
	CodeNotFound            Code = "NOT_FOUND"
	CodeIdempotencyReused   Code = "IDEMPOTENCY_KEY_REUSED"
	CodeOperationInProgress Code = "OPERATION_IN_PROGRESS"
	CodeStripeRejected      Code = "STRIPE_REJECTED"
	CodeStripeUnavailable   Code = "STRIPE_UNAVAILABLE"
)

// The codes of single mutations.
const (
	CodePriceIsDefault    Code = "PRICE_IS_DEFAULT"
	CodePriceUnchanged    Code = "PRICE_UNCHANGED"
	CodePriceNotActive    Code = "PRICE_NOT_ACTIVE"
	CodeProductArchived   Code = "PRODUCT_ARCHIVED"
	CodeEmailTaken        Code = "EMAIL_TAKEN"
	CodeExternalIDTaken   Code = "EXTERNAL_ID_TAKEN"
	CodeCardDeclined      Code = "CARD_DECLINED"
	CodeAuthentication    Code = "AUTHENTICATION_REQUIRED"
	CodePaymentMethod     Code = "PAYMENT_METHOD_REQUIRED"
	CodeInvalidTransition Code = "INVALID_TRANSITION"
	CodeSubscriptionEnded Code = "SUBSCRIPTION_ENDED"
	CodeAmbiguousItem     Code = "AMBIGUOUS_ITEM"
)

// Error is a refusal that the caller can understand and act on. Everything
// else that goes wrong is a fault of ours and stays a plain error.
type Error struct {
	Code    Code
	Message string
	// Path names the input field at fault, from "input" on; nil when the
	// refusal is about no single field.
	Path []string
	// NodeID is the object the error is about, say the holder of an e-mail.
	NodeID string
	// DeclineCode is the card issuer's reason, as Stripe reports it.
	DeclineCode string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// At returns a copy of the error that points to an input field.
func (e *Error) At(path ...string) *Error {
	c := *e
	c.Path = append([]string{"input"}, path...)
	return &c
}

// About returns a copy of the error that names the object it is about.
func (e *Error) About(id string) *Error {
	c := *e
	c.NodeID = id
	return &c
}

// Errorf makes an [Error].
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotFound says that there is no object of a kind ("product") with an id.
func NotFound(kind, id string) *Error {
	return Errorf(CodeNotFound, "There is no %s %q.", kind, id)
}

// IsCode reports whether an error is, or wraps, an [Error] with a code.
func IsCode(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
