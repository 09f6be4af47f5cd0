package subscriptions

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/subscriptionitem"
	"tallystick/ent/subscriptiontransition"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// CreateSubscription is the input of [Subscriptions.CreateSubscription].
type CreateSubscription struct {
	CustomerID      string
	PriceID         *string // either this, or Items
	Quantity        *int    // of PriceID
	Items           []*billing.SubscribedItem
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
		in.checkItems(),
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

func (in CreateSubscription) checkItems() error {
	switch {
	case (in.PriceID == nil) == (in.Items == nil):
		return billing.Errorf(billing.CodeInvalidInput, "Name either a price or items.").At("priceId")
	case in.Quantity != nil && in.PriceID == nil:
		return billing.Errorf(billing.CodeInvalidInput, "The quantity belongs to the price; each item has its own.").At("quantity")
	case in.Items != nil && (len(in.Items) == 0 || len(in.Items) > billing.MaxItems):
		return billing.Errorf(billing.CodeInvalidInput, "A new subscription can have 1 to %d items, not %d.", billing.MaxItems, len(in.Items)).At("items")
	case in.PriceID != nil:
		return checkWanted(billing.SubscribedItem{PriceID: *in.PriceID, Quantity: in.Quantity})
	}
	for i, wanted := range in.Items {
		if err := checkWanted(*wanted); err != nil {
			return at(i, err)
		}
	}
	return nil
}

func checkWanted(wanted billing.SubscribedItem) error {
	return billing.First(
		billing.CheckID("price", billing.PricePrefix, wanted.PriceID, "priceId"),
		billing.At(billing.CheckQuantity(wanted.Quantity), "quantity"),
	)
}

// wanted are the items that the new subscription is to have. An input field at
// fault is named.
func (in CreateSubscription) wanted(ctx context.Context, tx *store.Tx) ([]item, error) {
	if in.PriceID != nil {
		one, err := wantedItem(ctx, tx, billing.SubscribedItem{PriceID: *in.PriceID, Quantity: in.Quantity})
		return []item{one}, err
	}
	items := make([]item, len(in.Items))
	for i, wanted := range in.Items {
		var err error
		if items[i], err = wantedItem(ctx, tx, *wanted); err != nil {
			return nil, at(i, err)
		}
	}
	return items, checkItems(items)
}

func wantedItem(ctx context.Context, tx *store.Tx, wanted billing.SubscribedItem) (item, error) {
	price, err := subscribablePrice(ctx, tx, wanted.PriceID)
	if err != nil {
		return item{}, err
	}
	quantity, err := quantityOf(price, wanted.Quantity, nil)
	return item{price: price, quantity: quantity}, err
}

func checkDays(what string, days *int, most int, field string) error {
	if days != nil && (*days < 1 || *days > most) {
		return billing.Errorf(billing.CodeInvalidInput, "The %s can be 1 to %d days, not %d.", what, most, *days).At(field)
	}
	return nil
}

// CreateSubscription subscribes a customer to one or more prices. It creates the
// customer in Stripe first if it is not there, and attaches the payment method.
//
// It returns PRICE_NOT_ACTIVE for a price that is not ACTIVE or whose product is
// archived, INVALID_INPUT for a one-time price and for prices that Stripe does not
// combine in one subscription, CARD_DECLINED for a declined card,
// AUTHENTICATION_REQUIRED for a payment that the customer must confirm, and
// PAYMENT_METHOD_REQUIRED when there is no payment method.
//
// With DEFAULT_INCOMPLETE the result has the client secret of the first payment, or
// of the setup of a payment method when nothing is due yet. It returns
// STRIPE_UNAVAILABLE when the subscription exists but Stripe does not answer with
// the secret; the same mutation with the same idempotency key asks for it again.
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
	Items           []frozenItem             `json:"items"`
	PriceStripeID   string                   `json:"price,omitempty"` // up to version 0.1, instead of the items
	TrialDays       int                      `json:"trial_days,omitempty"`
	Collection      billing.CollectionMethod `json:"collection"`
	DaysUntilDue    int                      `json:"days_until_due,omitempty"`
	PaymentMethod   string                   `json:"payment_method,omitempty"`
	PaymentBehavior billing.PaymentBehavior  `json:"payment_behavior"`
}

// frozenItem is one item of a new subscription.
type frozenItem struct {
	PriceID       string `json:"price_id"`
	PriceStripeID string `json:"price"`
	Quantity      *int64 `json:"quantity,omitempty"`
}

func (p creation) paymentMethod() string { return p.Create.PaymentMethod }

// beginCreation checks the rules under the customer's lock, and writes the
// subscription, INCOMPLETE until Stripe has it, and the operation.
func (s *Subscriptions) beginCreation(ctx context.Context, tx *store.Tx, in CreateSubscription) (*ent.Operation, error) {
	customer, err := s.customers.Lock(ctx, tx, in.CustomerID)
	if err != nil {
		return nil, err
	}
	items, err := in.wanted(ctx, tx)
	if err != nil {
		return nil, err
	}
	row, frozen, err := insertSubscription(ctx, tx, customer.ID, in.Collection, items)
	if err != nil {
		return nil, err
	}
	p := creation{target: targetOf(row), Create: terms{
		Items:           frozen,
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

// insertSubscription writes the intent of a subscription, INCOMPLETE until Stripe
// has it, with its items.
func insertSubscription(ctx context.Context, tx *store.Tx, customerID string, collection billing.CollectionMethod, items []item) (*ent.Subscription, []frozenItem, error) {
	create := tx.Subscription.Create().
		SetCustomerID(customerID).
		SetPriceID(items[0].price.ID).
		SetProductID(items[0].price.ProductID).
		SetItemCount(len(items)).
		SetCurrency(items[0].price.Currency).
		SetCollection(collection)
	if len(items) == 1 {
		create.SetOnlyPriceID(items[0].price.ID).SetOnlyProductID(items[0].price.ProductID)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return nil, nil, err
	}
	frozen := make([]frozenItem, len(items))
	for i, item := range items {
		frozen[i] = frozenItem{PriceID: item.price.ID, PriceStripeID: *item.price.StripeID, Quantity: item.quantity}
		if err := tx.SubscriptionItem.Create().
			SetSubscriptionID(row.ID).
			SetPriceID(item.price.ID).
			SetProductID(item.price.ProductID).
			SetNillableQuantity(item.quantity).
			SetStripeStatus(billing.SyncPending).
			Exec(ctx); err != nil {
			return nil, nil, err
		}
	}
	return row, frozen, nil
}

// linkSubscriber sends POST /v1/customers. attachCard sends GET
// /v1/payment_methods/{id}, and then POST .../attach unless the method is the customer's.
// When Stripe refuses that because it has no such customer, GET /v1/customers/{id}
// follows; if that is gone, link_customer is put before it, and it is done again, as is
// said of subscribe. Both have Keep: after a refusal of subscribe both stay DONE.
var (
	linkSubscriber = customers.LinkStep[creation]()
	attachCard     = attachStep(linkSubscriber)
)

// subscribe sends POST /v1/subscriptions. It has no undo, as it is the last step, and
// Finish rejects nothing. When Stripe says that it has no such customer, GET
// /v1/customers/{id} follows; if that is gone, the customer is unlinked, link_customer is
// put before this step, and both are done. The repeated POST names another customer under
// the same key: where Stripe answers idempotency_error, Find (GET /v1/subscriptions)
// follows, and the POST with the next key. attach_payment_method is not done again, so a
// method that was attached to the deleted customer gets the change rejected. When Stripe
// refuses a price as missing or not active, GET /v1/prices/{id} follows for each price,
// and the change is rejected, as it is after every other refusal. Spend is an update of
// the customer that changes nothing.
var subscribe = &stripesync.Step[creation, report]{
	Name: "create_subscription",
	Do: func(c *stripesync.Call[creation]) (report, error) {
		params, err := subscriptionParams(c)
		if err != nil {
			return report{}, err
		}
		created, err := c.Stripe.Subscriptions.New(params)
		if err != nil {
			return report{}, contradicted(c, linkSubscriber, *params.Customer, c.Params.prices(), err)
		}
		read, err := mirror.ReadSubscription(created, c.SentAt)
		if err != nil {
			return report{}, err
		}
		now, _, err := mirror.OrReread(read, created.LastResponse, nil, func() (*mirror.Subscription, error) { return ask(c, created.ID) })
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
		Items:                t.items(),
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

func (t terms) items() []*stripe.SubscriptionItemsParams {
	if t.Items == nil {
		return []*stripe.SubscriptionItemsParams{{Price: stripe.String(t.PriceStripeID)}}
	}
	items := make([]*stripe.SubscriptionItemsParams, len(t.Items))
	for i, item := range t.Items {
		items[i] = &stripe.SubscriptionItemsParams{Price: stripe.String(item.PriceStripeID)}
		if item.Quantity != nil && *item.Quantity != 1 {
			items[i].Quantity = item.Quantity
		}
	}
	return items
}

// prices are those of the new subscription, by their ids in Stripe.
func (p creation) prices() []string {
	if p.Create.Items == nil {
		return []string{p.Create.PriceStripeID}
	}
	ids := make([]string, len(p.Create.Items))
	for i, item := range p.Create.Items {
		ids[i] = item.PriceStripeID
	}
	return ids
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
				return nil, nil
			}
			err := tx.Subscription.UpdateOneID(e.Params.SubscriptionID).SetStripeID(created.StripeID).Exec(ctx)
			return touched(created.StripeID, created), err
		},
		Forget: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) error {
			if subscribe.Of(e.Operation).Subscription.value != nil {
				return nil
			}
			return forget(ctx, tx, e)
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
	if _, err := tx.SubscriptionItem.Delete().
		Where(subscriptionitem.SubscriptionID(e.Params.SubscriptionID)).Exec(ctx); err != nil {
		return err
	}
	return tx.Subscription.DeleteOneID(e.Params.SubscriptionID).Exec(ctx)
}

// clientSecret asks Stripe for the secret with which a frontend confirms the first
// payment, or the set-up of a payment method where nothing is due yet; nil when
// nothing waits to be confirmed.
func (s *Subscriptions) clientSecret(ctx context.Context, row *ent.Subscription) (*string, error) {
	if row == nil || row.StripeID == nil || row.Status.Ended() {
		return nil, nil
	}
	params := &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("latest_invoice.payment_intent")
	params.AddExpand("pending_setup_intent")
	now, err := s.stripe.Subscriptions.Get(*row.StripeID, params)
	if err != nil {
		return nil, billing.Errorf(billing.CodeStripeUnavailable,
			"The subscription waits for the customer, but Stripe does not answer with the client secret.").About(row.ID)
	}
	if intent := now.PendingSetupIntent; intent != nil {
		return stripeapi.NonEmpty(intent.ClientSecret), nil
	}
	if now.Status != stripe.SubscriptionStatusIncomplete || now.LatestInvoice == nil || now.LatestInvoice.PaymentIntent == nil {
		return nil, nil
	}
	return stripeapi.NonEmpty(now.LatestInvoice.PaymentIntent.ClientSecret), nil
}
