package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscriptiontransition"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// CreateSubscription is the input of [Subscriptions.CreateSubscription].
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
)

func (in CreateSubscription) check() error {
	if err := billing.First(
		customers.CheckID(in.CustomerID),
		billing.CheckID("price", billing.PricePrefix, in.PriceID, "priceId"),
		checkDays("trial", in.TrialDays, maxTrialDays, "trialDays"),
		checkDays("time to pay", in.DaysUntilDue, maxDaysUntilDue, "daysUntilDue"),
	); err != nil {
		return err
	}
	if in.DaysUntilDue != nil && in.Collection != billing.CollectionSendInvoice {
		return billing.Errorf(billing.CodeInvalidInput, "Only invoices that are sent have days until they are due.").At("daysUntilDue")
	}
	return checkPaymentMethod(in.PaymentMethod)
}

func checkDays(what string, days *int, most int, field string) error {
	if days != nil && (*days < 1 || *days > most) {
		return billing.Errorf(billing.CodeInvalidInput, "The %s can be 1 to %d days, not %d.", what, most, *days).At(field)
	}
	return nil
}

// CreateSubscription subscribes a customer to a price. The customer is linked
// to Stripe first when it is not yet, and its payment method attached.
//
// A price that is not on sale is PRICE_NOT_ACTIVE, one that is paid once
// INVALID_INPUT, and a declined card CARD_DECLINED. With DEFAULT_INCOMPLETE the
// result has the client secret of the first payment; when Stripe does not
// answer with it, that is STRIPE_UNAVAILABLE, and the same mutation with the
// same idempotency key asks again.
func (s *Subscriptions) CreateSubscription(ctx context.Context, in CreateSubscription) (Result, error) {
	op, rejection := s.sync.Submit(ctx, stripesync.Mutation{
		Name: "createSubscription", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) { return s.beginCreation(ctx, tx, in) },
	})
	result, err := s.result(ctx, op, rejection)
	if err == nil && in.PaymentBehavior == billing.PaymentDefaultIncomplete {
		result.ClientSecret, err = s.clientSecret(ctx, result.Subscription)
	}
	return result, err
}

// creation is the frozen input of the operation.
type creation struct {
	target
	Create terms `json:"create"`
}

// terms are what Stripe is told of a new subscription.
type terms struct {
	PriceStripeID   string                   `json:"price"`
	TrialDays       int                      `json:"trial_days,omitempty"`
	Collection      billing.CollectionMethod `json:"collection"`
	DaysUntilDue    int                      `json:"days_until_due,omitempty"`
	PaymentMethod   string                   `json:"payment_method,omitempty"`
	PaymentBehavior billing.PaymentBehavior  `json:"payment_behavior"`
}

func (p creation) paymentMethod() string { return p.Create.PaymentMethod }

// beginCreation checks the rules under the customer's lock, and writes the
// subscription, INCOMPLETE until Stripe has it, and the operation.
func (s *Subscriptions) beginCreation(ctx context.Context, tx *store.Tx, in CreateSubscription) (*ent.Operation, error) {
	customer, err := s.customers.Lock(ctx, tx, in.CustomerID)
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
	p := creation{target: targetOf(row), Create: terms{
		PriceStripeID:   *price.StripeID,
		TrialDays:       billing.ValueOr(in.TrialDays, 0),
		Collection:      in.Collection,
		PaymentMethod:   billing.ValueOr(in.PaymentMethod, ""),
		PaymentBehavior: in.PaymentBehavior,
	}}
	if in.Collection == billing.CollectionSendInvoice {
		p.Create.DaysUntilDue = billing.ValueOr(in.DaysUntilDue, defaultDaysUntilDue)
	}
	var steps []stripesync.StepOf[creation]
	if customer.StripeID == nil {
		steps = append(steps, linkSubscriber)
	}
	if p.Create.PaymentMethod != "" {
		steps = append(steps, attachCard)
	}
	return begin(ctx, tx, s.creation, p, append(steps, subscribe)...)
}

// subscribablePrice reads a price that a new subscription can be on.
func subscribablePrice(ctx context.Context, tx *store.Tx, id string) (*ent.Price, error) {
	row, err := catalog.ActivePrice(ctx, tx, id, "priceId")
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

var (
	linkSubscriber = customers.LinkStep[creation]()
	attachCard     = attachStep(linkSubscriber)
)

// subscribe is the last step and kept: nothing is rejected after it.
var subscribe = &stripesync.Step[creation, report]{
	Name: "create_subscription",
	Do: func(c *stripesync.Call[creation]) (report, error) {
		params, err := subscriptionParams(c)
		if err != nil {
			return report{}, err
		}
		created, err := c.Stripe.Subscriptions.New(params)
		if err != nil {
			return report{}, err
		}
		read, err := mirror.ReadSubscription(created, c.SentAt)
		if err != nil {
			return report{}, err
		}
		now, _, err := mirror.Holds(read, created.LastResponse, nil, func() (*mirror.Subscription, error) { return ask(c, created.ID) })
		return reportOf(now), err
	},
	Find: findSubscription,
	Spend: func(c *stripesync.Call[creation]) error {
		return customers.SpendKey(c, linkSubscriber.Of(c.Op))
	},
	Keep: true,
}

func subscriptionParams(c *stripesync.Call[creation]) (*stripe.SubscriptionParams, error) {
	customer, err := customers.InStripe(c, linkSubscriber.Of(c.Op))
	if err != nil {
		return nil, err
	}
	t := c.Params.Create
	params := &stripe.SubscriptionParams{
		Params:               c.Write(),
		Metadata:             c.Metadata(c.Params.SubscriptionID, nil),
		Customer:             stripe.String(customer),
		Items:                []*stripe.SubscriptionItemsParams{{Price: stripe.String(t.PriceStripeID)}},
		CollectionMethod:     stripe.String(stripeapi.Lower(t.Collection)),
		PaymentBehavior:      stripe.String(stripeapi.Lower(t.PaymentBehavior)),
		DefaultPaymentMethod: stripeapi.NonEmpty(attachCard.Of(c.Op).PaymentMethod),
	}
	if t.TrialDays > 0 {
		params.TrialPeriodDays = stripe.Int64(int64(t.TrialDays))
	}
	if t.Collection == billing.CollectionSendInvoice {
		params.DaysUntilDue = stripe.Int64(int64(t.DaysUntilDue))
		params.PaymentBehavior = nil // nothing is charged at once
	}
	params.AddExpand("latest_invoice")
	return params, nil
}

func findSubscription(c *stripesync.Call[creation]) (report, bool, error) {
	customer, err := customers.InStripe(c, linkSubscriber.Of(c.Op))
	if err != nil {
		return report{}, false, err
	}
	params := &stripe.SubscriptionListParams{
		ListParams: c.List(), Customer: stripe.String(customer), Status: stripe.String("all"),
	}
	params.AddExpand("data.latest_invoice")
	found := c.Stripe.Subscriptions.List(params)
	for found.Next() {
		if c.IsMine(found.Subscription().Metadata) {
			now, err := mirror.ReadSubscription(found.Subscription(), c.SentAt)
			return reportOf(now), err == nil, err
		}
	}
	return report{}, false, found.Err()
}

func (s *Subscriptions) creationOperation() *stripesync.Operation[creation] {
	return &stripesync.Operation[creation]{
		Kind:  billing.KindCreateSubscription,
		Steps: []stripesync.StepOf[creation]{linkSubscriber, attachCard, subscribe},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) error {
			if err := customers.KeepLink(ctx, tx, e.Params.CustomerID, linkSubscriber.Of(e.Operation), e.Now); err != nil {
				return err
			}
			return s.show(ctx, tx, e.Operation, e.Params.SubscriptionID, subscribe.Of(e.Operation).Subscription.value)
		},
		Discard: forget,
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) ([]stripesync.Object, error) {
			created := subscribe.Of(e.Operation).Subscription.value
			if created == nil {
				return nil, forget(ctx, tx, e)
			}
			err := tx.Subscription.UpdateOneID(e.Params.SubscriptionID).SetStripeID(created.StripeID).Exec(ctx)
			return []stripesync.Object{{Type: "subscription", ID: created.StripeID}}, err
		},
		Mark: mark,
	}
}

// forget removes the subscription: a declined first payment leaves none. The
// customer's link is kept.
func forget(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) error {
	if err := customers.KeepLink(ctx, tx, e.Params.CustomerID, linkSubscriber.Of(e.Operation), e.Now); err != nil {
		return err
	}
	if _, err := tx.SubscriptionTransition.Delete().
		Where(subscriptiontransition.SubscriptionID(e.Params.SubscriptionID)).Exec(ctx); err != nil {
		return err
	}
	return tx.Subscription.DeleteOneID(e.Params.SubscriptionID).Exec(ctx)
}

// clientSecret asks Stripe for the secret with which a frontend confirms a
// first payment; nil when none waits to be confirmed.
func (s *Subscriptions) clientSecret(ctx context.Context, row *ent.Subscription) (*string, error) {
	if row == nil || row.StripeID == nil || row.Status != billing.SubscriptionIncomplete {
		return nil, nil
	}
	params := &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("latest_invoice.payment_intent")
	now, err := s.stripe.Subscriptions.Get(*row.StripeID, params)
	if err != nil {
		return nil, billing.Errorf(billing.CodeStripeUnavailable,
			"The subscription waits for its first payment, but Stripe does not answer with the client secret.").About(row.ID)
	}
	secret := ""
	if now.LatestInvoice != nil && now.LatestInvoice.PaymentIntent != nil {
		secret = now.LatestInvoice.PaymentIntent.ClientSecret
	}
	return &secret, nil
}
