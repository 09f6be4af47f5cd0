package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// CreateSubscription is the input of [Commands.CreateSubscription].
type CreateSubscription struct {
	CustomerID      string
	PriceID         string
	TrialDays       *int
	Collection      billing.CollectionMethod
	DaysUntilDue    *int
	PaymentMethod   *string
	PaymentBehavior billing.PaymentBehavior
	IdempotencyKey  *string
}

const (
	maxTrialDays        = 730 // Stripe's limit
	maxDaysUntilDue     = 365
	defaultDaysUntilDue = 30
	maxPaymentMethod    = 255
)

func (in CreateSubscription) check() error {
	if err := first(
		checkCustomerID(in.CustomerID),
		checkID("price", billing.PricePrefix, in.PriceID, "priceId"),
		checkDays("trial", in.TrialDays, maxTrialDays, "trialDays"),
		checkDays("time to pay", in.DaysUntilDue, maxDaysUntilDue, "daysUntilDue"),
	); err != nil {
		return err
	}
	if in.DaysUntilDue != nil && in.Collection != billing.CollectionSendInvoice {
		return billing.Errorf(billing.CodeInvalidInput, "Only invoices that are sent have days until they are due.").At("daysUntilDue")
	}
	if in.PaymentMethod != nil {
		return at(billing.CheckText("payment method", *in.PaymentMethod, maxPaymentMethod), "paymentMethod")
	}
	return nil
}

func checkDays(what string, days *int, most int, field string) error {
	if days != nil && (*days < 1 || *days > most) {
		return billing.Errorf(billing.CodeInvalidInput, "The %s can be 1 to %d days, not %d.", what, most, *days).At(field)
	}
	return nil
}

// CreateSubscription subscribes a customer to a price. A customer that is not
// in Stripe yet is linked first.
func (c *Commands) CreateSubscription(ctx context.Context, in CreateSubscription) (SubscriptionResult, error) {
	op, err := c.run(ctx, mutation{
		name: "createSubscription", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			customer, err := c.lockCustomer(ctx, tx, in.CustomerID, "customerId")
			if err != nil {
				return nil, err
			}
			price, err := subscribablePrice(ctx, tx, in.PriceID)
			if err != nil {
				return nil, err
			}
			row, err := tx.Subscription.Create().
				SetCustomerID(customer.ID).
				SetPriceID(price.ID).
				SetProductID(price.ProductID).
				SetCollection(in.Collection).
				Save(ctx)
			if err != nil {
				return nil, err
			}
			return c.sync.CreateSubscription(ctx, tx, customer, row, in.terms(price))
		},
	})
	result, err := c.subscriptionResult(ctx, op, err)
	if err == nil && in.PaymentBehavior == billing.PaymentDefaultIncomplete {
		result.ClientSecret, err = c.clientSecret(ctx, result.Subscription)
	}
	return result, err
}

func (in CreateSubscription) terms(price *ent.Price) stripesync.NewSubscription {
	n := stripesync.NewSubscription{
		PriceStripeID:   *price.StripeID,
		TrialDays:       valueOr(in.TrialDays, 0),
		Collection:      in.Collection,
		PaymentMethod:   valueOr(in.PaymentMethod, ""),
		PaymentBehavior: in.PaymentBehavior,
	}
	if in.Collection == billing.CollectionSendInvoice {
		n.DaysUntilDue = valueOr(in.DaysUntilDue, defaultDaysUntilDue)
	}
	return n
}

func subscribablePrice(ctx context.Context, tx *store.Tx, id string) (*ent.Price, error) {
	row, err := activePrice(ctx, tx, id, "priceId")
	if err != nil {
		return nil, err
	}
	switch {
	case !row.Edges.Product.Active:
		return nil, billing.Errorf(billing.CodePriceNotActive, "The price's product %q is archived.", row.Edges.Product.Name).
			At("priceId").About(row.ProductID)
	case row.Interval == nil:
		return nil, billing.Errorf(billing.CodeInvalidInput, "The price is paid once; a subscription needs a recurring one.").
			At("priceId").About(id)
	}
	return row, nil
}

// clientSecret asks for the secret of a first payment that waits to be
// confirmed. When Stripe cannot answer, the same mutation with the same
// idempotency key asks again.
func (c *Commands) clientSecret(ctx context.Context, row *ent.Subscription) (*string, error) {
	if row == nil || row.StripeID == nil || row.Status != billing.SubscriptionIncomplete {
		return nil, nil
	}
	secret, err := c.sync.ClientSecret(ctx, *row.StripeID)
	if err != nil {
		return nil, billing.Errorf(billing.CodeStripeUnavailable,
			"The subscription waits for its first payment, but Stripe does not answer with the client secret.").About(row.ID)
	}
	return &secret, nil
}
