package commands

import (
	"context"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// CancelSubscription is the input of [Commands.CancelSubscription].
type CancelSubscription struct {
	SubscriptionID string
	At             billing.CancelTime
	Reason         *billing.CancellationReason
	Comment        *string
	IdempotencyKey *string
}

func (in CancelSubscription) check() error {
	return first(
		checkSubscriptionID(in.SubscriptionID),
		optional("comment", in.Comment, billing.MaxComment, "comment"),
	)
}

func (in CancelSubscription) event() billing.SubscriptionEvent {
	if in.At == billing.CancelImmediately {
		return billing.EventCancel
	}
	return billing.EventScheduleCancel
}

// CancelSubscription cancels a subscription from every state in which it has
// not ended, an overdue one too. Its unpaid invoice stays open and unpaid.
func (c *Commands) CancelSubscription(ctx context.Context, in CancelSubscription) (SubscriptionResult, error) {
	op, err := c.run(ctx, mutation{
		name: "cancelSubscription", key: in.IdempotencyKey, input: in, check: in.check,
		begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			row, err := c.lockSubscription(ctx, tx, in.SubscriptionID)
			if err != nil {
				return nil, err
			}
			if err := row.Status.CheckTransition(in.event()); err != nil {
				return nil, about(row.ID, err, "subscriptionId")
			}
			return c.sync.CancelSubscription(ctx, tx, row, stripesync.Cancellation{
				At: in.At, Reason: valueOr(in.Reason, ""), Comment: valueOr(in.Comment, ""),
			})
		},
	})
	return c.subscriptionResult(ctx, op, err)
}
