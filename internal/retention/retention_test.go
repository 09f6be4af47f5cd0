package retention_test

import (
	"testing"
	"time"

	"tallystick/ent/stripecall"
	"tallystick/ent/webhookevent"
	"tallystick/internal/billing"
	"tallystick/internal/retention"
	"tallystick/internal/testkit"
)

// TestOldRowsGo makes more old rows than a batch holds, and young ones beside them.
func TestOldRowsGo(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		const keep, old = 40 * 24 * time.Hour, 41 * 24 * time.Hour
		now := k.Store.Now()
		day := func(days int) time.Time { return now.Add(-time.Duration(days) * 24 * time.Hour) }

		created := k.Query(t, `mutation { createCustomer(input: {email: "ada@example.com", idempotencyKey: "young"}) {
			customer { id } operation { id } } }`).At("createCustomer")
		k.Work(t)
		finished := created.String("operation.id")
		under := k.Query(t, `mutation { createCustomer(input: {email: "bea@example.com"}) { operation { id } } }`).
			String("createCustomer.operation.id")
		ctx, w := t.Context(), k.Store.Writer
		w.Operation.UpdateOneID(finished).SetFinishedAt(now.Add(-old)).ExecX(ctx)
		w.IdempotencyKey.Create().SetPrincipal("adm").SetKey("old").SetMutation("createCustomer").SetInputHash("x").
			SetOperationID(finished).SetCreatedAt(day(31)).SaveX(ctx)
		for range 501 {
			w.StripeCall.Create().SetOperationID(finished).SetMethod("POST").SetPath("/v1/old").SetAt(now.Add(-old)).ExecX(ctx)
		}
		w.StripeCall.Create().SetOperationID(under).SetMethod("POST").SetPath("/v1/unfinished").SetAt(now.Add(-old)).ExecX(ctx)
		event := func(id string, at *time.Time) {
			w.WebhookEvent.Create().SetStripeEventID(id).SetType("x").SetObjectType("customer").SetObjectID("cus_1").
				SetOccurredAt(now.Add(-old)).SetNillableProcessedAt(at).ExecX(ctx)
		}
		before, lately := now.Add(-old), now.Add(-keep/2)
		event("evt_old", &before)
		event("evt_young", &lately)
		event("evt_waiting", nil)
		session := func(prefix string, expires time.Time) {
			w.CustomerSession.Create().SetCustomerID(created.String("customer.id")).SetActions(nil).
				SetPrefix(prefix).SetHash("x").SetExpiresAt(expires).ExecX(ctx)
		}
		session("old", day(2))
		session("young", now)

		if err := retention.New(k.Store, keep, k.Store.Now).Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		r := k.Store.Reader
		if keys := r.IdempotencyKey.Query().AllX(ctx); len(keys) != 1 || keys[0].Key != "young" {
			t.Errorf("idempotency keys: %v", keys)
		}
		if n := r.StripeCall.Query().Where(stripecall.Path("/v1/old")).CountX(ctx); n != 0 {
			t.Errorf("%d requests of long ago are left", n)
		}
		if n := r.StripeCall.Query().Where(stripecall.OperationID(finished)).CountX(ctx); n == 0 {
			t.Error("requests of today are gone, because their operation is said to be old")
		}
		if n := r.StripeCall.Query().Where(stripecall.Path("/v1/unfinished")).CountX(ctx); n != 1 {
			t.Error("the request of an operation that is not over is gone")
		}
		if ids := r.WebhookEvent.Query().Order(webhookevent.ByStripeEventID()).Select(webhookevent.FieldStripeEventID).StringsX(ctx); len(ids) != 2 ||
			ids[0] != "evt_waiting" || ids[1] != "evt_young" {
			t.Errorf("events: %v", ids)
		}
		if sessions := r.CustomerSession.Query().AllX(ctx); len(sessions) != 1 || sessions[0].Prefix != "young" {
			t.Errorf("sessions: %v", sessions)
		}
		if op := r.Operation.GetX(ctx, finished); op.Status != billing.OperationSucceeded {
			t.Errorf("the operation itself: %v", op)
		}
	}, testkit.Idle)
}
