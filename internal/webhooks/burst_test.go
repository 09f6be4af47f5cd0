package webhooks_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"tallystick/ent/webhookevent"
	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

// allEvents are the bodies of all events of Stripe's, in no order.
func allEvents(t *testing.T, k *testkit.Kit) []string {
	t.Helper()
	var bodies []string
	after := ""
	for {
		page := k.Stripe.Get(t, "/v1/events?limit=100"+after)
		for _, item := range page["data"].([]any) {
			e := item.(map[string]any)
			object := e["data"].(map[string]any)["object"].(map[string]any)
			id, _ := object["id"].(string)
			bodies = append(bodies, event(e["id"].(string), e["type"].(string), object["object"].(string), id))
			after = "&starting_after=" + e["id"].(string)
		}
		if page["has_more"] != true {
			return bodies
		}
	}
}

// TestBurst delivers a thousand events twice each, in any order, while workers
// apply them.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			burst(t, testkit.New(t, database, func(s *app.Settings) { s.Idle = false }))
		})
	}
}

func burst(t *testing.T, k *testkit.Kit) {
	statuses := map[string]string{}
	product := k.Stripe.Post(t, "/v1/products", url.Values{
		"name": {"Team"}, "default_price_data[unit_amount]": {"2900"}, "default_price_data[currency]": {"usd"},
		"default_price_data[recurring][interval]": {"month"},
	})
	states := []string{"active", "past_due", "canceled", "unpaid", "paused"}
	for i := range 70 {
		customer := k.Stripe.Post(t, "/v1/customers", url.Values{"email": {fmt.Sprintf("c%d@example.com", i)}})["id"].(string)
		method := k.Stripe.Post(t, "/v1/payment_methods/pm_card_visa/attach", url.Values{"customer": {customer}})["id"].(string)
		subscription := k.Stripe.Post(t, "/v1/subscriptions", url.Values{
			"customer": {customer}, "items[0][price]": {product["default_price"].(string)}, "default_payment_method": {method},
		})["id"].(string)
		statuses[subscription] = states[i%len(states)]
		if statuses[subscription] != "active" {
			k.Stripe.Force(t, subscription, statuses[subscription], "")
		}
	}
	bodies := allEvents(t, k)
	if len(bodies) < 1000 {
		t.Fatalf("only %d events happened", len(bodies))
	}
	sent := append(append([]string{}, bodies...), bodies...)
	rand.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })

	began := time.Now()
	queue := make(chan string)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for body := range queue {
				if status := deliver(t, k, body, testkit.WebhookSecret, time.Now()); status != http.StatusOK {
					t.Errorf("an event was answered with %d", status)
				}
			}
		})
	}
	for _, body := range sent {
		queue <- body
	}
	close(queue)
	senders.Wait()
	taken := time.Since(began)
	k.Eventually(t, "all events to be processed", func() bool {
		return !k.Store.Reader.WebhookEvent.Query().Where(webhookevent.ProcessedAtIsNil()).ExistX(t.Context())
	})
	t.Logf("%d deliveries of %d events taken in after %v, all applied after %v", len(sent), len(bodies), taken, time.Since(began))

	if n := k.Store.Reader.WebhookEvent.Query().CountX(t.Context()); n != len(bodies) {
		t.Errorf("%d events are stored, want %d", n, len(bodies))
	}
	for _, row := range k.Store.Reader.Subscription.Query().AllX(t.Context()) {
		inStripe := k.Stripe.Get(t, "/v1/subscriptions/"+*row.StripeID)
		want := map[string]string{"active": "ACTIVE", "past_due": "PAST_DUE", "canceled": "CANCELED", "unpaid": "UNPAID", "paused": "PAUSED"}[inStripe["status"].(string)]
		if string(row.Status) != want {
			t.Errorf("subscription %s is %s, in Stripe %s", row.ID, row.Status, inStripe["status"])
		}
		delete(statuses, *row.StripeID)
	}
	if len(statuses) > 0 {
		t.Errorf("%d subscriptions of Stripe are missing here", len(statuses))
	}
}
