package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/customers"
)

// CreateBillingPortalSession is the input of
// [Subscriptions.CreateBillingPortalSession].
type CreateBillingPortalSession struct {
	CustomerID     string
	ReturnURL      string
	IdempotencyKey *string
}

// CreateBillingPortalSession returns the URL of a page at Stripe on which a
// customer manages its billing. The customer is linked to Stripe first when it
// is not yet. It cannot be queued: when Stripe does not answer, it is
// STRIPE_UNAVAILABLE.
//
// It is one request, and Stripe itself answers a repeated one with the same
// idempotency key: POST /v1/billing_portal/sessions.
func (s *Subscriptions) CreateBillingPortalSession(ctx context.Context, in CreateBillingPortalSession) (result SessionResult, err error) {
	if err := billing.First(customers.CheckID(in.CustomerID), checkURL(in.ReturnURL, "returnUrl")); err != nil {
		return result, err
	}
	return s.onPage(ctx, "createBillingPortalSession", in.CustomerID, in.IdempotencyKey,
		func(ctx context.Context, customer string, key *string) (string, error) {
			session, err := s.stripe.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
				Params:    stripe.Params{Context: ctx, IdempotencyKey: key},
				Customer:  stripe.String(customer),
				ReturnURL: stripe.String(in.ReturnURL),
			})
			if err != nil {
				return "", err
			}
			return session.URL, nil
		})
}
