package stripeapi

import "tallystick/internal/billing"

// The metadata keys by which an object in Stripe tells whose it is: the id of
// its row here, the operation that has created it, and the application's own id of
// a customer.
const (
	MetadataID         = billing.ReservedMetadata + "id"
	MetadataOperation  = billing.ReservedMetadata + "operation"
	MetadataExternalID = billing.ReservedMetadata + "external_id"
)

// MetadataKeys are the keys that are not the client's.
var MetadataKeys = []string{MetadataID, MetadataOperation, MetadataExternalID}
