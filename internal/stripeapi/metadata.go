package stripeapi

import "tallystick/internal/billing"

// The metadata keys by which an object in Stripe tells whose it is: the id of
// its row here, and the operation that has created it.
const (
	MetadataID        = billing.ReservedMetadata + "id"
	MetadataOperation = billing.ReservedMetadata + "operation"
)
