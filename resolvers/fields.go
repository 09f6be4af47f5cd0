package resolvers

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"tallystick/ent"
	"tallystick/graph"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/resolvers/scalars"
)

type productResolver struct{ *Resolver }

func (productResolver) Description(_ context.Context, obj *ent.Product) (*string, error) {
	return orNone(obj.Description), nil
}

func (productResolver) Metadata(ctx context.Context, obj *ent.Product) (map[string]string, error) {
	return private(ctx, obj.Metadata), nil
}

// Prices come with the product; the filter is applied where they are loaded.
func (productResolver) Prices(ctx context.Context, obj *ent.Product, first *int, after *string, last *int, before *string, _ *graph.PriceFilter, orderBy *ent.PriceOrder) (*ent.PriceConnection, error) {
	from, to, err := scalars.Cursors(after, before)
	if err != nil {
		return nil, err
	}
	return obj.Prices(ctx, from, first, to, last, orderBy)
}

type priceResolver struct{}

func (priceResolver) UnitAmount(_ context.Context, obj *ent.Price) (*billing.Money, error) {
	if !obj.UnitAmountKnown {
		return nil, nil
	}
	return &billing.Money{Amount: obj.UnitAmount, Currency: obj.Currency}, nil
}

func (priceResolver) UnitAmountDecimal(_ context.Context, obj *ent.Price) (*string, error) {
	if obj.UnitAmountDecimal != nil || !obj.UnitAmountKnown {
		return obj.UnitAmountDecimal, nil
	}
	whole := strconv.FormatInt(obj.UnitAmount, 10)
	return &whole, nil
}

func (priceResolver) Recurring(_ context.Context, obj *ent.Price) (*billing.Recurring, error) {
	return catalog.Recurring(obj), nil
}

func (priceResolver) Nickname(_ context.Context, obj *ent.Price) (*string, error) {
	return orNone(obj.Nickname), nil
}

type customerResolver struct{}

func (customerResolver) Metadata(ctx context.Context, obj *ent.Customer) (map[string]string, error) {
	return private(ctx, obj.Metadata), nil
}

func (customerResolver) Email(_ context.Context, obj *ent.Customer) (*string, error) {
	return orNone(obj.Email), nil
}

func (customerResolver) Name(_ context.Context, obj *ent.Customer) (*string, error) {
	return orNone(obj.Name), nil
}

// orNone is null for a text that was never given, or was removed.
func orNone(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type subscriptionResolver struct{}

func (subscriptionResolver) Customer(ctx context.Context, obj *ent.Subscription) (*ent.Customer, error) {
	return evenDeleted(ctx, obj)
}

// evenDeleted is the customer that an object belongs to, also where it was
// loaded as missing, because it has been deleted since.
func evenDeleted(ctx context.Context, of interface {
	Customer(ctx context.Context) (*ent.Customer, error)
	QueryCustomer() *ent.CustomerQuery
},
) (*ent.Customer, error) {
	row, err := of.Customer(store.WithDeleted(ctx))
	if ent.IsNotFound(err) {
		return of.QueryCustomer().Only(store.WithDeleted(ctx))
	}
	return row, err
}

func (subscriptionResolver) AvailableActions(_ context.Context, obj *ent.Subscription) ([]billing.SubscriptionAction, error) {
	return obj.Status.Actions(mirror.Ending(obj)), nil
}

func (subscriptionResolver) Items(ctx context.Context, obj *ent.Subscription) ([]*ent.SubscriptionItem, error) {
	items, err := obj.Items(ctx)
	return slices.SortedFunc(slices.Values(items), func(a, b *ent.SubscriptionItem) int {
		return strings.Compare(a.ID, b.ID) // in the order in which they came
	}), err
}

func (subscriptionResolver) Quantity(ctx context.Context, obj *ent.Subscription) (*int, error) {
	if obj.ItemCount != 1 {
		return nil, nil
	}
	items, err := obj.Items(ctx)
	if err != nil || len(items) != 1 || items[0].Quantity == nil {
		return nil, err
	}
	quantity := int(*items[0].Quantity)
	return &quantity, nil
}

func (subscriptionResolver) PausedCollection(_ context.Context, obj *ent.Subscription) (*graph.PausedCollection, error) {
	if obj.PausedBehavior == nil {
		return nil, nil
	}
	return &graph.PausedCollection{Behavior: *obj.PausedBehavior, ResumesAt: obj.PausedUntil}, nil
}

func (subscriptionResolver) Metadata(ctx context.Context, obj *ent.Subscription) (map[string]string, error) {
	return private(ctx, obj.Metadata), nil
}

type subscriptionItemResolver struct{}

func (subscriptionItemResolver) Quantity(_ context.Context, obj *ent.SubscriptionItem) (*int, error) {
	if obj.Quantity == nil {
		return nil, nil
	}
	quantity := int(*obj.Quantity)
	return &quantity, nil
}

func (subscriptionResolver) History(ctx context.Context, obj *ent.Subscription) ([]*ent.SubscriptionTransition, error) {
	history, err := obj.History(ctx)
	return slices.SortedFunc(slices.Values(history), func(a, b *ent.SubscriptionTransition) int {
		return strings.Compare(a.ID, b.ID) // in the order of time, also where the time is not asked for
	}), err
}

type transitionResolver struct{}

func (transitionResolver) Cause(_ context.Context, obj *ent.SubscriptionTransition) (string, error) {
	return string(obj.Cause), nil
}

type invoiceResolver struct{}

func (invoiceResolver) Customer(ctx context.Context, obj *ent.Invoice) (*ent.Customer, error) {
	return evenDeleted(ctx, obj)
}

func (invoiceResolver) Total(_ context.Context, obj *ent.Invoice) (*billing.Money, error) {
	return &billing.Money{Amount: obj.Total, Currency: obj.Currency}, nil
}

func (invoiceResolver) AmountDue(_ context.Context, obj *ent.Invoice) (*billing.Money, error) {
	return &billing.Money{Amount: obj.AmountDue, Currency: obj.Currency}, nil
}

func (invoiceResolver) AmountPaid(_ context.Context, obj *ent.Invoice) (*billing.Money, error) {
	return &billing.Money{Amount: obj.AmountPaid, Currency: obj.Currency}, nil
}

func (invoiceResolver) AmountRemaining(_ context.Context, obj *ent.Invoice) (*billing.Money, error) {
	return &billing.Money{Amount: obj.AmountRemaining, Currency: obj.Currency}, nil
}

type operationResolver struct{}

func (operationResolver) Subject(ctx context.Context, obj *ent.Operation) (ent.Noder, error) {
	return loadersFrom(ctx).subjects.load(ctx, obj.SubjectID)
}

// LastError may say what Stripe has said, and is for those who read operations.
func (operationResolver) LastError(ctx context.Context, obj *ent.Operation) (*string, error) {
	if p, _ := auth.From(ctx); !p.Has(auth.ReadOperations) {
		return nil, nil
	}
	return obj.LastError, nil
}

func (operationResolver) RequestedBy(_ context.Context, obj *ent.Operation) (*graph.Actor, error) {
	if obj.RequestedByKind == nil || obj.RequestedByLabel == nil {
		return nil, nil
	}
	return &graph.Actor{Kind: auth.Kind(*obj.RequestedByKind), Label: *obj.RequestedByLabel}, nil
}

func (operationResolver) StripeCalls(ctx context.Context, obj *ent.Operation) ([]*ent.StripeCall, error) {
	if p, _ := auth.From(ctx); !p.Has(auth.ReadOperations) {
		return nil, nil
	}
	calls, err := obj.StripeCalls(ctx)
	return slices.SortedFunc(slices.Values(calls), func(a, b *ent.StripeCall) int {
		return strings.Compare(a.ID, b.ID) // in the order of time, also where the time is not asked for
	}), err
}

type differenceResolver struct{}

func (differenceResolver) Object(ctx context.Context, obj *ent.Difference) (ent.Noder, error) {
	if obj.ObjectID == nil {
		return nil, nil
	}
	return loadersFrom(ctx).subjects.load(ctx, *obj.ObjectID)
}

type stripeLinkResolver struct{}

// LastError may say what Stripe has said, which is not for customers.
func (stripeLinkResolver) LastError(ctx context.Context, obj *billing.StripeLink) (*string, error) {
	if p, _ := auth.From(ctx); p.Kind == auth.KindCustomer {
		return nil, nil
	}
	return obj.LastError, nil
}

func (stripeLinkResolver) PendingOperation(ctx context.Context, obj *billing.StripeLink) (*ent.Operation, error) {
	if p, _ := auth.From(ctx); obj.OperationID == nil || !p.Has(auth.ReadOperations) {
		return nil, nil
	}
	return loadersFrom(ctx).operations.load(ctx, *obj.OperationID)
}

type recurringInputResolver struct{}

// IntervalCount reads the count; null is the default.
func (recurringInputResolver) IntervalCount(_ context.Context, r *billing.Recurring, count *int) error {
	r.IntervalCount = billing.ValueOr(count, 1)
	return nil
}
