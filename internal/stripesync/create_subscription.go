package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscriptiontransition"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// NewSubscription is what a new subscription is made of.
type NewSubscription struct {
	PriceStripeID   string                   `json:"price"`
	TrialDays       int                      `json:"trial_days,omitempty"`
	Collection      billing.CollectionMethod `json:"collection"`
	DaysUntilDue    int                      `json:"days_until_due,omitempty"`
	PaymentMethod   string                   `json:"payment_method,omitempty"`
	PaymentBehavior billing.PaymentBehavior  `json:"payment_behavior"`
}

// newSubscription subscribes a customer to a price. The customer is linked
// first when it is not yet, and its payment method attached.
func newSubscription() *Operation[subscriptionParams] {
	return &Operation[subscriptionParams]{
		Steps: []Step[subscriptionParams]{
			linkCustomerStep[subscriptionParams](),
			attachPaymentMethodStep[subscriptionParams](),
			{Name: "create_subscription", Do: createSubscription, Find: findSubscription, Keep: true}, // the last step: nothing is refused after it
		},
		Finish: endSubscription,
		Discard: func(ctx context.Context, tx *store.Tx, d *subscriptionDone) error {
			if err := d.Engine.keepLink(ctx, tx, d.Operation, d.Params.CustomerID); err != nil {
				return err
			}
			if _, err := tx.SubscriptionTransition.Delete().
				Where(subscriptiontransition.SubscriptionID(d.Params.SubscriptionID)).Exec(ctx); err != nil {
				return err
			}
			return tx.Subscription.DeleteOneID(d.Params.SubscriptionID).Exec(ctx)
		},
	}
}

func createSubscription(c *subscriptionCall) (Result, error) {
	customer, err := customerInStripe(c)
	if err != nil {
		return nil, err
	}
	n := c.Params.Create
	params := &stripe.SubscriptionParams{
		Params:           c.Write(),
		Metadata:         c.Metadata(c.Params.SubscriptionID, nil),
		Customer:         stripe.String(customer),
		Items:            []*stripe.SubscriptionItemsParams{{Price: stripe.String(n.PriceStripeID)}},
		CollectionMethod: stripe.String(stripeapi.Lower(n.Collection)),
		PaymentBehavior:  stripe.String(stripeapi.Lower(n.PaymentBehavior)),
	}
	if n.TrialDays > 0 {
		params.TrialPeriodDays = stripe.Int64(int64(n.TrialDays))
	}
	if n.Collection == billing.CollectionSendInvoice {
		params.DaysUntilDue = stripe.Int64(int64(n.DaysUntilDue))
		params.PaymentBehavior = nil // nothing is charged at once
	}
	if method := c.Result("attach_payment_method", "payment_method"); method != "" {
		params.DefaultPaymentMethod = stripe.String(method)
	}
	params.AddExpand("latest_invoice")
	created, err := c.Stripe.Subscriptions.New(params)
	if err != nil {
		return nil, err
	}
	s, err := present(c, created)
	if err != nil {
		return nil, err
	}
	return subscriptionResult(s)
}

func findSubscription(c *subscriptionCall) (Result, bool, error) {
	customer, err := customerInStripe(c)
	if err != nil {
		return nil, false, err
	}
	params := &stripe.SubscriptionListParams{
		ListParams: c.List(), Customer: stripe.String(customer), Status: stripe.String("all"),
	}
	params.AddExpand("data.latest_invoice")
	subscriptions := c.Stripe.Subscriptions.List(params)
	for subscriptions.Next() {
		if !c.IsMine(subscriptions.Subscription().Metadata) {
			continue
		}
		s, err := mirror.ReadSubscription(subscriptions.Subscription(), c.SentAt)
		if err != nil {
			return nil, false, err
		}
		result, err := subscriptionResult(s)
		return result, err == nil, err
	}
	return nil, false, subscriptions.Err()
}

// CreateSubscription begins a new subscription, whose row exists already, in
// the caller's transaction.
func (e *Engine) CreateSubscription(ctx context.Context, tx *store.Tx, customer *ent.Customer, row *ent.Subscription, n NewSubscription) (*ent.Operation, error) {
	var steps []string
	if customer.StripeID == nil {
		steps = append(steps, "link_customer")
	}
	if n.PaymentMethod != "" {
		steps = append(steps, "attach_payment_method")
	}
	return e.beginSubscription(ctx, tx, billing.KindCreateSubscription, row, subscriptionParams{
		SubscriptionID: row.ID, CustomerID: row.CustomerID, Create: &n,
	}, append(steps, "create_subscription")...)
}

// ClientSecret asks Stripe for the secret with which a frontend confirms the
// first payment of a subscription. It is never stored. It is empty when there
// is nothing to confirm.
func (e *Engine) ClientSecret(ctx context.Context, stripeID string) (string, error) {
	params := &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("latest_invoice.payment_intent")
	s, err := e.stripe.Subscriptions.Get(stripeID, params)
	if err != nil {
		return "", err
	}
	if s.LatestInvoice == nil || s.LatestInvoice.PaymentIntent == nil {
		return "", nil
	}
	return s.LatestInvoice.PaymentIntent.ClientSecret, nil
}
