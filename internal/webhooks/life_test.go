package webhooks_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

// life is a subscription at Stripe to which things happen.
type life struct {
	k            *testkit.Kit
	customer     string
	subscription string
	good, bad    string // payment methods
}

func newLife(t testing.TB, k *testkit.Kit, price string, n int) *life {
	t.Helper()
	l := &life{k: k}
	l.customer = k.Stripe.Post(t, "/v1/customers", url.Values{"email": {fmt.Sprintf("life%d@example.com", n)}})["id"].(string)
	attach := func(name string) string {
		return k.Stripe.Post(t, "/v1/payment_methods/"+name+"/attach", url.Values{"customer": {l.customer}})["id"].(string)
	}
	l.good, l.bad = attach("pm_card_visa"), attach("pm_card_chargeCustomerFail")
	l.subscription = k.Stripe.Post(t, "/v1/subscriptions", url.Values{
		"customer": {l.customer}, "items[0][price]": {price}, "default_payment_method": {l.good},
	})["id"].(string)
	return l
}

func (l *life) ended(t testing.TB) bool {
	t.Helper()
	status := l.k.Stripe.Get(t, "/v1/subscriptions/"+l.subscription)["status"]
	return status == "canceled" || status == "incomplete_expired"
}

// happen lets something happen to the subscription.
func (l *life) happen(t testing.TB, what string) {
	t.Helper()
	update := func(name, value string) {
		if !l.ended(t) {
			l.k.Stripe.Post(t, "/v1/subscriptions/"+l.subscription, url.Values{name: {value}})
		}
	}
	switch what {
	case "a good card":
		update("default_payment_method", l.good)
	case "a bad card":
		update("default_payment_method", l.bad)
	case "a cancellation at period end":
		update("cancel_at_period_end", "true")
	case "a change of mind":
		update("cancel_at_period_end", "false")
	case "a cancellation":
		if !l.ended(t) {
			l.k.Stripe.Delete(t, "/v1/subscriptions/"+l.subscription)
		}
	case "a payment":
		for _, item := range l.k.Stripe.Get(t, "/v1/invoices?status=open&subscription="+l.subscription)["data"].([]any) {
			l.k.Stripe.Post(t, "/v1/invoices/"+item.(map[string]any)["id"].(string)+"/pay", url.Values{"payment_method": {l.good}})
		}
	default: // time
		l.k.Stripe.Advance(t, what)
	}
}

var happenings = []string{
	"a good card", "a bad card", "a cancellation at period end", "a change of mind", "a cancellation", "a payment",
	"2h", "3d", "8d", "31d", "31d",
}

// news is an event about an object.
type news struct {
	body   string
	object webhooks.Object
}

// reports are the events about the subscription and what belongs to it.
func (l *life) reports(t testing.TB) []news {
	t.Helper()
	var all []news
	after := ""
	for {
		page := l.k.Stripe.Get(t, "/v1/events?limit=100"+after)
		for _, item := range page["data"].([]any) {
			e := item.(map[string]any)
			after = "&starting_after=" + e["id"].(string)
			object := e["data"].(map[string]any)["object"].(map[string]any)
			id, _ := object["id"].(string)
			if id != l.customer && object["customer"] != l.customer {
				continue
			}
			all = append(all, news{
				body:   event(e["id"].(string), e["type"].(string), object["object"].(string), id),
				object: webhooks.Object{Type: object["object"].(string), ID: id},
			})
		}
		if page["has_more"] != true {
			return all
		}
	}
}

// deliver sends reports, in an order of somebody's choice.
func (l *life) deliver(t *testing.T, reports []news) {
	for _, r := range reports {
		if status := deliver(t, l.k, r.body, testkit.WebhookSecret, time.Now()); status != http.StatusOK {
			t.Fatalf("an event was answered with %d", status)
		}
		if err := l.k.Inbox.Apply(t.Context(), r.object); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnyOrder lets random things happen to subscriptions, delivers what
// Stripe reports of them late, twice and in any order, and finds both halves
// equal in the end.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		price := k.Stripe.Post(t, "/v1/products", url.Values{
			"name": {"Team"}, "default_price_data[unit_amount]": {"2900"}, "default_price_data[currency]": {"usd"},
			"default_price_data[recurring][interval]": {"month"},
		})["default_price"].(string)
		n := 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			l := newLife(t, k, price, n)
			for range rapid.IntRange(1, 8).Draw(r, "length") {
				l.happen(t, rapid.SampledFrom(happenings).Draw(r, "then"))
				if rapid.Bool().Draw(r, "delivered meanwhile") {
					some := l.reports(t)
					l.deliver(t, rapid.SliceOfN(rapid.SampledFrom(some), 0, 4).Draw(r, "deliveries"))
				}
			}
			all := l.reports(t)
			l.deliver(t, rapid.Permutation(append(all, all[:len(all)/2]...)).Draw(r, "the rest"))
			l.compare(t)
		})
	})
}

// compare fails unless the subscription and its invoices are here what they
// are in Stripe.
func (l *life) compare(t *testing.T) {
	reader := l.k.Store.Reader
	inStripe := l.k.Stripe.Get(t, "/v1/subscriptions/"+l.subscription)
	row := reader.Subscription.Query().Where(subscription.StripeID(l.subscription)).OnlyX(t.Context())
	reason, _ := inStripe["cancellation_details"].(map[string]any)["reason"].(string)
	want, err := billing.StripeStatus(inStripe["status"].(string), reason)
	if err != nil {
		t.Fatal(err)
	}
	if row.Status != want || row.CancelAtPeriodEnd != inStripe["cancel_at_period_end"] {
		t.Fatalf("the subscription is %s (cancel at period end: %t), in Stripe %s (%v)",
			row.Status, row.CancelAtPeriodEnd, want, inStripe["cancel_at_period_end"])
	}
	for name, at := range map[string]*time.Time{
		"current_period_start": row.CurrentPeriodStart, "current_period_end": row.CurrentPeriodEnd,
		"ended_at": row.EndedAt, "canceled_at": row.CanceledAt, "cancel_at": row.CancelAt,
	} {
		if got, want := seconds(at), inStripe[name]; got != want {
			t.Fatalf("%s is %v, in Stripe %v", name, got, want)
		}
	}
	invoices := l.k.Stripe.Get(t, "/v1/invoices?limit=100&subscription="+l.subscription)["data"].([]any)
	rows := reader.Invoice.Query().Where(invoice.SubscriptionID(row.ID)).AllX(t.Context())
	if len(rows) != len(invoices) {
		t.Fatalf("%d invoices, in Stripe %d", len(rows), len(invoices))
	}
	for _, item := range invoices {
		compareInvoice(t, rows, item.(map[string]any))
	}
	history := reader.SubscriptionTransition.Query().Where().AllX(t.Context())
	for _, h := range history {
		if h.From != nil && h.From.Ended() {
			t.Fatalf("a subscription left the end state %s for %s", *h.From, h.To)
		}
	}
}

func compareInvoice(t *testing.T, rows []*ent.Invoice, inStripe map[string]any) {
	for _, row := range rows {
		if *row.StripeID != inStripe["id"] {
			continue
		}
		if string(row.Status) != strings.ToUpper(inStripe["status"].(string)) ||
			float64(row.AmountPaid) != inStripe["amount_paid"] || float64(row.AmountRemaining) != inStripe["amount_remaining"] {
			t.Fatalf("the invoice is %s (%d paid, %d remaining), in Stripe %v (%v, %v)", row.Status, row.AmountPaid,
				row.AmountRemaining, inStripe["status"], inStripe["amount_paid"], inStripe["amount_remaining"])
		}
		return
	}
	t.Fatalf("the invoice %v is missing here", inStripe["id"])
}

// seconds is a time as Stripe writes it.
func seconds(at *time.Time) any {
	if at == nil {
		return nil
	}
	return float64(at.Unix())
}
