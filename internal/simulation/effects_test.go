package simulation_test

import (
	"fmt"
	"strings"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// effect tells from an object of Stripe's, which is empty where there is none, whether a
// change holds there.
type effect func(s *stage, o object) bool

// inStripeIs tells it from the object that belongs to a row.
func inStripeIs(is effect, collection string, idOf func(*stage, *ent.Operation) *string) func(*stage, *ent.Operation) bool {
	return func(s *stage, op *ent.Operation) bool {
		id := idOf(s, op)
		if id == nil {
			return is(s, object{})
		}
		return is(s, s.Stripe.Get(s.t, "/v1/"+collection+"/"+*id))
	}
}

func ofProduct(is effect) func(*stage, *ent.Operation) bool {
	return inStripeIs(is, "products", func(s *stage, op *ent.Operation) *string {
		row, err := store.OrNil(s.Store.Reader.Product.Get(s.t.Context(), op.SubjectID))
		if err != nil || row == nil {
			return nil
		}
		return row.StripeID
	})
}

func ofPrice(is effect) func(*stage, *ent.Operation) bool {
	return inStripeIs(is, "prices", func(s *stage, op *ent.Operation) *string {
		if row := s.newestPrice(); row.ProductID == op.SubjectID && row.UnitAmount == 1200 {
			return row.StripeID
		}
		return nil
	})
}

func ofCustomer(is effect) func(*stage, *ent.Operation) bool {
	return inStripeIs(is, "customers", func(s *stage, op *ent.Operation) *string {
		return s.Store.Reader.Customer.GetX(store.WithDeleted(s.t.Context()), op.SubjectID).StripeID
	})
}

// isLinked tells whether the customer of an operation is there. For one that was refused,
// that counts only if it has made it: a later change of the customer links it too.
func isLinked(s *stage, op *ent.Operation) bool {
	return ofCustomer(func(s *stage, o object) bool {
		metadata, _ := o["metadata"].(object)
		return isThere(s, o) && (op.Status == billing.OperationSucceeded || metadata[stripeapi.MetadataOperation] == op.ID)
	})(s, op)
}

func ofSubscription(is effect) func(*stage, *ent.Operation) bool {
	return inStripeIs(is, "subscriptions", func(s *stage, op *ent.Operation) *string {
		row, err := store.OrNil(s.Store.Reader.Subscription.Get(s.t.Context(), op.SubjectID))
		if err != nil || row == nil {
			return nil
		}
		return row.StripeID
	})
}

func ofInvoice(is effect) func(*stage, *ent.Operation) bool {
	return inStripeIs(is, "invoices", func(s *stage, op *ent.Operation) *string {
		return s.Store.Reader.Invoice.GetX(s.t.Context(), op.SubjectID).StripeID
	})
}

func has(property string, value any) effect {
	return func(_ *stage, o object) bool { return o[property] == value }
}

func isActive(_ *stage, o object) bool   { return o["active"] == true }
func isInactive(_ *stage, o object) bool { return o["active"] == false }
func isThere(_ *stage, o object) bool    { return o["id"] != nil && o["deleted"] != true }
func isGone(_ *stage, o object) bool     { return o["id"] == nil || o["deleted"] == true }

func isNamed(prefix string) effect {
	return func(_ *stage, o object) bool { return strings.HasPrefix(fmt.Sprint(o["name"]), prefix) }
}

// costs tells it from the default price of a product.
func costs(amount float64) effect {
	return func(s *stage, o object) bool {
		id, ok := o["default_price"].(string)
		return ok && s.Stripe.Get(s.t, "/v1/prices/"+id)["unit_amount"] == amount
	}
}

// hasNewestPrice tells it from the items of a subscription.
func hasNewestPrice(s *stage, o object) bool {
	items, _ := o["items"].(object)
	all, _ := items["data"].([]any)
	for _, item := range all {
		if price, _ := item.(object)["price"].(object); price["id"] == *s.newestPrice().StripeID {
			return true
		}
	}
	return false
}
