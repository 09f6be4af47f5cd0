package billing

import "time"

// Finished reports whether an operation has come to its end. NEEDS_ATTENTION
// is not one: the halves may differ until it is retried.
func (s OperationStatus) Finished() bool { return s == OperationSucceeded || s == OperationFailed }

// OperationStep is one step of an operation, as it is stored.
type OperationStep struct {
	Name   string     `json:"name"`
	Status StepStatus `json:"status"`
	// Generation counts the idempotency keys that had to be given up, because
	// Stripe replays a stored server error for them or has forgotten them.
	Generation int `json:"generation,omitempty"`
	// Look says that the operation was started over, so that the step needs
	// another idempotency key, and first looks for what it may have created.
	Look bool `json:"look,omitempty"`
	// Result is what later steps and the end need of Stripe's answer.
	Result map[string]string `json:"result,omitempty"`
}

// StripeLink is how an object stands to its counterpart in Stripe.
type StripeLink struct {
	ID           *string
	Status       SyncStatus
	LastSyncedAt *time.Time
	LastError    *string
	// Unsupported are the properties that Stripe has and nothing here shows.
	Unsupported []string
	// OperationID is the unfinished operation, if there is one.
	OperationID *string
}
