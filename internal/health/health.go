// Package health says how the two halves stand: how Stripe answered last, what
// waits, and what needs attention.
package health

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/operation"
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
	h := &billing.Health{Stripe: r.stripe.Health()}
	if err := r.operations(ctx, h); err != nil {
		return nil, err
	}
	return h, r.events(ctx, h)
}

func (r *Reader) operations(ctx context.Context, h *billing.Health) (err error) {
	operations := r.store.Client.Operation
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
	events := r.store.Client.WebhookEvent
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
	return err
}
