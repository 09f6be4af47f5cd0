package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
)

// CheckoutSession is what a page at Stripe is to do on which a customer
// subscribes to a price, or leaves a payment method.
type CheckoutSession struct {
	CustomerStripeID string
	Mode             billing.CheckoutMode
	PriceStripeID    string // for SUBSCRIPTION
	TrialDays        int
	SuccessURL       string
	CancelURL        string
	IdempotencyKey   *string
}

// CreateCheckoutSession asks Stripe for the page's URL. It cannot be queued:
// when Stripe does not answer, it is STRIPE_UNAVAILABLE.
func (e *Engine) CreateCheckoutSession(ctx context.Context, s CheckoutSession) (string, error) {
	params := &stripe.CheckoutSessionParams{
		Params:     stripe.Params{Context: ctx, IdempotencyKey: s.IdempotencyKey},
		Customer:   stripe.String(s.CustomerStripeID),
		Mode:       stripe.String(stripeapi.Lower(s.Mode)),
		SuccessURL: stripe.String(s.SuccessURL),
		CancelURL:  stripeapi.NonEmpty(s.CancelURL),
	}
	if s.Mode == billing.CheckoutSubscription {
		params.LineItems = []*stripe.CheckoutSessionLineItemParams{{
			Price: stripe.String(s.PriceStripeID), Quantity: stripe.Int64(1),
		}}
		if s.TrialDays > 0 {
			params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{
				TrialPeriodDays: stripe.Int64(int64(s.TrialDays)),
			}
		}
	} else {
		params.PaymentMethodTypes = stripe.StringSlice([]string{"card"}) // Stripe needs them in this mode
	}
	session, err := e.stripe.CheckoutSessions.New(params)
	if err != nil {
		return "", e.unavailable(ctx, err)
	}
	return session.URL, nil
}

// CreateBillingPortalSession asks Stripe for the URL of a page on which a
// customer manages its billing. It cannot be queued either.
func (e *Engine) CreateBillingPortalSession(ctx context.Context, customerStripeID, returnURL string, idempotencyKey *string) (string, error) {
	session, err := e.stripe.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Params:    stripe.Params{Context: ctx, IdempotencyKey: idempotencyKey},
		Customer:  stripe.String(customerStripeID),
		ReturnURL: stripe.String(returnURL),
	})
	if err != nil {
		return "", e.unavailable(ctx, err)
	}
	return session.URL, nil
}

// unavailable is the refusal of what cannot wait for Stripe.
func (e *Engine) unavailable(ctx context.Context, err error) error {
	f := stripeapi.Classify(err)
	e.logger.WarnContext(ctx, "Stripe gave no session", "outcome", f.Outcome, "status", f.Status, "reason", f.Message)
	switch {
	case f.Outcome == stripeapi.Rejected:
		return refuse(f)
	case f.Type == string(stripe.ErrorTypeIdempotency):
		return billing.Errorf(billing.CodeIdempotencyReused, "The idempotency key was used with another input.").At("idempotencyKey")
	}
	return billing.Errorf(billing.CodeStripeUnavailable, "Stripe does not answer, and this cannot wait for it.")
}
