package billing

// SubscribedItem is one price of a new subscription.
type SubscribedItem struct {
	PriceID  string
	Quantity *int // nil: 1, or none for a metered price
}

// ItemChange is what changes about one item of a subscription, or a new item.
type ItemChange struct {
	ID       *string // nil for a new item
	PriceID  *string // nil: as it is
	Quantity *int    // nil: as it is, and 1 for a new item
	Delete   *bool
}

const (
	// MaxItems is how many items of a subscription one request can name, which is
	// how many Stripe allows a subscription to have
	// (https://docs.stripe.com/billing/subscriptions/quantities#limits).
	MaxItems = 20
	// MaxQuantity is the largest quantity of an item.
	MaxQuantity = 1_000_000
)

// CheckQuantity checks how many units of a price are subscribed to; nil when the
// client has said nothing.
func CheckQuantity(quantity *int) error {
	if quantity != nil && (*quantity < 1 || *quantity > MaxQuantity) {
		return Errorf(CodeInvalidInput, "A quantity can be 1 to %d, not %d.", MaxQuantity, *quantity)
	}
	return nil
}
