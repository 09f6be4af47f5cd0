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
	Quantity       *int // of PriceID
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
	case !subscribes && in.Quantity != nil:
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is sold in this mode.").At("quantity")
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
		billing.At(billing.CheckQuantity(in.Quantity), "quantity"),
		checkDays("trial", in.TrialDays, maxTrialDays, "trialDays"),
		checkURL(in.SuccessURL, "successUrl"),
	)
}

// CreateCheckoutSession creates a Checkout session in which a customer subscribes
// to a price or saves a payment method, and the customer in Stripe first if it is
// not there. The subscription appears here when Stripe reports it. It returns
// PRICE_NOT_ACTIVE for a price that is not ACTIVE or whose product is archived,
// INVALID_INPUT for a one-time price, and STRIPE_UNAVAILABLE when Stripe does not
// answer, or when the customer is not in Stripe in time: a session cannot be
// created later.
//
// It is one request, POST /v1/checkout/sessions, which Stripe replays for the same
// idempotency key.
func (s *Subscriptions) CreateCheckoutSession(ctx context.Context, in CreateCheckoutSession) (result SessionResult, err error) {
	if err := in.check(); err != nil {
		return result, err
	}
	item, err := s.itemOnSale(ctx, in)
	if err != nil {
		return result, err
	}
	return s.onPage(ctx, "createCheckoutSession", in.CustomerID, in.IdempotencyKey,
		func(ctx context.Context, customer string, key *string) (string, error) {
			session, err := s.stripe.CheckoutSessions.New(in.params(ctx, key, customer, item))
			if err != nil {
				return "", err
			}
			return session.URL, nil
		})
}

func (in CreateCheckoutSession) params(ctx context.Context, key *string, customer string, item *stripe.CheckoutSessionLineItemParams) *stripe.CheckoutSessionParams {
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
	params.LineItems = []*stripe.CheckoutSessionLineItemParams{item}
	if in.TrialDays != nil {
		params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{
			TrialPeriodDays: stripe.Int64(int64(*in.TrialDays)),
		}
	}
	return params
}

// itemOnSale is what the page sells; nil when it sells nothing.
func (s *Subscriptions) itemOnSale(ctx context.Context, in CreateCheckoutSession) (line *stripe.CheckoutSessionLineItemParams, err error) {
	if in.PriceID == nil {
		return nil, nil
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		item, err := wantedItem(ctx, tx, billing.SubscribedItem{PriceID: *in.PriceID, Quantity: in.Quantity})
		if err == nil {
			line = &stripe.CheckoutSessionLineItemParams{Price: item.price.StripeID, Quantity: item.quantity}
		}
		return err
	})
	return line, err
}
