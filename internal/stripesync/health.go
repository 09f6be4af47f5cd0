package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/ent/webhookevent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// Health is the state of the link to Stripe: how it answered last, and what
// waits.
func (e *Engine) Health(ctx context.Context) (*billing.Health, error) {
	h := &billing.Health{Stripe: e.stripe.Health()}
	if err := e.operationHealth(ctx, h); err != nil {
		return nil, err
	}
	return h, e.webhookHealth(ctx, h)
}

func (e *Engine) operationHealth(ctx context.Context, h *billing.Health) (err error) {
	operations := e.store.Client.Operation
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

func (e *Engine) webhookHealth(ctx context.Context, h *billing.Health) error {
	events := e.store.Client.WebhookEvent
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
