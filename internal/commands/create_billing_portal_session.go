package commands

import "context"

// CreateBillingPortalSession is the input of
// [Commands.CreateBillingPortalSession].
type CreateBillingPortalSession struct {
	CustomerID     string
	ReturnURL      string
	IdempotencyKey *string
}

// CreateBillingPortalSession returns the URL of a page at Stripe on which a
// customer manages its billing.
func (c *Commands) CreateBillingPortalSession(ctx context.Context, in CreateBillingPortalSession) (result SessionResult, err error) {
	deadline := c.sync.Deadline()
	key, err := stripeKey(ctx, "createBillingPortalSession", in.IdempotencyKey)
	if err != nil {
		return result, err
	}
	if err := first(checkCustomerID(in.CustomerID), checkURL(in.ReturnURL, "returnUrl")); err != nil {
		return result, err
	}
	customer, op, err := c.linked(ctx, in.CustomerID, deadline)
	if result.Operation = op; err != nil {
		return result, err
	}
	ctx, cancel := c.withTime(ctx, deadline)
	defer cancel()
	result.URL, err = c.sync.CreateBillingPortalSession(ctx, customer, in.ReturnURL, key)
	return result, err
}
