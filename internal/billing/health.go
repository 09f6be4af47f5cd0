package billing

import "time"

// HealthStatus sums up whether the two halves are kept equal.
type HealthStatus string

// The values of HealthStatus.
const (
	HealthOK       HealthStatus = "OK"
	HealthDegraded HealthStatus = "DEGRADED"
)

// StripeHealth is how Stripe answered last.
type StripeHealth string

// The values of StripeHealth.
const (
	StripeOK           StripeHealth = "OK"
	StripeUnreachable  StripeHealth = "UNREACHABLE"
	StripeInvalidKey   StripeHealth = "INVALID_KEY"
	StripeForbidden    StripeHealth = "FORBIDDEN"     // the key lacks a permission
	StripeWrongAccount StripeHealth = "WRONG_ACCOUNT" // the database belongs to another account
	StripeRateLimited  StripeHealth = "RATE_LIMITED"
	StripeSandbox      StripeHealth = "SANDBOX" // the built-in sandbox, in good health
)

// pendingTooLong is how long an operation or event may wait before health says
// so.
const pendingTooLong = 5 * time.Minute

// Health is the state of the link to Stripe at a time.
type Health struct {
	At                time.Time // by the clock that all replicas share
	Stripe            StripeHealth
	PendingOperations int
	OldestPendingAt   *time.Time
	NeedsAttention    int
	// Partial counts the live objects of which nothing here shows all that Stripe
	// has.
	Partial int

	LastWebhookAt        *time.Time
	PendingWebhookEvents int
	OldestWebhookAt      *time.Time // of those that are not applied yet
	FailedEvents         int        // that could not be applied and still matter

	LastSweptAt      *time.Time // when Stripe's list of events was last read
	MissedEvents     int        // on that list since the start of the day, and not by webhook
	LastReconciledAt *time.Time
	Drift            int // objects that differed when they were last compared
}

// Status is DEGRADED when Stripe does not answer as it should, when an
// operation needs attention, an event cannot be applied or an object differs, or
// when an operation or an event has waited for more than five minutes.
func (h Health) Status() HealthStatus {
	switch {
	case h.Stripe != StripeOK && h.Stripe != StripeSandbox,
		h.NeedsAttention > 0, h.Drift > 0, h.FailedEvents > 0,
		h.tooLong(h.OldestPendingAt), h.tooLong(h.OldestWebhookAt):
		return HealthDegraded
	}
	return HealthOK
}

func (h Health) tooLong(since *time.Time) bool {
	return since != nil && h.At.Sub(*since) > pendingTooLong
}
