package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"

	"tallystick/ent"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// SessionResult is the outcome of a command that leads to a page at Stripe.
type SessionResult struct {
	// URL is the page's; empty when it was refused.
	URL string
	// Operation has created the customer in Stripe first; nil when that was
	// not needed.
	Operation *ent.Operation
}

// maxURL is Stripe's limit, in characters.
const maxURL = 2048

// checkURL checks where Stripe sends a customer back to.
func checkURL(address, field string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(address) > maxURL {
		return billing.Errorf(billing.CodeInvalidInput, "The URL must be an absolute one with http or https, of %d characters at most.", maxURL).At(field)
	}
	return nil
}

// linked makes sure that a customer is in Stripe, and returns its id there.
// When that does not come about in time, it is STRIPE_UNAVAILABLE.
func (c *Commands) linked(ctx context.Context, id string, deadline time.Time) (stripeID string, op *ent.Operation, err error) {
	var row *ent.Customer
	var begun bool
	if err := c.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		op, begun = nil, false
		if row, err = c.lockCustomer(ctx, tx, id, "customerId"); err != nil || row.StripeID != nil {
			return err
		}
		if op, err = c.sync.Unfinished(ctx, tx, row.Stripe()); err != nil || op != nil {
			return err
		}
		begun = true
		op, err = c.sync.LinkCustomer(ctx, tx, row)
		return err
	}); err != nil {
		return "", nil, notReady(err)
	}
	switch {
	case op == nil:
		return *row.StripeID, nil, nil
	case begun:
		op, err = c.sync.Execute(ctx, op, deadline)
	default:
		op, err = c.sync.Await(ctx, op, deadline)
	}
	if err != nil {
		return "", nil, err
	}
	if err := refusal(op); err != nil {
		return "", op, at(err, "customerId")
	}
	if row, err = c.store.Client.Customer.Get(ctx, id); err != nil {
		return "", op, store.OrNotFound(err, "customer", id)
	}
	if row.StripeID == nil {
		return "", op, notReady(&busyError{op})
	}
	return *row.StripeID, op, nil
}

// minSessionTime is how long Stripe has for a page at least, however long the
// customer's link has taken.
const minSessionTime = 3 * time.Second

// withTime bounds a request to Stripe by a deadline, but never to less than a
// request needs.
func (c *Commands) withTime(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(c.sync.Left(deadline), minSessionTime))
}

// notReady is the refusal of a page for a customer that is not in Stripe yet.
func notReady(err error) error {
	if busy, ok := err.(*busyError); ok { //nolint:errorlint // made above, or by notBusy
		return billing.Errorf(billing.CodeStripeUnavailable, "The customer is not in Stripe yet.").About(busy.operation.ID)
	}
	return err
}

// stripeKey makes a client's idempotency key one for Stripe, which answers a
// repeated request itself.
func stripeKey(ctx context.Context, mutation string, key *string) (*string, error) {
	if key == nil {
		return nil, nil
	}
	if err := billing.CheckText("idempotency key", *key, billing.MaxIdempotencyKey); err != nil {
		return nil, at(err, "idempotencyKey")
	}
	principal, ok := auth.From(ctx)
	if !ok {
		return nil, auth.ErrUnauthenticated
	}
	hash := sha256.Sum256([]byte(principal.ID + "\x00" + *key))
	derived := mutation + ":" + hex.EncodeToString(hash[:])
	return &derived, nil
}
