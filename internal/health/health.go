// Package health says how the two halves stand: how Stripe answered last, what
// waits, and what needs attention.
package health

import (
	"context"
	"time"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/difference"
	"tallystick/ent/invoice"
	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
	"tallystick/ent/webhookevent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Reader reads the health.
type Reader struct {
	store  *store.Store
	stripe *stripeapi.Client
}

// New builds a reader.
func New(s *store.Store, c *stripeapi.Client) *Reader { return &Reader{store: s, stripe: c} }

// Read is the state of the link to Stripe: how it answered last, and what
// waits.
func (r *Reader) Read(ctx context.Context) (*billing.Health, error) {
	h := &billing.Health{At: r.store.Now(), Stripe: r.stripe.Health()}
	for _, read := range []func(context.Context, *billing.Health) error{r.operations, r.events, r.comparison, r.partial} {
		if err := read(ctx, h); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (r *Reader) operations(ctx context.Context, h *billing.Health) (err error) {
	operations := r.store.Reader.Operation
	if h.NeedsAttention, err = operations.Query().
		Where(operation.StatusEQ(billing.OperationNeedsAttention)).Count(ctx); err != nil {
		return err
	}
	pending := operations.Query().Where(
		operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention),
	)
	if h.PendingOperations, err = pending.Clone().Count(ctx); err != nil {
		return err
	}
	oldest, err := store.OrNil(pending.Order(operation.ByCreatedAt()).First(ctx))
	if err == nil && oldest != nil {
		h.OldestPendingAt = &oldest.CreatedAt
	}
	return err
}

func (r *Reader) events(ctx context.Context, h *billing.Health) error {
	events := r.store.Reader.WebhookEvent
	last, err := store.OrNil(events.Query().Order(ent.Desc(webhookevent.FieldID)).First(ctx))
	if err != nil {
		return err
	}
	if last != nil {
		h.LastWebhookAt = &last.CreatedAt
	}
	pending := events.Query().Where(webhookevent.ProcessedAtIsNil())
	if h.PendingWebhookEvents, err = pending.Clone().Count(ctx); err != nil {
		return err
	}
	oldest, err := store.OrNil(pending.Order(webhookevent.ByCreatedAt()).First(ctx))
	if err == nil && oldest != nil {
		h.OldestWebhookAt = &oldest.CreatedAt
	}
	if err != nil {
		return err
	}
	h.FailedEvents, err = events.Query().Where(webhookevent.Or(
		webhookevent.StatusEQ(billing.WebhookFailed),
		webhookevent.And(webhookevent.ProcessedAtIsNil(), webhookevent.AttemptsGTE(failedAfter)),
	)).Count(ctx)
	return err
}

// failedAfter is how often an event is tried before it counts as one that cannot
// be applied. It is tried on all the same.
const failedAfter = 5

// comparison is how far Stripe has been read, and what differed.
func (r *Reader) comparison(ctx context.Context, h *billing.Health) error {
	account, err := store.OrNil(r.store.Reader.StripeAccount.Query().Only(ctx))
	if err != nil {
		return err
	}
	if account != nil {
		h.LastSweptAt, h.LastReconciledAt = account.SweptAt, account.ReconciledAt
	}
	today := h.At.UTC().Truncate(24 * time.Hour)
	if h.MissedEvents, err = r.store.Reader.WebhookEvent.Query().
		Where(webhookevent.Missed(true), webhookevent.CreatedAtGTE(today)).Count(ctx); err != nil {
		return err
	}
	var objects []struct {
		Type     string  `json:"object_type"`
		ObjectID *string `json:"object_id"`
		StripeID *string `json:"stripe_id"`
	}
	err = r.store.Reader.Difference.Query().Where(difference.RepairedAtIsNil()).
		GroupBy(difference.FieldObjectType, difference.FieldObjectID, difference.FieldStripeID).Scan(ctx, &objects)
	h.Drift = len(objects)
	return err
}

func (r *Reader) partial(ctx context.Context, h *billing.Health) error {
	reader := r.store.Reader
	for _, count := range []func(context.Context) (int, error){
		reader.Product.Query().Where(product.StripeUnsupportedNotNil(), product.StripeStatusEQ(billing.SyncSynced)).Count,
		reader.Price.Query().Where(price.StripeUnsupportedNotNil(), price.StripeStatusEQ(billing.SyncSynced)).Count,
		reader.Customer.Query().Where(customer.StripeUnsupportedNotNil(), customer.StripeStatusEQ(billing.SyncSynced)).Count,
		reader.Subscription.Query().Where(
			subscription.StripeUnsupportedNotNil(), subscription.StripeStatusEQ(billing.SyncSynced), subscription.EndedAtIsNil(),
		).Count,
		reader.SubscriptionItem.Query().Where(
			subscriptionitem.StripeUnsupportedNotNil(), subscriptionitem.StripeStatusEQ(billing.SyncSynced),
			subscriptionitem.HasSubscriptionWith(subscription.EndedAtIsNil()),
		).Count,
		reader.Invoice.Query().Where(
			invoice.StripeUnsupportedNotNil(), invoice.StripeStatusEQ(billing.SyncSynced),
			invoice.StatusIn(billing.InvoiceDraft, billing.InvoiceOpen),
		).Count,
	} {
		n, err := count(ctx)
		if err != nil {
			return err
		}
		h.Partial += n
	}
	return nil
}
