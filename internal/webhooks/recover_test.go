package webhooks_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"tallystick/internal/store"
	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

// heard is an alarm that notes the objects that it is to wake up.
type heard map[webhooks.Object]bool

// ScheduleApply implements [webhooks.Alarm].
func (h heard) ScheduleApply(_ context.Context, _ *store.Tx, _ time.Time, objects ...webhooks.Object) error {
	for _, o := range objects {
		h[o] = true
	}
	return nil
}

// ScheduleEcho implements [webhooks.Alarm].
func (heard) ScheduleEcho(context.Context, *store.Tx, ...webhooks.Object) error { return nil }

// TestRecoverWakesAll has more events on one object than are woken up at once, and then
// one on another.
func TestRecoverWakesAll(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		now := time.Now()
		for i := range 501 {
			object := "in_burst"
			if i == 500 {
				object = "in_other"
			}
			k.Store.Writer.WebhookEvent.Create().SetStripeEventID(fmt.Sprint("evt_", i)).SetType("invoice.updated").
				SetObjectType("invoice").SetObjectID(object).SetOccurredAt(now).SetCreatedAt(now.Add(time.Duration(i) * time.Millisecond)).
				SetNextAttemptAt(now.Add(10 * time.Minute)).ExecX(t.Context())
		}
		h := heard{}
		if err := webhooks.NewInbox(k.Store, nil, h, slog.New(slog.DiscardHandler), time.Now).Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !h[webhooks.Object{Type: "invoice", ID: "in_other"}] {
			t.Errorf("only %v were woken up", h)
		}
	})
}
