package simulation_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
	"tallystick/internal/testkit"
)

// What people do while an operation of any kind needs attention, because something here
// has refused its end again and again: the retry's end is older than that.

// stuckScenes plays the scenes of some kinds, of all without any, up to where they need
// attention, lets something happen, and retries them: on SQLite and PostgreSQL in turn,
// with -whole on both.
func stuckScenes(t *testing.T, happen func(s *stage, op *ent.Operation), kinds ...billing.OperationKind) {
	t.Helper()
	t.Parallel()
	for i, sc := range scenes {
		if len(kinds) > 0 && !slices.Contains(kinds, sc.kind) {
			continue
		}
		for j, database := range []string{"sqlite", "postgres"} {
			if i%2 != j && !*whole {
				continue
			}
			t.Run(sc.name+"/"+database, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, database)
				op := s.stuck(&sc)
				happen(s, op)
				s.retried(op)
			})
		}
	}
}

// TestEditsWhileAttentionIsNeeded edits everything in the dashboard before the retry.
func TestEditsWhileAttentionIsNeeded(t *testing.T) {
	stuckScenes(t, func(s *stage, _ *ent.Operation) {
		for path, edit := range map[string]object{
			"/v1/products": {"description": "Of the dashboard"}, "/v1/prices": {"nickname": "Of the dashboard"},
			"/v1/customers": {"name": "Of the dashboard"}, "/v1/subscriptions": {"metadata[note]": "of the dashboard"},
		} {
			for _, there := range s.Stripe.All(s.t, path, nil) {
				s.dashboard("POST", path+"/"+there["id"].(string), edit)
			}
		}
		s.events()
	})
}

// TestDeletionsWhileAttentionIsNeeded deletes in the dashboard what the operation has made
// before the retry.
func TestDeletionsWhileAttentionIsNeeded(t *testing.T) {
	stuckScenes(t, func(s *stage, op *ent.Operation) {
		s.deleteMadeBy(op)
		s.events()
	}, billing.KindCreateProduct, billing.KindAddProductPrice, billing.KindUpdateProductPrice, billing.KindCreateCustomer,
		billing.KindRestoreCustomer, billing.KindLinkCustomer, billing.KindUpdateCustomer, billing.KindCreateSubscription)
}

// deleteMadeBy deletes in the dashboard what an operation has made, and the prices of a
// product with it. What is a product's default cannot be deleted alone.
func (s *stage) deleteMadeBy(op *ent.Operation) {
	gone, defaults := map[any]bool{}, map[any]bool{}
	for _, kind := range []string{"product", "price", "customer"} {
		for _, there := range s.Stripe.All(s.t, "/v1/"+kind+"s", nil) {
			metadata, _ := there["metadata"].(object)
			if metadata[stripeapi.MetadataOperation] != op.ID && !gone[there["product"]] || defaults[there["id"]] {
				defaults[there["default_price"]] = true
				continue
			}
			gone[there["id"]] = true
			s.Stripe.Change(s.t, there["id"].(string), object{"deleted": true}, kind+".deleted")
		}
	}
}

// TestMonthWhileAttentionIsNeeded lets the period end before the retry, so that the invoice
// that a step has seen is another one than the latest. It has seen one because a lost answer
// has made it look.
func TestMonthWhileAttentionIsNeeded(t *testing.T) {
	onStages(t, func(t *testing.T, s *stage) {
		lost := false
		s.wire.After(func(_ int, r *http.Request) testkit.Verdict {
			if !lost && r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/subscriptions/") {
				lost = true
				return testkit.Drop
			}
			return testkit.Pass
		})
		op := s.stuck(&scene{kind: billing.KindUpdateSubscriptionItems, prepare: func(s *stage) deed {
			subscription := s.subscribe(object{"collection": "SEND_INVOICE"})
			return s.mutation("updateSubscriptionItems", object{"subscriptionId": subscription.ID, "items": []object{
				{"id": subscription.QueryItems().OnlyIDX(t.Context()), "quantity": 7},
			}})
		}})
		s.passes("31d", 31*24*time.Hour)
		s.events()
		s.retried(op)
	})
}

// TestCustomerDeletedWhileAttentionIsNeeded deletes the customer here before the retry.
// What is on the customer itself would make its deletion wait.
func TestCustomerDeletedWhileAttentionIsNeeded(t *testing.T) {
	stuckScenes(t, func(s *stage, op *ent.Operation) {
		s.command("deleteCustomer", object{"customerId": op.ScopeID})
	}, billing.KindCreateSubscription, billing.KindChangeSubscriptionPrice, billing.KindPayInvoice)
}

// stuck plays a scene whose end is refused here until somebody has to look.
func (s *stage) stuck(sc *scene) *ent.Operation {
	s.t.Helper()
	do := sc.prepare(s)
	s.calm(s.t)
	heal := s.refuseEnds()
	s.settled(do)
	op := s.newest(sc.kind)
	for try := 0; op.Status != billing.OperationNeedsAttention; try++ {
		if try == 30 {
			s.t.Fatalf("%s is %s", sc.name, op.Status)
		}
		s.ahead.Add(int64(2 * time.Minute))
		_, _ = s.Engine.Run(s.t.Context(), op.ID) // it is stopped each time
		op = s.newest(sc.kind)
	}
	heal()
	return op
}

// retried has an operation tried again, after which it is over and both halves are equal.
func (s *stage) retried(op *ent.Operation) {
	s.t.Helper()
	s.command("retryOperation", object{"operationId": op.ID})
	s.calm(s.t)
	s.compare(s.t)
	s.sound(s.t)
}

// refuseEnds makes the database refuse the end of every operation, until heal is called.
func (s *stage) refuseEnds() (heal func()) {
	s.t.Helper()
	exec := func(query string) {
		s.t.Helper()
		if _, err := s.Store.DB.ExecContext(s.t.Context(), query); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.Database == "sqlite" {
		exec(`CREATE TRIGGER broken BEFORE UPDATE ON operations WHEN NEW.status = 'SUCCEEDED' BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
		return func() { exec(`DROP TRIGGER broken`) }
	}
	exec(`CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$ LANGUAGE plpgsql`)
	exec(`CREATE TRIGGER broken BEFORE UPDATE ON operations FOR EACH ROW WHEN (NEW.status = 'SUCCEEDED') EXECUTE FUNCTION broken()`)
	return func() { exec(`DROP TRIGGER broken ON operations`) }
}
