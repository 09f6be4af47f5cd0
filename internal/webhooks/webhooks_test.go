package webhooks_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"tallystick/ent/goneobject"
	"tallystick/ent/price"
	"tallystick/ent/webhookevent"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

// event is the body of an event about an object. What it says of the object
// does not matter: the object is read from Stripe.
func event(id, kind, objectType, objectID string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2020-08-27","created":1700000000,"type":%q,`+
		`"data":{"object":{"id":%q,"object":%q}}}`, id, kind, objectID, objectType)
}

// deliver sends a body as Stripe would, and returns the status of the answer.
func deliver(t *testing.T, k *testkit.Kit, body, secret string, at time.Time) int {
	t.Helper()
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: at})
	return post(t, k, body, signed.Header)
}

func post(t *testing.T, k *testkit.Kit, body, signature string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, k.URL+"/webhooks/stripe", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// report delivers an event and applies it.
func report(t *testing.T, k *testkit.Kit, id, kind, objectType, objectID string) {
	t.Helper()
	if status := deliver(t, k, event(id, kind, objectType, objectID), testkit.WebhookSecret, time.Now()); status != http.StatusOK {
		t.Fatalf("the event was answered with %d", status)
	}
	apply(t, k, objectType, objectID)
}

func apply(t *testing.T, k *testkit.Kit, objectType, objectID string) {
	t.Helper()
	if err := k.Inbox.Apply(t.Context(), webhooks.Object{Type: objectType, ID: objectID}); err != nil {
		t.Fatal(err)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		body := event("evt_1", "product.updated", "product", "prod_1")
		now := time.Now()
		for _, c := range []struct {
			name   string
			status int
			send   func() int
		}{
			{"unsigned", 400, func() int { return post(t, k, body, "") }},
			{"with a malformed signature", 400, func() int { return post(t, k, body, "v1=") }},
			{"signed with another secret", 400, func() int { return deliver(t, k, body, "whsec_other", now) }},
			{"too old", 400, func() int { return deliver(t, k, body, testkit.WebhookSecret, now.Add(-301*time.Second)) }},
			{"not JSON", 400, func() int { return deliver(t, k, "not JSON", testkit.WebhookSecret, now) }},
			{"without an object", 400, func() int { return deliver(t, k, `{"id":"evt_1","type":"x"}`, testkit.WebhookSecret, now) }},
			{"too large", 413, func() int { return deliver(t, k, strings.Repeat(" ", 1<<20+1), testkit.WebhookSecret, now) }},
			{"slightly old", 200, func() int { return deliver(t, k, body, testkit.WebhookSecret, now.Add(-290*time.Second)) }},
			{"again", 200, func() int { return deliver(t, k, body, testkit.WebhookSecret, now) }},
		} {
			if status := c.send(); status != c.status {
				t.Errorf("%s: status %d, want %d", c.name, status, c.status)
			}
		}
		if n := k.Store.Reader.WebhookEvent.Query().CountX(t.Context()); n != 1 {
			t.Errorf("%d events are stored, want 1", n)
		}
	})
}

// An event goes by the clock that all replicas share, its signature's age too: this
// machine is an hour ahead of it.
func TestDeliveryToAMachineWithAWrongClock(t *testing.T) {
	t.Parallel()
	shared := func() time.Time { return time.Now().Add(-time.Hour) }
	k := testkit.New(t, "sqlite", testkit.Idle, func(s *app.Settings) { s.Engine.Now = shared })
	body := event("evt_1", "product.updated", "product", "prod_1")
	testkit.Equal(t, "too old", deliver(t, k, body, testkit.WebhookSecret, shared().Add(-301*time.Second)), http.StatusBadRequest)
	testkit.Equal(t, "fresh", deliver(t, k, body, testkit.WebhookSecret, shared()), http.StatusOK)
	if created := k.Store.Reader.WebhookEvent.Query().OnlyX(t.Context()).CreatedAt; created.After(shared()) {
		t.Errorf("the event is stored at %v", created)
	}
}

func TestWhatWasMadeInStripeAppearsHere(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{
			"name": {"Made outside"}, "default_price_data[unit_amount]": {"500"}, "default_price_data[currency]": {"eur"},
			"default_price_data[recurring][interval]": {"month"},
		})
		customer := k.Stripe.Post(t, "/v1/customers", url.Values{"email": {"ada@example.com"}, "name": {"Ada"}})
		k.Stripe.Post(t, "/v1/payment_methods/pm_card_visa/attach", url.Values{"customer": {customer["id"].(string)}})
		methods := k.Stripe.Get(t, "/v1/payment_methods?customer="+customer["id"].(string))
		method := methods["data"].([]any)[0].(map[string]any)["id"].(string)
		subscription := k.Stripe.Post(t, "/v1/subscriptions", url.Values{
			"customer": {customer["id"].(string)}, "items[0][price]": {product["default_price"].(string)},
			"default_payment_method": {method},
		})
		// The invoice comes first: all that it belongs to must come with it.
		report(t, k, "evt_1", "invoice.paid", "invoice", subscription["latest_invoice"].(string))

		data := k.Query(t, `{ customerByEmail(email: "ada@example.com") { name stripe { id status } subscriptions {
			edges { node { status price { unitAmount { amount currency } } product { name defaultPrice { id } }
				latestInvoice { status amountPaid { amount } } } } } } }`)
		row := data.At("customerByEmail")
		if row.String("stripe.id") != customer["id"] || row.String("stripe.status") != "SYNCED" {
			t.Errorf("the customer is not linked: %s", row.Raw())
		}
		node := row.At("subscriptions.edges.0.node")
		if node.String("status") != "ACTIVE" || node.Int("price.unitAmount.amount") != 500 ||
			node.String("product.name") != "Made outside" || node.String("latestInvoice.status") != "PAID" {
			t.Errorf("not what Stripe has: %s", row.Raw())
		}
	})
}

func TestEventsOfOneObjectAreAppliedTogether(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{"name": {"Busy"}})["id"].(string)
		for i := range 20 {
			body := event(fmt.Sprintf("evt_%d", i), "product.updated", "product", product)
			if status := deliver(t, k, body, testkit.WebhookSecret, time.Now()); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
		}
		k.Stripe.Forget(t)
		apply(t, k, "product", product)
		if requests := k.Stripe.Requests(t); len(requests) != 1 {
			t.Errorf("20 events cost %d requests, want 1: %v", len(requests), requests)
		}
		if n := k.Store.Reader.WebhookEvent.Query().Where(webhookevent.StatusEQ(billing.WebhookProcessed)).CountX(t.Context()); n != 20 {
			t.Errorf("%d events are processed, want 20", n)
		}
	})
}

func TestEventsWaitForStripe(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{"name": {"Late"}})["id"].(string)
		k.Stripe.Fail(t, testkit.Fault{Method: "GET", Path: "/v1/products/*", Kind: "server_error", Count: 1})
		report(t, k, "evt_1", "product.created", "product", product)
		waiting := k.Query(t, `{ webhookEvents(filter: {status: [PENDING]}) { edges { node {
			type objectId attempts lastError nextAttemptAt } } } billingHealth { pendingWebhookEvents lastWebhookAt } }`)
		node := waiting.At("webhookEvents.edges.0.node")
		if node.Int("attempts") != 1 || !node.Has("nextAttemptAt") || !node.Has("lastError") {
			t.Errorf("the event does not show why it waits: %s", node.Raw())
		}
		if waiting.Int("billingHealth.pendingWebhookEvents") != 1 || !waiting.Has("billingHealth.lastWebhookAt") {
			t.Errorf("health does not show it: %s", waiting.Raw())
		}
		apply(t, k, "product", product)
		done := k.Query(t, `{ webhookEvents { edges { node { status lastError } } } products { edges { node { name } } } }`)
		if done.String("webhookEvents.edges.0.node.status") != "PROCESSED" || done.String("products.edges.0.node.name") != "Late" {
			t.Errorf("the event was not applied: %s", done.Raw())
		}
	})
}

func TestUnknownEventsDoNoHarm(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		report(t, k, "evt_1", "charge.succeeded", "charge", "ch_1")
		report(t, k, "evt_2", "product.deleted", "product", "prod_nope")
		report(t, k, "evt_3", "customer.subscription.updated", "subscription", "sub_nope")
		customer := k.Stripe.Post(t, "/v1/customers", url.Values{"name": {"No e-mail"}})["id"].(string)
		report(t, k, "evt_4", "customer.created", "customer", customer)
		got := map[string]string{}
		for _, edge := range k.Query(t, `{ webhookEvents { edges { node { stripeEventId status } } } }`).List("webhookEvents.edges") {
			got[edge.String("node.stripeEventId")] = edge.String("node.status")
		}
		want := map[string]string{"evt_1": "IGNORED", "evt_2": "PROCESSED", "evt_3": "PROCESSED", "evt_4": "PROCESSED"}
		for id, status := range want {
			if got[id] != status {
				t.Errorf("%s is %s, want %s", id, got[id], status)
			}
		}
	})
}

// TestDeletionsComeBeforeTheirRows: what Stripe has deleted while its creation is
// still being carried out is never linked.
func TestDeletionsComeBeforeTheirRows(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		for _, objectType := range []string{"product", "price", "customer"} {
			id := objectType + "_early"
			report(t, k, "evt_"+objectType, objectType+".deleted", objectType, id)
			known, err := k.Store.Reader.GoneObject.Query().Where(goneobject.ID(id)).Exist(t.Context())
			if err != nil || !known {
				t.Errorf("the deletion of a %s is not remembered: %v", objectType, err)
			}
		}
	})
}

// TestObjectsWithOneIDAreApart delivers an event of a plan before the one of
// the price that has its id: the price appears all the same, and later changes.
func TestObjectsWithOneIDAreApart(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		product := k.Stripe.Post(t, "/v1/products", url.Values{"name": {"Plan"}})["id"].(string)
		stripeID := k.Stripe.Post(t, "/v1/prices", url.Values{
			"product": {product}, "currency": {"usd"}, "unit_amount": {"3000"}, "recurring[interval]": {"month"},
		})["id"].(string)
		both := func(n, what string) {
			t.Helper()
			for _, objectType := range []string{"plan", "price"} {
				body := event("evt_"+objectType+n, objectType+"."+what, objectType, stripeID)
				if status := deliver(t, k, body, testkit.WebhookSecret, time.Now()); status != http.StatusOK {
					t.Fatalf("the event of the %s was answered with %d", objectType, status)
				}
			}
			apply(t, k, "plan", stripeID)
			apply(t, k, "price", stripeID)
		}
		both("1", "created")
		row := k.Store.Reader.Price.Query().Where(price.StripeID(stripeID)).OnlyX(t.Context())
		if row.Status != billing.PriceActive {
			t.Errorf("the price is %s", row.Status)
		}
		k.Stripe.Post(t, "/v1/prices/"+stripeID, url.Values{"active": {"false"}})
		both("2", "updated")
		if row = k.Store.Reader.Price.GetX(t.Context(), row.ID); row.Status != billing.PriceArchived {
			t.Errorf("the archived price is %s", row.Status)
		}
	})
}

// TestEventsAboutNothingHere stores a preview without an id and an event of a
// connected account as ignored, and asks Stripe nothing.
func TestEventsAboutNothingHere(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		k.Stripe.Forget(t)
		for name, body := range map[string]string{
			"upcoming":  `{"id":"evt_upcoming","object":"event","type":"invoice.upcoming","data":{"object":{"object":"invoice","total":100}}}`,
			"connected": `{"id":"evt_connected","object":"event","account":"acct_other","type":"customer.created","data":{"object":{"id":"cus_1","object":"customer"}}}`,
		} {
			if status := deliver(t, k, body, testkit.WebhookSecret, time.Now()); status != http.StatusOK {
				t.Fatalf("%s was answered with %d", name, status)
			}
			row := k.Store.Reader.WebhookEvent.Query().Where(webhookevent.StripeEventID("evt_" + name)).OnlyX(t.Context())
			if row.Status != billing.WebhookIgnored || row.ProcessedAt == nil {
				t.Errorf("%s is %s", name, row.Status)
			}
		}
		k.Work(t)
		if n := len(k.Stripe.Requests(t)); n != 0 {
			t.Errorf("%d requests to Stripe, want none", n)
		}
	})
}

// TestEverySecretVerifies delivers while the signing secret is being replaced.
func TestEverySecretVerifies(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle)
	handler := webhooks.NewHandler(k.Inbox, []string{"whsec_old", "whsec_new"}, slog.New(slog.DiscardHandler))
	for secret, status := range map[string]int{"whsec_old": 200, "whsec_new": 200, "whsec_other": 400} {
		body := event("evt_"+secret, "product.updated", "product", "prod_1")
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
		r.Header.Set("Stripe-Signature", signed.Header)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("signed with %s: status %d, want %d", secret, w.Code, status)
		}
	}
}
