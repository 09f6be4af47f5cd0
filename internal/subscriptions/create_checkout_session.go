package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// CreateCheckoutSession is the input of
// [Subscriptions.CreateCheckoutSession].
type CreateCheckoutSession struct {
	CustomerID     string
	Mode           billing.CheckoutMode
	PriceID        *string
	TrialDays      *int
	SuccessURL     string
	CancelURL      *string
	IdempotencyKey *string
}

func (in CreateCheckoutSession) check() error {
	subscribes := in.Mode == billing.CheckoutSubscription
	switch {
	case subscribes && in.PriceID == nil:
		return billing.Errorf(billing.CodeInvalidInput, "Name the price to subscribe to.").At("priceId")
	case !subscribes && in.PriceID != nil:
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is sold in this mode.").At("priceId")
	case !subscribes && in.TrialDays != nil:
		return billing.Errorf(billing.CodeInvalidInput, "There is no trial in this mode.").At("trialDays")
	}
	if in.PriceID != nil {
		if err := billing.CheckID("price", billing.PricePrefix, *in.PriceID, "priceId"); err != nil {
			return err
		}
	}
	if in.CancelURL != nil {
		if err := checkURL(*in.CancelURL, "cancelUrl"); err != nil {
			return err
		}
	}
	return billing.First(
		customers.CheckID(in.CustomerID),
		checkDays("trial", in.TrialDays, maxTrialDays, "trialDays"),
		checkURL(in.SuccessURL, "successUrl"),
	)
}

// CreateCheckoutSession returns the URL of a page at Stripe on which a customer
// subscribes to a price, or leaves a payment method. The customer is linked to
// Stripe first when it is not yet. The subscription appears here when Stripe
// reports it. It cannot be queued: when Stripe does not answer, it is
// STRIPE_UNAVAILABLE. A price that is not on sale is PRICE_NOT_ACTIVE.
//
// It is one request, and Stripe itself answers a repeated one with the same
// idempotency key: POST /v1/checkout/sessions.
func (s *Subscriptions) CreateCheckoutSession(ctx context.Context, in CreateCheckoutSession) (result SessionResult, err error) {
	deadline := s.sync.Deadline()
	key, err := s.sync.KeyForStripe(ctx, "createCheckoutSession", in.IdempotencyKey)
	if err != nil {
		return result, err
	}
	if err := in.check(); err != nil {
		return result, err
	}
	price, err := s.priceOnSale(ctx, in.PriceID)
	if err != nil {
		return result, err
	}
	customer, op, err := s.linked(ctx, in.CustomerID, deadline)
	if result.Operation = op; err != nil {
		return result, err
	}
	ctx, cancel := s.withTime(ctx, deadline)
	defer cancel()
	session, err := s.stripe.CheckoutSessions.New(in.params(ctx, key, customer, price))
	if err != nil {
		return result, s.unavailable(ctx, err)
	}
	result.URL = session.URL
	return result, nil
}

func (in CreateCheckoutSession) params(ctx context.Context, key *string, customer, price string) *stripe.CheckoutSessionParams {
	params := &stripe.CheckoutSessionParams{
		Params:     stripe.Params{Context: ctx, IdempotencyKey: key},
		Customer:   stripe.String(customer),
		Mode:       stripe.String(stripeapi.Lower(in.Mode)),
		SuccessURL: stripe.String(in.SuccessURL),
		CancelURL:  stripeapi.NonEmpty(billing.ValueOr(in.CancelURL, "")),
	}
	if in.Mode != billing.CheckoutSubscription {
		params.PaymentMethodTypes = stripe.StringSlice([]string{"card"}) // Stripe needs them in this mode
		return params
	}
	params.LineItems = []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(price), Quantity: stripe.Int64(1)}}
	if in.TrialDays != nil {
		params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{
			TrialPeriodDays: stripe.Int64(int64(*in.TrialDays)),
		}
	}
	return params
}

// priceOnSale is a price's id in Stripe; empty when none is named.
func (s *Subscriptions) priceOnSale(ctx context.Context, id *string) (stripeID string, err error) {
	if id == nil {
		return "", nil
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		price, err := subscribablePrice(ctx, tx, *id)
		if err == nil {
			stripeID = *price.StripeID
		}
		return err
	})
	return stripeID, err
}
