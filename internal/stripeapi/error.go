package stripeapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Kind is what an unsuccessful request means for what was asked of Stripe. The rules
// are those of https://docs.stripe.com/error-low-level and
// https://docs.stripe.com/api/idempotent_requests.
type Kind string

const (
	// Rejected says that Stripe said no, and will again. Nothing was done.
	Rejected Kind = "rejected"
	// Unavailable says that nothing was done, but may be later.
	Unavailable Kind = "unavailable"
	// Unknown says that it may or may not have been done. Repeating the request with
	// the same key tells.
	Unknown Kind = "unknown"
	// Misconfigured says that the key is at fault, not the request. Nothing was done.
	Misconfigured Kind = "misconfigured"
)

// Error is an unsuccessful request.
type Error struct {
	Kind Kind
	// Status is the HTTP status; 0 when no answer came.
	Status int
	// Code and Type are Stripe's, as are Param, DeclineCode and Message.
	Code, Type, Param, DeclineCode, Message string
	// RetryAfter is how long Stripe asks to wait; 0 when it does not say.
	RetryAfter time.Duration
	// KeySpent says that repeating the request with the same idempotency key
	// is of no use: Stripe replays a stored server error, or has seen the key
	// with other parameters.
	KeySpent bool
	// NotSent says that the request did not leave this process.
	NotSent bool

	cause error
}

func (f *Error) Error() string {
	if f.Message != "" {
		return f.Message
	}
	return "no answer from Stripe"
}

func (f *Error) Unwrap() error { return f.cause }

// Classify says what an error of stripe-go means. It is the only place that
// does. It returns nil for nil.
func Classify(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	var stripeErr *stripe.Error
	if errors.As(err, &stripeErr) {
		return classifyAnswer(stripeErr)
	}
	f = &Error{Kind: Unknown, Message: "Stripe did not answer.", cause: err}
	var answer *notStripeError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, errNotAvailable), errors.Is(err, errTooManyRequests):
		f.Kind, f.NotSent, f.Message = Unavailable, true, "Stripe is not available."
	case errors.As(err, new(unconfirmedError)):
		f.Kind, f.Message = Unavailable, unconfirmedError{}.Error()
	case errors.As(err, &answer):
		f.Status, f.Message = answer.status, "Something between here and Stripe answered instead of it, with the status "+strconv.Itoa(answer.status)+"."
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		f.Kind, f.Message = Unavailable, "Stripe cannot be reached."
	case errors.Is(err, context.DeadlineExceeded):
		f.Message = "Stripe did not answer in time."
	}
	return f
}

func classifyAnswer(e *stripe.Error) *Error {
	f := &Error{
		Status:      e.HTTPStatusCode,
		Code:        string(e.Code),
		Type:        string(e.Type),
		Param:       e.Param,
		DeclineCode: string(e.DeclineCode),
		Message:     e.Msg,
		cause:       e,
	}
	header := http.Header{}
	if e.LastResponse != nil {
		header = e.LastResponse.Header
	}
	switch {
	case f.Status == http.StatusUnauthorized:
		f.Kind, f.Message = Misconfigured, "Stripe does not accept the API key." // its own text shows part of the key
	case f.Status == http.StatusForbidden:
		f.Kind, f.Message = Misconfigured, "The API key does not have the permissions that this needs."
	case f.Status == http.StatusConflict:
		f.Kind, f.Message = Unavailable, "Stripe is still working on the same request."
	case f.Status == http.StatusTooManyRequests:
		f.Kind, f.RetryAfter = Unavailable, retryAfter(header)
	case f.Status >= 500:
		f.Kind, f.Message = Unknown, "Stripe had a fault of its own."
		f.KeySpent = header.Get("Idempotent-Replayed") == "true"
	case f.Type == string(stripe.ErrorTypeIdempotency):
		f.Kind, f.KeySpent = Unknown, true
	default:
		f.Kind = Rejected
	}
	return f
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

// Replayed reports whether an answer is one that Stripe gave before, to the
// first request with the same idempotency key.
func Replayed(r *stripe.APIResponse) bool {
	return r != nil && r.Header.Get("Idempotent-Replayed") == "true"
}

// Untold makes Stripe's refusal to tell of something one that leaves open how it stands,
// unless Stripe says that it is missing. It returns every other error unchanged.
func Untold(err error) error {
	f := AsError(err)
	if f == nil || f.Kind != Rejected || f.Status == http.StatusNotFound || f.Code == string(stripe.ErrorCodeResourceMissing) {
		return err
	}
	untold := *f
	untold.Kind = Unknown
	return &untold
}

// IsRejected reports whether Stripe said no with a status, 404 say.
func IsRejected(err error, status int) bool {
	f := Classify(err)
	return f != nil && f.Kind == Rejected && f.Status == status
}

// isRequestError reports whether an error comes from a request to Stripe, and not
// from something here, such as a database that did not take the record.
func isRequestError(err error) bool {
	var f *Error
	var stripeErr *stripe.Error
	var urlErr *url.Error // what the HTTP client makes of every error of its transport
	switch {
	case errors.Is(err, errNotRecorded):
		return false
	case errors.As(err, &f), errors.As(err, &stripeErr), errors.As(err, &urlErr):
		return true
	}
	return false
}

// AsError is the unsuccessful request that an error comes from; nil when it
// comes from elsewhere, or is nil.
func AsError(err error) *Error {
	if err == nil || !isRequestError(err) {
		return nil
	}
	return Classify(err)
}

// IsGone reports whether Stripe has no such object.
func IsGone(err error) bool { return IsRejected(err, http.StatusNotFound) }

// IsMissing reports whether Stripe said no because it has no object of a type,
// "customer" say, that a request named.
func IsMissing(err error, objectType string) bool {
	f := AsError(err)
	return f != nil && f.Kind == Rejected && f.Code == string(stripe.ErrorCodeResourceMissing) &&
		strings.HasPrefix(f.Message, "No such "+objectType)
}

// IsInactivePrice reports whether Stripe said no because a price is not on sale
// there.
func IsInactivePrice(err error) bool {
	f := AsError(err)
	return f != nil && f.Kind == Rejected && strings.Contains(f.Message, "price specified is inactive")
}

// IsRejection reports whether Stripe said no, and will again. It is the first
// of two questions about an error of a request; the other is [IsGone].
func IsRejection(err error) bool {
	f := AsError(err)
	return f != nil && f.Kind == Rejected
}
