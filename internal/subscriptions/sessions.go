package subscriptions

import (
	"context"
	"net/url"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// SessionResult is the result of creating a session.
type SessionResult struct {
	// URL is the page's; empty when it was rejected.
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

// onPage asks Stripe for a page for a customer, which is linked to Stripe first
// when it is not yet, or not any more. A client's idempotency key is Stripe's with
// the customer there, so that the same input may lead to a new customer's page.
func (s *Subscriptions) onPage(ctx context.Context, mutation, customerID string, key *string, ask func(ctx context.Context, customer string, key *string) (url string, err error)) (result SessionResult, err error) {
	deadline := s.sync.Deadline()
	if _, err := s.keys.ForStripe(ctx, mutation, key, ""); err != nil { // before anything is done
		return result, err
	}
	for again := false; ; again = true {
		customer, op, err := s.linked(ctx, customerID, deadline)
		if op != nil {
			result.Operation = op
		}
		if err != nil {
			return result, err
		}
		forStripe, err := s.keys.ForStripe(ctx, mutation, key, customer)
		if err != nil {
			return result, err
		}
		within, cancel := s.withTime(ctx, deadline)
		result.URL, err = ask(within, customer, forStripe)
		cancel()
		if err == nil {
			return result, nil
		}
		if !again && stripeapi.IsMissing(err, "customer") {
			if gone, goneErr := s.mirror.Gone(ctx, "customer", customer); gone && goneErr == nil {
				continue
			}
		}
		return result, s.unavailable(ctx, err)
	}
}

// linked makes sure that a customer is in Stripe, and returns its id there.
// When that does not come about in time, it is STRIPE_UNAVAILABLE.
func (s *Subscriptions) linked(ctx context.Context, id string, deadline time.Time) (stripeID string, op *ent.Operation, err error) {
	var row *ent.Customer
	var begun bool
	if err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		op, begun = nil, false
		if row, err = s.customers.Lock(ctx, tx, id); err != nil || row.StripeID != nil {
			return err
		}
		if op, err = s.sync.Unfinished(ctx, tx, row.Stripe()); err != nil || op != nil {
			return err
		}
		begun = true
		op, err = s.customers.BeginLink(ctx, tx, row)
		return err
	}); err != nil {
		if earlier := stripesync.BusyWith(err); earlier != nil {
			err = notLinked(earlier)
		}
		return "", nil, err
	}
	switch {
	case op == nil:
		return *row.StripeID, nil, nil
	case begun:
		op, err = s.sync.Execute(ctx, op, deadline)
	default:
		op, err = s.sync.Await(ctx, op, deadline)
	}
	if err != nil {
		return "", nil, err
	}
	if rejection := stripesync.Rejection(op); rejection != nil {
		return "", op, rejection.At("customerId")
	}
	if row, err = s.store.Reader.Customer.Get(ctx, id); err != nil {
		return "", op, store.OrNotFound(err, "customer", id)
	}
	if row.StripeID == nil {
		return "", op, notLinked(op)
	}
	return *row.StripeID, op, nil
}

// notLinked is the rejection of a page for a customer that is not in Stripe
// yet.
func notLinked(op *ent.Operation) error {
	return billing.Errorf(billing.CodeStripeUnavailable, "The customer is not in Stripe yet.").About(op.ID)
}

// minSessionTime is how long Stripe has for a page at least, however long the
// customer's link has taken.
const minSessionTime = 3 * time.Second

// withTime bounds a request to Stripe by a deadline, but never to less than a
// request needs.
func (s *Subscriptions) withTime(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(s.sync.Left(deadline), minSessionTime))
}

// unavailable is the rejection of what cannot wait for Stripe.
func (s *Subscriptions) unavailable(ctx context.Context, err error) error {
	f := stripeapi.Classify(err)
	s.logger.WarnContext(ctx, "Stripe gave no session", "outcome", f.Kind, "status", f.Status, "reason", f.Message)
	switch {
	case f.Kind == stripeapi.Rejected:
		return stripeapi.Rejection(f)
	case f.Type == string(stripe.ErrorTypeIdempotency):
		return billing.Errorf(billing.CodeIdempotencyReused, "The idempotency key was used with another input.").At("idempotencyKey")
	}
	return billing.Errorf(billing.CodeStripeUnavailable, "Stripe does not answer, and this cannot wait for it.")
}
