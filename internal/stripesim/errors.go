package stripesim

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is an answer that says no, as Stripe words it: what goes on the wire plus what it means for the request's
// transaction and for its idempotency key.
type apiError struct {
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

	status int
	// unstored: the request was turned away before its work began, so its idempotency key stays free.
	unstored bool
	// keepsWork: what was done before the error stands, as a declined payment's attempt does.
	keepsWork bool
	// retryAfter is the value of the Retry-After header, when there is one.
	retryAfter int
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.Type, e.Message) }

func (e *apiError) withCode(code string) *apiError {
	e.Code = code
	e.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
	return e
}

// beforeWork marks an error as one that leaves nothing behind, not even under the idempotency key.
func (e *apiError) beforeWork() *apiError {
	e.unstored = true
	return e
}

// invalid is a 400 about param (which may be empty: about the request as a whole).
func invalid(param, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Type: "invalid_request_error",
		Message: fmt.Sprintf(format, args...), Param: param,
	}
}

// notFound says that the object a URL names does not exist; param is Stripe's name for that part of the URL.
func notFound(kind, id, param string) *apiError {
	e := unknownReference(kind, id, param)
	e.status = http.StatusNotFound
	return e
}

// unknownReference says that a parameter names an object that does not exist.
func unknownReference(kind, id, param string) *apiError {
	switch kind {
	case "payment_method":
		kind = "PaymentMethod"
	case "webhook_endpoint":
		kind = "webhook endpoint"
	}
	return invalid(param, "No such %s: '%s'", kind, id).withCode("resource_missing")
}

func unrecognizedURL(r *http.Request) *apiError {
	e := invalid("", "Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
		r.Method, r.URL.Path)
	e.status = http.StatusNotFound
	return e.beforeWork()
}

// serverError is the 500 that Stripe sends when the fault is its own.
func serverError() *apiError {
	return &apiError{
		status: http.StatusInternalServerError, Type: "api_error",
		Message: "An unknown error occurred",
	}
}

func tooManyRequests(code, message string) *apiError {
	e := invalid("", "%s", message).withCode(code).beforeWork()
	e.status = http.StatusTooManyRequests
	return e
}
