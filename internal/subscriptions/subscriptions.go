// Package subscriptions changes subscriptions and invoices, here and in Stripe, and
// creates sessions of Stripe's hosted pages. Each change has a file, which reads
// from its input to its end: what it takes and when it is allowed, its requests to
// Stripe and how each is undone, and what readers see at the end.
//
// An operation is SUCCEEDED when all its steps are DONE. After a refusal by Stripe it is
// FAILED, and so is the refused step; the earlier ones are COMPENSATED, or DONE if they
// have Keep, and the later ones TODO. An undo that Stripe refuses because the object is
// gone counts as done; after any other refusal of an undo the operation is
// NEEDS_ATTENTION, and that step and the earlier ones keep their status.
//
// When an earlier request of the refused step got no answer, or a server error, that
// request is settled first: Spend is called, then Find. An object that Find finds makes
// the step DONE, and the operation goes on. Where Spend shows that the request was
// carried out, the step is sent once more, and Stripe repeats its answer. In that case a
// refused step with neither Find nor Keep is undone too, before the earlier ones, at first
// with its own key. It stays FAILED.
//
// Find is also called before a step gets another key: when Stripe may have forgotten the
// old one, when Stripe repeats a server error for it, when the operation is retried, and
// when a step is done again.
//
// A change that is rejected returns a [billing.Error]. The comment of each change
// names the codes of its own. Besides these, each returns INVALID_INPUT for a
// malformed input field, NOT_FOUND for an object that does not exist,
// OPERATION_IN_PROGRESS when an earlier operation on the same object has not
// finished in time, IDEMPOTENCY_KEY_REUSED for a key that was used with another
// mutation or input, and STRIPE_REJECTED when Stripe rejects a request for a reason
// that has no code of its own. Stripe being unavailable is not an error: the
// operation in the result is PENDING then, and goes on by itself; sessions are the
// exception. Every other error is an internal one.
package subscriptions

import (
	"context"
	"log/slog"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/idempotency"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// Subscriptions changes subscriptions and invoices.
type Subscriptions struct {
	store     *store.Store
	stripe    *stripeapi.Client
	sync      *stripesync.Engine
	mirror    *mirror.Mirror
	customers *customers.Customers
	keys      *idempotency.Keys
	logger    *slog.Logger

	creation     *stripesync.Operation[creation]
	cancellation *stripesync.Operation[cancellation]
	resumption   *stripesync.Operation[resumption]
	priceSwitch  *stripesync.Operation[priceSwitch]
	itemUpdate   *stripesync.Operation[itemUpdate]
	revocation   *stripesync.Operation[cancellation]
	payment      *stripesync.Operation[payment]
	voiding      *stripesync.Operation[voiding]
}

// Options configure [Subscriptions].
type Options struct {
	Store     *store.Store
	Stripe    *stripeapi.Client
	Sync      *stripesync.Engine
	Mirror    *mirror.Mirror
	Customers *customers.Customers
	Logger    *slog.Logger
}

// New builds the changes to subscriptions and invoices, and declares their
// operations to an engine.
func New(o Options) *Subscriptions {
	s := &Subscriptions{
		store: o.Store, stripe: o.Stripe, sync: o.Sync, mirror: o.Mirror, customers: o.Customers,
		keys: idempotency.New(o.Store), logger: o.Logger,
	}
	s.creation = stripesync.Declare(o.Sync, s.creationOperation())
	s.cancellation = stripesync.Declare(o.Sync, s.cancellationOperation())
	s.resumption = stripesync.Declare(o.Sync, s.resumptionOperation())
	s.priceSwitch = stripesync.Declare(o.Sync, s.priceSwitchOperation())
	s.itemUpdate = stripesync.Declare(o.Sync, s.itemUpdateOperation())
	s.revocation = stripesync.Declare(o.Sync, s.revocationOperation())
	s.payment = stripesync.Declare(o.Sync, s.paymentOperation())
	s.voiding = stripesync.Declare(o.Sync, s.voidingOperation())
	return s
}

// Result is the result of a change to a subscription.
type Result struct {
	// Subscription is nil when it has been discarded, or the change never
	// began.
	Subscription *ent.Subscription
	// ClientSecret is for confirming the first payment; it is never stored.
	ClientSecret *string
	Operation    *ent.Operation
}

func checkID(id string) error {
	return billing.CheckID("subscription", billing.SubscriptionPrefix, id, "subscriptionId")
}

// lock reads a subscription under lock, and its customer's row first, which
// keeps the order of the customer's operations.
func (s *Subscriptions) lock(ctx context.Context, tx *store.Tx, id string) (*ent.Subscription, error) {
	row, err := tx.Subscription.Get(ctx, id)
	if err != nil {
		return nil, billing.At(store.OrNotFound(err, "subscription", id), "subscriptionId")
	}
	if err := lockCustomer(ctx, tx, row.CustomerID); err != nil {
		return nil, err
	}
	if row, err = tx.Subscription.Query().Where(subscription.ID(id), store.ForUpdate).Only(ctx); err != nil {
		return nil, billing.At(store.OrNotFound(err, "subscription", id), "subscriptionId")
	}
	return row, s.sync.NotBusy(ctx, tx, row.Stripe())
}

func lockCustomer(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Customer.Query().Where(customer.ID(id), store.ForUpdate).OnlyID(store.WithDeleted(ctx))
	return err
}

// result reads the subscription that an operation was on.
func (s *Subscriptions) result(ctx context.Context, op *ent.Operation, rejection error) (Result, error) {
	if op == nil {
		return Result{}, rejection
	}
	row, err := store.OrNil(s.store.Reader.Subscription.Get(ctx, op.SubjectID))
	if err != nil {
		return Result{Operation: op}, err
	}
	return Result{Subscription: row, Operation: op}, rejection
}

// target is a subscription that an operation changes, as part of its frozen
// input.
type target struct {
	SubscriptionID string `json:"subscription_id"`
	StripeID       string `json:"stripe_id,omitempty"`
	CustomerID     string `json:"customer_id"`
}

func targetOf(row *ent.Subscription) target {
	return target{SubscriptionID: row.ID, StripeID: billing.ValueOr(row.StripeID, ""), CustomerID: row.CustomerID}
}

// Owner implements [customers.Owned].
func (t target) Owner() string { return t.CustomerID }

func (t target) subscription() target { return t }

// onSubscription is the frozen input of an operation on a subscription.
type onSubscription interface{ subscription() target }

// begin shows on a subscription that an operation is under way, and begins it.
func begin[P onSubscription](ctx context.Context, tx *store.Tx, o *stripesync.Operation[P], p P, steps ...stripesync.StepOf[P]) (*ent.Operation, error) {
	id, t := stripesync.NewID(), p.subscription()
	if err := tx.Subscription.UpdateOneID(t.SubscriptionID).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(id).Exec(ctx); err != nil {
		return nil, err
	}
	return o.Begin(ctx, tx, stripesync.Beginning[P]{
		ID: id, Subject: t.SubscriptionID, Scope: t.CustomerID, Params: p, Steps: steps,
	})
}

// mark shows on an operation's subscription how its link stands. A later
// operation that waits for its turn stays in sight.
func mark(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(stripesync.Link)) error {
	u := tx.Subscription.Update().Where(subscription.ID(op.SubjectID), subscription.StripeOperationID(op.ID))
	show(u.Mutation())
	return u.Exec(ctx)
}

// touched is the subscription of an operation that needs attention, and the invoice that
// a step has seen with it.
func touched(stripeID string, seen *mirror.Subscription) []stripesync.Object {
	objects := []stripesync.Object{{Type: "subscription", ID: stripeID}}
	if seen != nil && seen.Invoice != nil {
		objects = append(objects, stripesync.Object{Type: "invoice", ID: seen.Invoice.StripeID})
	}
	return objects
}

// oneStep declares a change of a subscription that is one step. Readers see at the end
// what the step has seen, also of a change that was rejected.
func oneStep[P onSubscription](s *Subscriptions, kind billing.OperationKind, step *stripesync.Step[P, report]) *stripesync.Operation[P] {
	return &stripesync.Operation[P]{
		Kind:  kind,
		Steps: []stripesync.StepOf[P]{step},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[P]) error {
			return s.show(ctx, tx, e.Operation, e.Params.subscription().SubscriptionID, step.Of(e.Operation).Subscription.value)
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[P]) error {
			return s.showRejected(ctx, tx, e.Operation, e.Params.subscription().SubscriptionID, step.Of(e.Operation).Subscription.value)
		},
		Resolve: func(_ context.Context, _ *store.Tx, e *stripesync.Ending[P]) ([]stripesync.Object, error) {
			return touched(e.Params.subscription().StripeID, step.Of(e.Operation).Subscription.value), nil
		},
		Mark: mark,
	}
}

// show makes the row what a step has seen of the subscription.
func (s *Subscriptions) show(ctx context.Context, tx *store.Tx, op *ent.Operation, subscriptionID string, seen *mirror.Subscription) error {
	if seen == nil {
		return nil
	}
	row, err := tx.Subscription.Get(ctx, subscriptionID)
	if err != nil {
		return err
	}
	return s.mirror.ShowSubscription(ctx, tx, row, seen, &op.ID)
}

// showRejected shows that a change was rejected, and what was seen meanwhile.
func (s *Subscriptions) showRejected(ctx context.Context, tx *store.Tx, op *ent.Operation, subscriptionID string, seen *mirror.Subscription) error {
	if err := s.show(ctx, tx, op, subscriptionID, seen); err != nil {
		return err
	}
	// Showing has made both halves equal; the rejection is news all the same.
	if err := tx.Subscription.UpdateOneID(subscriptionID).SetStripeOperationID(op.ID).Exec(ctx); err != nil {
		return err
	}
	return mark(ctx, tx, op, func(l stripesync.Link) { stripesync.Failed(l, *op.LastError, true) })
}
