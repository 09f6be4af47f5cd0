package simulation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

// sound fails the test when anything is not as it must be once all is quiet, whatever has
// happened before. That both halves are equal is for compare.
func (s *stage) sound(t testing.TB) {
	t.Helper()
	there := s.inStripe(t)
	s.linked(t, there)
	s.settledRows(t)
	s.history(t)
}

// inStripe are the ids of all that Stripe has. Nothing that is in use there was made
// twice.
func (s *stage) inStripe(t testing.TB) map[string]bool {
	t.Helper()
	there, made := map[string]bool{}, map[string]int{}
	for _, kind := range []string{"customers", "products", "prices", "subscriptions", "invoices"} {
		var filter map[string][]string
		if kind == "subscriptions" {
			filter = map[string][]string{"status": {"all"}}
		}
		for _, o := range s.Stripe.All(t, "/v1/"+kind, filter) {
			there[fmt.Sprint(o["id"])] = true
			metadata, _ := o["metadata"].(map[string]any)
			if metadata["tallystick_operation"] == nil || o["status"] == "canceled" || o["status"] == "incomplete_expired" || kind == "invoices" {
				continue
			}
			made[fmt.Sprintf("%s for %s", kind, metadata["tallystick_id"])]++
		}
	}
	for what, n := range made {
		if n > 1 {
			t.Errorf("Stripe has %d %s", n, what)
		}
	}
	return there
}

// linked fails the test when a row says that Stripe has what it has not.
func (s *stage) linked(t testing.TB, there map[string]bool) {
	t.Helper()
	for id, link := range s.links(t) {
		switch {
		case link.Status == billing.SyncPending:
			t.Errorf("%s is PENDING, and nothing is under way", id)
		case link.OperationID != nil:
			t.Errorf("%s is changed by %s, and nothing is under way", id, *link.OperationID)
		case link.Status == billing.SyncSynced && (link.ID == nil || !there[*link.ID]):
			t.Errorf("%s is SYNCED with %s, which Stripe does not have", id, billing.ValueOr(link.ID, "nothing"))
		}
	}
}

// links are those of all rows that readers see.
func (s *stage) links(t testing.TB) map[string]*billing.StripeLink {
	t.Helper()
	ctx, all := t.Context(), map[string]*billing.StripeLink{}
	for _, row := range s.Store.Reader.Product.Query().AllX(ctx) {
		all[row.ID] = row.Stripe()
	}
	for _, row := range s.Store.Reader.Price.Query().AllX(ctx) {
		all[row.ID] = row.Stripe()
	}
	for _, row := range s.Store.Reader.Customer.Query().AllX(ctx) {
		all[row.ID] = row.Stripe()
	}
	for _, row := range s.Store.Reader.Subscription.Query().AllX(ctx) {
		all[row.ID] = row.Stripe()
	}
	for _, row := range s.Store.Reader.Invoice.Query().AllX(ctx) {
		all[row.ID] = row.Stripe()
	}
	return all
}

// settledRows fails the test when an operation that is over still holds something.
func (s *stage) settledRows(t testing.TB) {
	t.Helper()
	for _, op := range s.Store.Reader.Operation.Query().Where(operation.LeaseTokenNotNil()).AllX(t.Context()) {
		t.Errorf("it is over, and leased: %v", op)
	}
	for _, row := range s.Store.Reader.Price.Query().AllX(t.Context()) {
		if row.Status == billing.PricePending {
			t.Errorf("the price is PENDING, and nothing is under way: %v", row)
		}
	}
}

// history fails the test unless the last entry of each subscription's history is the
// state that it has.
func (s *stage) history(t testing.TB) {
	t.Helper()
	for _, row := range s.Store.Reader.Subscription.Query().WithHistory().AllX(t.Context()) {
		last := slices.MaxFunc(row.Edges.History, func(a, b *ent.SubscriptionTransition) int { return strings.Compare(a.ID, b.ID) })
		if last.To != row.Status {
			t.Errorf("the subscription is %s, and its history ends with %s: %v", row.Status, last.To, row.Edges.History)
		}
	}
}

// freed fails the test unless somebody can sign up with the e-mail of a customer that was
// deleted, where no other has it by then.
func (s *stage) freed(t testing.TB, op *ent.Operation) {
	t.Helper()
	if op == nil || op.Kind != billing.KindDeleteCustomer || op.Status != billing.OperationSucceeded {
		return
	}
	row := s.Store.Reader.Customer.GetX(store.WithDeleted(t.Context()), op.SubjectID)
	if row.DeletedAt == nil || s.Store.Reader.Customer.Query().Where(store.HoldsEmail(row.Email)).ExistX(t.Context()) {
		return // it has returned, or another has come
	}
	answer := s.Send(t, commandDocument("createCustomer"), object{"input": object{"email": row.Email}})
	if answer.Has("errors") || answer.Has("data.createCustomer.userErrors.0") {
		t.Errorf("the e-mail of a customer that was deleted is not free: %s", answer.Raw())
	}
	s.calm(t)
}
