package commands

import (
	"context"

	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// CreateCheckoutSession is the input of [Commands.CreateCheckoutSession].
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
		if err := checkID("price", billing.PricePrefix, *in.PriceID, "priceId"); err != nil {
			return err
		}
	}
	if in.CancelURL != nil {
		if err := checkURL(*in.CancelURL, "cancelUrl"); err != nil {
			return err
		}
	}
	return first(
		checkCustomerID(in.CustomerID),
		checkDays("trial", in.TrialDays, maxTrialDays, "trialDays"),
		checkURL(in.SuccessURL, "successUrl"),
	)
}

// CreateCheckoutSession returns the URL of a page at Stripe on which a customer
// subscribes to a price, or leaves a payment method. The subscription appears
// here when Stripe reports it.
func (c *Commands) CreateCheckoutSession(ctx context.Context, in CreateCheckoutSession) (result SessionResult, err error) {
	deadline := c.sync.Deadline()
	session := stripesync.CheckoutSession{
		Mode: in.Mode, TrialDays: valueOr(in.TrialDays, 0), SuccessURL: in.SuccessURL, CancelURL: valueOr(in.CancelURL, ""),
	}
	if session.IdempotencyKey, err = stripeKey(ctx, "createCheckoutSession", in.IdempotencyKey); err != nil {
		return result, err
	}
	if err := in.check(); err != nil {
		return result, err
	}
	if session.PriceStripeID, err = c.priceOnSale(ctx, in.PriceID); err != nil {
		return result, err
	}
	if session.CustomerStripeID, result.Operation, err = c.linked(ctx, in.CustomerID, deadline); err != nil {
		return result, err
	}
	ctx, cancel := c.withTime(ctx, deadline)
	defer cancel()
	result.URL, err = c.sync.CreateCheckoutSession(ctx, session)
	return result, err
}

// priceOnSale is a price's id in Stripe; empty when none is named.
func (c *Commands) priceOnSale(ctx context.Context, id *string) (stripeID string, err error) {
	if id == nil {
		return "", nil
	}
	err = c.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		price, err := subscribablePrice(ctx, tx, *id)
		if err == nil {
			stripeID = *price.StripeID
		}
		return err
	})
	return stripeID, err
}
