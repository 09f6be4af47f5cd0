package stripesync

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
)

// Health is the state of the link to Stripe: how it answered last, and what
// waits.
func (e *Engine) Health(ctx context.Context) (*billing.Health, error) {
	operations := e.store.Client.Operation
	h := &billing.Health{Stripe: e.stripe.Health()}
	var err error
	if h.NeedsAttention, err = operations.Query().
		Where(operation.StatusEQ(billing.OperationNeedsAttention)).Count(ctx); err != nil {
		return nil, err
	}
	pending := operations.Query().Where(
		operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention),
	)
	if h.PendingOperations, err = pending.Clone().Count(ctx); err != nil {
		return nil, err
	}
	oldest, err := pending.Order(operation.ByCreatedAt()).First(ctx)
	if ent.IsNotFound(err) {
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	h.OldestPendingAt = &oldest.CreatedAt
	return h, nil
}
