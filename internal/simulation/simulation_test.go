package simulation_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/ent/webhookevent"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

type object = map[string]any

// life is a server whose clock, and whose Stripe, a seed decides about.
type life struct {
	*testkit.Kit
	t     testing.TB
	ahead *atomic.Int64 // of the server's clock
	n     int           // names that were given out
	// resolved are the operations of which somebody has accepted what Stripe has.
	resolved []string
}

func newLife(t testing.TB, database string, change ...func(*app.Settings)) *life {
	t.Helper()
	l := &life{t: t, ahead: new(atomic.Int64)}
	l.Kit = testkit.New(t, database, append([]func(*app.Settings){testkit.Idle, func(s *app.Settings) {
		s.Engine.Now = func() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }
		s.Stripe.ProbeEvery = time.Millisecond
	}}, change...)...)
	return l
}

// TestHalvesAreEqualInTheEnd is one life after the other, on one database. A seed
// that fails is printed, and replays exactly: -rapid.seed=….
func TestHalvesAreEqualInTheEnd(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				e := &episode{TB: t, r: r}
				defer e.end()
				l := newLife(e, database)
				l.begin()
				r.Repeat(l.happenings())
				l.calm(r)
				l.compare(r)
			})
		})
	}
}

// begin gives a life something to live with.
func (l *life) begin() {
	for range 2 {
		l.command("createProduct", object{"name": l.name("Plan"), "price": object{
			"unitAmount": 1500, "currency": "EUR", "recurring": object{"interval": "MONTH"},
		}})
	}
	for range 2 {
		l.command("createCustomer", object{"email": l.name("c") + "@example.com"})
	}
	l.Work(l.t)
	for _, c := range l.Store.Reader.Customer.Query().AllX(l.t.Context()) {
		l.dashboard("POST", "/v1/payment_methods/pm_card_visa/attach", object{"customer": *c.StripeID})
	}
}

func (l *life) name(prefix string) string {
	l.n++
	return fmt.Sprintf("%s%d", prefix, l.n)
}

// command sends a mutation. Whether it is accepted does not matter here.
func (l *life) command(name string, input object) {
	answer := l.Send(l.t, commandDocument(name), object{"input": input})
	if answer.Has("errors") {
		l.t.Fatalf("%s %v: %s", name, input, answer.Raw())
	}
}

func commandDocument(name string) string {
	return fmt.Sprintf(`mutation($input: %s%sInput!) { %s(input: $input) { userErrors { code message } } }`,
		string(name[0]-'a'+'A'), name[1:], name)
}

// one is a row that the seed decides on; nil when there is none.
func one[T any](r *rapid.T, what string, rows []T) *T {
	if len(rows) == 0 {
		return nil
	}
	return &rows[rapid.IntRange(0, len(rows)-1).Draw(r, what)]
}

func (l *life) customer(r *rapid.T) *ent.Customer {
	return *one(r, "customer", l.Store.Reader.Customer.Query().Order(ent.Asc("id")).AllX(l.t.Context()))
}

func (l *life) price(r *rapid.T) *ent.Price {
	return *one(r, "price", l.Store.Reader.Price.Query().Order(ent.Asc("id")).AllX(l.t.Context()))
}

func (l *life) product(r *rapid.T) *ent.Product {
	return *one(r, "product", l.Store.Reader.Product.Query().Order(ent.Asc("id")).AllX(l.t.Context()))
}

// ofSubscription does something about a subscription, if there is one.
func (l *life) ofSubscription(do func(*rapid.T, *ent.Subscription)) func(*rapid.T) {
	return func(r *rapid.T) {
		if s := one(r, "subscription", l.Store.Reader.Subscription.Query().Order(ent.Asc("id")).WithItems().AllX(l.t.Context())); s != nil {
			do(r, *s)
		}
	}
}

func (l *life) happenings() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){"": func(*rapid.T) {}}
	maps.Copy(all, l.commands())
	maps.Copy(all, l.edits())
	maps.Copy(all, l.faults())
	return all
}

// commands are those of every kind.
func (l *life) commands() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"sign up": func(r *rapid.T) {
			l.command("createCustomer", object{"email": fmt.Sprintf("c%d@example.com", rapid.IntRange(1, 9).Draw(r, "e-mail"))})
		},
		"rename a customer": func(r *rapid.T) {
			l.command("updateCustomer", object{"customerId": l.customer(r).ID, "name": l.name("Renamed")})
		},
		"delete a customer": func(r *rapid.T) {
			if rows := l.Store.Reader.Customer.Query().CountX(l.t.Context()); rows > 2 {
				l.command("deleteCustomer", object{"customerId": l.customer(r).ID})
			}
		},
		"change a price": func(r *rapid.T) {
			l.command("updateProductPrice", object{"productId": l.product(r).ID, "unitAmount": rapid.IntRange(1, 50).Draw(r, "amount") * 100})
		},
		"add a price": func(r *rapid.T) {
			l.command("addProductPrice", object{
				"productId": l.product(r).ID, "unitAmount": rapid.IntRange(0, 50).Draw(r, "amount") * 100, "currency": "EUR",
				"recurring": object{"interval": "MONTH"},
			})
		},
		"subscribe": func(r *rapid.T) {
			input := object{"customerId": l.customer(r).ID, "priceId": l.price(r).ID, "quantity": rapid.IntRange(1, 5).Draw(r, "seats")}
			if rapid.Bool().Draw(r, "by invoice") {
				input["collection"] = "SEND_INVOICE"
			}
			l.command("createSubscription", input)
		},
		"cancel": l.ofSubscription(func(r *rapid.T, s *ent.Subscription) {
			l.command("cancelSubscription", object{
				"subscriptionId": s.ID, "at": rapid.SampledFrom([]string{"PERIOD_END", "IMMEDIATELY"}).Draw(r, "when"),
			})
		}),
		"resume": l.ofSubscription(func(_ *rapid.T, s *ent.Subscription) {
			l.command("resumeSubscription", object{"subscriptionId": s.ID})
		}),
		"change the price of a subscription": l.ofSubscription(func(r *rapid.T, s *ent.Subscription) {
			l.command("changeSubscriptionPrice", object{"subscriptionId": s.ID, "priceId": l.price(r).ID})
		}),
		"change the seats": l.ofSubscription(func(r *rapid.T, s *ent.Subscription) {
			if len(s.Edges.Items) == 0 {
				return
			}
			l.command("updateSubscriptionItems", object{"subscriptionId": s.ID, "items": []object{
				{"id": s.Edges.Items[0].ID, "quantity": rapid.IntRange(1, 9).Draw(r, "seats")},
			}})
		}),
		"revoke": l.ofSubscription(func(_ *rapid.T, s *ent.Subscription) {
			l.command("revokeSubscription", object{"subscriptionId": s.ID})
		}),
		"pay or void an invoice": func(r *rapid.T) {
			invoice := one(r, "invoice", l.Store.Reader.Invoice.Query().Order(ent.Asc("id")).AllX(l.t.Context()))
			if invoice != nil {
				l.command(rapid.SampledFrom([]string{"payInvoice", "voidInvoice"}).Draw(r, "how"), object{"invoiceId": (*invoice).ID})
			}
		},
		"work": func(*rapid.T) { l.work() },
	}
}

// edits are what people do in the dashboard.
func (l *life) edits() map[string]func(*rapid.T) {
	post := func(path string, stripeID *string, params object) {
		if stripeID != nil {
			l.dashboard("POST", path+*stripeID, params)
		}
	}
	return map[string]func(*rapid.T){
		"the dashboard renames a customer": func(r *rapid.T) {
			post("/v1/customers/", l.customer(r).StripeID, object{"name": l.name("Dash"), "metadata[note]": "dash"})
		},
		"the dashboard takes an e-mail away": func(r *rapid.T) {
			post("/v1/customers/", l.customer(r).StripeID, object{"email": ""})
		},
		"the dashboard deletes a customer": func(r *rapid.T) {
			if id := l.customer(r).StripeID; id != nil {
				l.dashboard("DELETE", "/v1/customers/"+*id, nil)
			}
		},
		"the dashboard describes a product": func(r *rapid.T) {
			post("/v1/products/", l.product(r).StripeID, object{"description": l.name("Described")})
		},
		"the dashboard archives a price": func(r *rapid.T) {
			post("/v1/prices/", l.price(r).StripeID, object{"active": "false"})
		},
		"the dashboard edits a subscription": l.ofSubscription(func(r *rapid.T, s *ent.Subscription) {
			post("/v1/subscriptions/", s.StripeID, rapid.SampledFrom([]object{
				{"cancel_at_period_end": "true"},
				{"cancel_at_period_end": "false"},
				{"metadata[note]": "dash"},
				{"pause_collection[behavior]": "void"},
				{"pause_collection": ""},
			}).Draw(r, "edit"))
		}),
		"the dashboard ends a subscription": l.ofSubscription(func(_ *rapid.T, s *ent.Subscription) {
			if s.StripeID != nil {
				l.dashboard("DELETE", "/v1/subscriptions/"+*s.StripeID, nil)
			}
		}),
		"somebody subscribes in Stripe": func(r *rapid.T) {
			owner, price := l.customer(r).StripeID, l.price(r).StripeID
			if owner != nil && price != nil {
				l.dashboard("POST", "/v1/subscriptions", object{
					"customer": *owner, "items[0][price]": *price, "items[0][quantity]": "3", "collection_method": "send_invoice", "days_until_due": "30",
				})
			}
		},
	}
}

// faults are what goes wrong.
func (l *life) faults() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"Stripe fails": func(r *rapid.T) {
			l.Stripe.Fail(l.t, testkit.Fault{
				Method: rapid.SampledFrom([]string{"POST", "DELETE", "GET", ""}).Draw(r, "method"),
				Kind: rapid.SampledFrom([]string{
					"refuse", "rate_limit", "lock_timeout", "server_error", "garbage", "drop_before", "drop_after", "stored_error", "stored_error_after",
				}).Draw(r, "kind"),
				Skip: rapid.IntRange(0, 3).Draw(r, "skip"), Count: rapid.IntRange(1, 3).Draw(r, "count"),
			})
		},
		"Stripe is well again": func(*rapid.T) { l.Stripe.Heal(l.t) },
		"a person resolves":    func(*rapid.T) { l.attend("resolveOperation") },
		"a person reconciles": func(r *rapid.T) {
			l.command("startReconciliation", object{"repair": rapid.Bool().Draw(r, "repair")})
		},
		"leases lapse":               func(*rapid.T) { l.ahead.Add(int64(stripesync.Lease + time.Second)) },
		"events are looked at":       func(*rapid.T) { l.events() },
		"a day passes on both sides": func(*rapid.T) { l.passes("25h", 25*time.Hour) },
		"a month passes on both sides": func(*rapid.T) {
			l.passes("31d", 31*24*time.Hour)
		},
	}
}

func (l *life) passes(by string, d time.Duration) {
	l.Stripe.Heal(l.t) // the clock's own requests must not fail
	l.Stripe.Advance(l.t, by)
	l.ahead.Add(int64(d))
}

// work lets a process do what is due.
func (l *life) work() {
	for _, id := range l.Store.Reader.Operation.Query().
		Where(operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention)).
		Order(operation.ByScopeID(), operation.ByPosition()).IDsX(l.t.Context()) {
		_, err := l.Engine.Run(l.t.Context(), id)
		if err != nil && !strings.Contains(err.Error(), "Stripe refuses what would prevent that") { // which it does not for ever
			l.t.Fatalf("run %s: %v", id, err)
		}
	}
}

// events reads Stripe's list and applies what waits.
func (l *life) events() {
	l.ahead.Add(int64(2 * time.Minute))
	if err := l.Sweeper.Sweep(l.t.Context()); err != nil {
		l.t.Logf("the list of events: %v", err)
	}
	for _, e := range l.Store.Reader.WebhookEvent.Query().Where(webhookevent.ProcessedAtIsNil()).
		Order(webhookevent.ByID()).AllX(l.t.Context()) {
		if err := l.Inbox.Apply(l.t.Context(), webhooks.Object{Type: e.ObjectType, ID: e.ObjectID}); err != nil {
			l.t.Fatalf("apply %s: %v", e.Type, err)
		}
	}
}

// calm lets everything come to its end: nothing fails any more, and a person looks
// after what needs one, who first tries it again.
func (l *life) calm(r rapid.TB) {
	l.Stripe.Heal(l.t)
	for round := range 40 {
		l.ahead.Add(int64(stripesync.Lease + time.Second))
		l.Eventually(l.t, "Stripe to be available", func() bool {
			return l.App.Stripe.Available() || l.App.Stripe.Ping(l.t.Context()) == nil
		})
		l.work()
		l.events()
		operations := l.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).CountX(l.t.Context())
		waiting := l.Store.Reader.WebhookEvent.Query().Where(webhookevent.ProcessedAtIsNil()).CountX(l.t.Context())
		if operations+waiting == 0 {
			return
		}
		if round < 3 {
			l.attend("retryOperation")
		} else {
			l.attend("resolveOperation")
		}
	}
	for _, op := range l.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).AllX(l.t.Context()) {
		r.Logf("it is not over: %v", op)
	}
	for _, e := range l.Store.Reader.WebhookEvent.Query().Where(webhookevent.ProcessedAtIsNil()).AllX(l.t.Context()) {
		r.Logf("it waits: %v", e)
	}
	r.Fatal("it does not come to an end")
}

// attend is what a person does about operations that need attention.
func (l *life) attend(how string) {
	for _, id := range l.Store.Reader.Operation.Query().Where(operation.StatusEQ(billing.OperationNeedsAttention)).IDsX(l.t.Context()) {
		l.command(how, object{"operationId": id})
		if how == "resolveOperation" {
			l.resolved = append(l.resolved, id)
		}
	}
}

// compare holds both halves against each other completely, and looks for anything
// that was made twice.
func (l *life) compare(r rapid.TB) {
	var found []string
	err := l.Mirror.Compare(l.t.Context(), mirror.Comparison{
		Compared: func(context.Context, string) error { return nil },
		Found: func(_ context.Context, d mirror.Difference) error {
			found = append(found, fmt.Sprintf("%s %s %s %s: %s is %q here and %q in Stripe", d.Kind, d.Object, d.ID, d.StripeID, d.Field, d.Ours, d.Stripes))
			return nil
		},
	})
	if err != nil {
		r.Fatal(err)
	}
	if len(found) > 0 {
		slices.Sort(found)
		for _, op := range l.Store.Reader.Operation.Query().Order(operation.ByID()).WithStripeCalls().AllX(l.t.Context()) {
			r.Logf("%s %s on %s: %v", op.Kind, op.Status, op.SubjectID, op.Steps)
			for _, c := range op.Edges.StripeCalls {
				r.Logf("    %v", c)
			}
		}
		r.Fatalf("the halves differ:\n%s", fmt.Sprint(found))
	}
}
