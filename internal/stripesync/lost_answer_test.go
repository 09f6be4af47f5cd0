package stripesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
)

// deed is a command whose last request to Stripe can go wrong.
type deed struct {
	name string
	// method and path are those of the request.
	method, path string
	// prepare makes what the command is about and returns the command.
	prepare func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error)
	// equal fails the test unless both halves are equal. changed says that the
	// command has succeeded.
	equal func(t *testing.T, s *shop, op *ent.Operation, changed bool)
}

func onProduct(do func(s *shop, ctx context.Context, p *ent.Product) (*ent.Operation, error)) func(*testing.T, *shop, string) func(context.Context) (*ent.Operation, error) {
	return func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
		p := s.product(t, name)
		return func(ctx context.Context) (*ent.Operation, error) { return do(s, ctx, p) }
	}
}

func equalProduct(t *testing.T, s *shop, op *ent.Operation, _ bool) { s.equalProduct(t, op.ScopeID) }

// onSubscription prepares a subscription in a status, "" is as it is made.
func onSubscription(status billing.SubscriptionStatus, do func(s *shop, ctx context.Context, id string) (*ent.Operation, error)) func(*testing.T, *shop, string) func(context.Context) (*ent.Operation, error) {
	return func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
		price := *s.product(t, name).DefaultPriceID
		here, there := s.subscribe(t, s.customer(t, name+"@example.com", true), price)
		if status != "" {
			s.into(t, here, there, status)
		}
		return func(ctx context.Context) (*ent.Operation, error) { return do(s, ctx, here) }
	}
}

func equalSubscription(wanted billing.SubscriptionStatus) func(*testing.T, *shop, *ent.Operation, bool) {
	return func(t *testing.T, s *shop, op *ent.Operation, changed bool) {
		row := s.subscriptionRow(t, op.SubjectID)
		there := s.Stripe.Get(t, "/v1/subscriptions/"+*row.StripeID)
		status := strings.ToLower(string(row.Status))
		if row.Status == billing.SubscriptionRevoked {
			status = "canceled"
		}
		testkit.Equal(t, "status in Stripe", text(there["status"]), status)
		testkit.Equal(t, "cancel_at_period_end in Stripe", there["cancel_at_period_end"], any(row.CancelAtPeriodEnd))
		if changed {
			testkit.Equal(t, "status", row.Status, wanted)
		}
	}
}

// onInvoice prepares the open invoice of a subscription that is overdue.
func onInvoice(do func(s *shop, ctx context.Context, id string) (*ent.Operation, error)) func(*testing.T, *shop, string) func(context.Context) (*ent.Operation, error) {
	return func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
		price := *s.product(t, name).DefaultPriceID
		sub := s.run(t, createSubscription, map[string]any{
			"customerId": s.customer(t, name+"@example.com", true), "priceId": price, "paymentBehavior": "DEFAULT_INCOMPLETE",
		})
		id := s.invoiceOf(t, sub.String("subscription.id"))
		return func(ctx context.Context) (*ent.Operation, error) { return do(s, ctx, id) }
	}
}

func equalInvoice(wanted billing.InvoiceStatus) func(*testing.T, *shop, *ent.Operation, bool) {
	return func(t *testing.T, s *shop, op *ent.Operation, changed bool) {
		row, err := s.Store.Reader.Invoice.Get(t.Context(), op.SubjectID)
		if err != nil {
			t.Fatal(err)
		}
		there := s.Stripe.Get(t, "/v1/invoices/"+*row.StripeID)
		testkit.Equal(t, "status in Stripe", strings.ToUpper(text(there["status"])), string(row.Status))
		testkit.Equal(t, "amount remaining in Stripe", int64(there["amount_remaining"].(float64)), row.AmountRemaining)
		if changed {
			testkit.Equal(t, "status", row.Status, wanted)
		}
	}
}

var deeds = []deed{
	{
		name: "updateProduct", method: "POST", path: "/v1/products/*", equal: equalProduct,
		prepare: onProduct(func(s *shop, ctx context.Context, p *ent.Product) (*ent.Operation, error) {
			name, description := p.Name+" renamed", "Described."
			r, err := s.Catalog.UpdateProduct(ctx, catalog.UpdateProduct{
				ProductID: p.ID, Name: &name, Description: &description, Metadata: map[string]string{"team": "a"},
			})
			return r.Operation, err
		}),
	},
	{
		name: "archiveProduct", method: "POST", path: "/v1/products/*", equal: equalProduct,
		prepare: onProduct(func(s *shop, ctx context.Context, p *ent.Product) (*ent.Operation, error) {
			r, err := s.Catalog.ArchiveProduct(ctx, catalog.ArchiveProduct{ProductID: p.ID})
			return r.Operation, err
		}),
	},
	{
		name: "addProductPrice", method: "POST", path: "/v1/prices", equal: equalProduct,
		prepare: onProduct(func(s *shop, ctx context.Context, p *ent.Product) (*ent.Operation, error) {
			key := p.Name + "_more"
			r, err := s.Catalog.AddProductPrice(ctx, catalog.AddProductPrice{
				ProductID: p.ID, PriceTerms: billing.PriceTerms{UnitAmount: 7, Currency: "USD", LookupKey: &key},
			})
			return r.Operation, err
		}),
	},
	{
		name: "archivePrice", method: "POST", path: "/v1/prices/*", equal: equalProduct,
		prepare: func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
			p := s.product(t, name)
			added := s.run(t, addProductPrice, map[string]any{"productId": p.ID, "unitAmount": 7, "currency": "USD"})
			return func(ctx context.Context) (*ent.Operation, error) {
				r, err := s.Catalog.ArchivePrice(ctx, catalog.ArchivePrice{PriceID: added.String("price.id")})
				return r.Operation, err
			}
		},
	},
	{
		name: "updateCustomer", method: "POST", path: "/v1/customers/*",
		prepare: func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
			id := s.customer(t, name+"@example.com", true)
			return func(ctx context.Context) (*ent.Operation, error) {
				name := "Grace"
				r, err := s.Customers.UpdateCustomer(ctx, customers.UpdateCustomer{CustomerID: id, Name: &name})
				return r.Operation, err
			}
		},
		equal: func(t *testing.T, s *shop, op *ent.Operation, _ bool) {
			row := s.customerRow(t, op.SubjectID)
			testkit.Equal(t, "name in Stripe", text(s.Stripe.Get(t, "/v1/customers/"+*row.StripeID)["name"]), row.Name)
		},
	},
	{
		name: "deleteCustomer", method: "DELETE", path: "/v1/customers/*",
		prepare: func(t *testing.T, s *shop, name string) func(context.Context) (*ent.Operation, error) {
			id := s.customer(t, name+"@example.com", true)
			return func(ctx context.Context) (*ent.Operation, error) {
				r, err := s.Customers.DeleteCustomer(ctx, customers.DeleteCustomer{CustomerID: id})
				return r.Operation, err
			}
		},
		equal: func(t *testing.T, s *shop, op *ent.Operation, _ bool) {
			row := s.customerRow(t, op.SubjectID)
			live := 0
			for _, c := range s.all(t, "/v1/customers", "email", row.Email) {
				testkit.Equal(t, "customer in Stripe", text(c["id"]), deref(row.StripeID))
				live++
			}
			testkit.Equal(t, "the customer is deleted on both sides", live == 0, row.DeletedAt != nil)
		},
	},
	{
		name: "cancelSubscription at period end", method: "POST", path: "/v1/subscriptions/*", equal: equalSubscription(billing.SubscriptionActive),
		prepare: onSubscription("", func(s *shop, ctx context.Context, id string) (*ent.Operation, error) {
			r, err := s.Subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{SubscriptionID: id, At: billing.CancelPeriodEnd})
			return r.Operation, err
		}),
	},
	{
		name: "cancelSubscription now", method: "DELETE", path: "/v1/subscriptions/*", equal: equalSubscription(billing.SubscriptionCanceled),
		prepare: onSubscription(billing.SubscriptionPastDue, func(s *shop, ctx context.Context, id string) (*ent.Operation, error) {
			r, err := s.Subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{SubscriptionID: id, At: billing.CancelImmediately})
			return r.Operation, err
		}),
	},
	{
		name: "revokeSubscription", method: "DELETE", path: "/v1/subscriptions/*", equal: equalSubscription(billing.SubscriptionRevoked),
		prepare: onSubscription("", func(s *shop, ctx context.Context, id string) (*ent.Operation, error) {
			r, err := s.Subscriptions.RevokeSubscription(ctx, subscriptions.RevokeSubscription{SubscriptionID: id})
			return r.Operation, err
		}),
	},
	{
		name: "payInvoice", method: "POST", path: "/v1/invoices/*/pay", equal: equalInvoice(billing.InvoicePaid),
		prepare: onInvoice(func(s *shop, ctx context.Context, id string) (*ent.Operation, error) {
			card := "pm_card_visa"
			r, err := s.Subscriptions.PayInvoice(ctx, subscriptions.PayInvoice{InvoiceID: id, PaymentMethod: &card})
			return r.Operation, err
		}),
	},
	{
		name: "voidInvoice", method: "POST", path: "/v1/invoices/*/void", equal: equalInvoice(billing.InvoiceVoid),
		prepare: onInvoice(func(s *shop, ctx context.Context, id string) (*ent.Operation, error) {
			r, err := s.Subscriptions.VoidInvoice(ctx, subscriptions.VoidInvoice{InvoiceID: id})
			return r.Operation, err
		}),
	},
}

// Whatever becomes of the request that matters, a command either succeeds or is
// refused, and both halves are equal.
func TestEveryCommandSurvivesFaults(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for i, d := range deeds {
			for _, kind := range []string{
				"refuse", "lock_timeout", "drop_before", "drop_after", "stored_error", "stored_error_after", "unauthorized",
			} {
				t.Run(d.name+", "+kind, func(t *testing.T) {
					s.available(t)
					do := d.prepare(t, s, fmt.Sprintf("deed%d%s", i, kind))
					s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: kind, Count: 1})
					op, err := do(testkit.Context(t))
					s.Stripe.Heal(t)
					if op == nil {
						t.Fatal(err)
					}
					if kind == "refuse" {
						testkit.Equal(t, "refused", billing.IsCode(err, billing.CodeStripeRejected), true)
						testkit.Equal(t, "status", op.Status, billing.OperationFailed)
						d.equal(t, s, op, false)
						return
					}
					if err != nil {
						t.Error(err)
					}
					if kind == "unauthorized" {
						testkit.Equal(t, "status meanwhile", op.Status, billing.OperationPending)
						s.settle(t)
						op = s.row(t, op.ID)
					}
					testkit.Equal(t, "status", op.Status, billing.OperationSucceeded)
					d.equal(t, s, op, true)
				})
			}
			// The answer is lost, the key spent, and the repeat is refused: the
			// change may have been made.
			t.Run(d.name+", refused after a lost answer", func(t *testing.T) {
				do := d.prepare(t, s, fmt.Sprintf("deed%d", i))
				s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: "stored_error_after", Count: 1})
				s.Stripe.Fail(t, testkit.Fault{Method: d.method, Path: d.path, Kind: "refuse", Skip: 1, Count: 1})
				op, err := do(testkit.Context(t))
				s.Stripe.Heal(t)
				if op == nil {
					t.Fatal(err)
				}
				testkit.Equal(t, "the operation is over", op.Status.Finished(), true)
				d.equal(t, s, op, op.Status == billing.OperationSucceeded)
			})
		}
	})
}
