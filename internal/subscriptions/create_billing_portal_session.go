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

// CreateBillingPortalSession creates a session of Stripe's billing portal for a
// customer, and the customer in Stripe first if it is not there. It returns
// STRIPE_UNAVAILABLE when Stripe does not answer, or when the customer is not in
// Stripe in time: a session cannot be created later.
//
// It is one request, POST /v1/billing_portal/sessions, which Stripe replays for the
// same idempotency key.
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
