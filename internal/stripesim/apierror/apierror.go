// Package apierror has the answers that say no, in Stripe's words: what goes on the
// wire, and what they mean for the request's transaction and for its idempotency key.
package apierror

import (
	"fmt"
	"net/http"
	"strings"
)

// Conflict is the 409 of a control whose request does not fit the state of things.
func Conflict(message string) *Error {
	e := Invalid("", "%s", message)
	e.Status = http.StatusConflict
	return e
}

// Error is an answer that says no, as Stripe words it: what goes on the wire plus what
// it means for the request's transaction and for its idempotency key.
type Error struct {
	Charge        string `json:"charge,omitempty"`
	Code          string `json:"code,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
	DocURL        string `json:"doc_url,omitempty"`
	Message       string `json:"message"`
	Param         string `json:"param,omitempty"`
	PaymentIntent any    `json:"payment_intent,omitempty"`
	PaymentMethod any    `json:"payment_method,omitempty"`
	RequestLogURL string `json:"request_log_url,omitempty"`
	Type          string `json:"type"`

	Status int `json:"-"`
	// unstored: the request was turned away before its work began, so its idempotency key
	// stays free.
	Unstored bool `json:"-"`
	// keepsWork: what was done before the error stands, as a declined payment's attempt does.
	KeepsWork bool `json:"-"`
	// retryAfter is the value of the Retry-After header, when there is one.
	RetryAfter int `json:"-"`
	// Hint is what the sandbox has to say about it, in a header of its own.
	Hint string `json:"-"`
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Type, e.Message) }

// WithCode adds an error code, and the page of Stripe's docs that explains it.
func (e *Error) WithCode(code string) *Error {
	e.Code = code
	e.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
	return e
}

// BeforeWork marks an error as one that leaves nothing behind, not even under the
// idempotency key.
func (e *Error) BeforeWork() *Error {
	e.Unstored = true
	return e
}

// Invalid is a 400 about param (which may be empty: about the request as a whole).
func Invalid(param, format string, args ...any) *Error {
	return &Error{
		Status: http.StatusBadRequest, Type: "invalid_request_error",
		Message: fmt.Sprintf(format, args...), Param: param,
	}
}

// NotFound says that the object a URL names does not exist; param is Stripe's name for
// that part of the URL.
func NotFound(kind, id, param string) *Error {
	e := UnknownReference(kind, id, param)
	e.Status = http.StatusNotFound
	return e
}

// UnknownReference says that a parameter names an object that does not exist.
func UnknownReference(kind, id, param string) *Error {
	switch kind {
	case "payment_method":
		kind = "PaymentMethod"
	case "webhook_endpoint":
		kind = "webhook endpoint"
	}
	return Invalid(param, "No such %s: '%s'", kind, id).WithCode("resource_missing")
}

// UnrecognizedURL is the 404 for a path that the API does not have.
func UnrecognizedURL(r *http.Request) *Error {
	e := Invalid("", "Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
		r.Method, r.URL.Path)
	e.Status = http.StatusNotFound
	e.Hint = "the sandbox has no " + r.Method + " " + r.URL.Path + "; docs/sandbox.md lists what it has"
	return e.BeforeWork()
}

// ServerError is the 500 that Stripe sends when the fault is its own.
func ServerError() *Error {
	return &Error{
		Status: http.StatusInternalServerError, Type: "api_error",
		Message: "An unknown error occurred",
	}
}

// RateLimited is the 429 of a key that asks too often.
func RateLimited() *Error {
	return TooManyRequests("rate_limit", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.")
}

// TooManyRequests is a 429 with a code: rate_limit or lock_timeout.
func TooManyRequests(code, message string) *Error {
	e := Invalid("", "%s", message).WithCode(code).BeforeWork()
	e.Status = http.StatusTooManyRequests
	return e
}
