package stripesim_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
)

const hookSecret = "whsec_of_the_tests"

// receiver is a webhook endpoint that verifies signatures with Stripe's own code.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	events chan stripe.Event
	answer func(n int) int // the status of the n-th answer; nil: 200
}

func newReceiver(t *testing.T, secret string) *receiver {
	t.Helper()
	r := &receiver{t: t, events: make(chan stripe.Event, 10_000)}
	attempts := make(chan int, 1)
	attempts <- 0
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // cut off in the middle
		}
		event, err := webhook.ConstructEventWithOptions(body, req.Header.Get("Stripe-Signature"), secret,
			webhook.ConstructEventOptions{IgnoreTolerance: true}) // the clock of the tests stands in the past
		if err != nil {
			t.Errorf("%v: %s", err, body)
		}
		n := <-attempts
		attempts <- n + 1
		if r.answer != nil {
			w.WriteHeader(r.answer(n))
		}
		r.events <- event
	}))
	t.Cleanup(r.server.Close)
	return r
}

// next waits for the next delivery.
func (r *receiver) next() stripe.Event {
	r.t.Helper()
	select {
	case event := <-r.events:
		return event
	case <-time.After(20 * time.Second):
		r.t.Fatal("no webhook came")
		return stripe.Event{}
	}
}

// hooked is a world whose events go to a receiver.
func hooked(t *testing.T) (*world, *receiver) {
	t.Helper()
	w, r := newWorld(t), newReceiver(t, hookSecret)
	if err := w.sandbox.SetWebhook(r.server.URL, hookSecret); err != nil {
		t.Fatal(err)
	}
	return w, r
}

func (w *world) webhooks() map[string]any { return w.get("/_sim/webhooks").body }

// delivered waits until no event waits any more.
func (w *world) delivered() {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for w.webhooks()["pending"] != 0.0 {
		if time.Now().After(deadline) {
			w.t.Fatalf("still %v", w.webhooks())
		}
	}
}

func TestWebhookCarriesTheEvent(t *testing.T) {
	w, r := hooked(t)
	product := w.product("Tally")
	if e := r.next(); e.Type != "product.created" || e.APIVersion != "2023-10-16" || e.PendingWebhooks != 1 || e.Request.ID == "" {
		t.Errorf("got %+v", e)
	}
	w.expectOK(w.send(http.MethodPost, "/v1/products/"+product.ID, form("name", "Stick"), "Idempotency-Key", "k"))
	e := r.next()
	if e.Data.Object["name"] != "Stick" || e.Data.PreviousAttributes["name"] != "Tally" || e.Request.IdempotencyKey != "k" {
		t.Errorf("got %+v", e)
	}
	w.delivered()
	stored := must(w.stripe.Events.Get(e.ID, nil))(t)
	if stored.PendingWebhooks != 0 || !reflect.DeepEqual(stored.Data.Object, e.Data.Object) {
		t.Errorf("stored as %+v", stored)
	}
}

func TestWebhookRetries(t *testing.T) {
	w, r := hooked(t)
	r.answer = func(n int) int {
		return []int{500, 302, 404, 204}[n]
	}
	w.product("Tally")
	first := r.next()
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		w.settled()
		if failed := w.webhooks()["pending"]; failed != 1.0 {
			t.Fatalf("%v pending", failed)
		}
		w.advance(wait)
		w.control("webhooks", nil) // a real clock would wake the courier itself
		if e := r.next(); e.ID != first.ID {
			t.Errorf("got %s", e.ID)
		}
	}
	w.delivered()
}

// settled waits until no attempt is under way.
func (w *world) settled() {
	w.t.Helper()
	for w.webhooks()["underWay"] != 0.0 {
		continue
	}
}

func TestWebhookIsGivenUpAfterThreeDays(t *testing.T) {
	w, r := hooked(t)
	r.server.Close() // connection refused
	w.product("Tally")
	for w.webhooks()["failed"] == 0.0 {
		continue
	}
	w.settled()
	w.advance(72 * time.Hour)
	w.control("webhooks", nil)
	w.delivered()
	if status := w.webhooks(); status["givenUp"] != 1.0 || status["delivered"] != 0.0 {
		t.Errorf("got %v", status)
	}
}

func TestWebhookQueueOutlivesTheSandbox(t *testing.T) {
	w, r := hooked(t)
	w.control("webhooks", map[string]any{"paused": true})
	for i := range 20 {
		w.product(fmt.Sprint(i))
	}
	w.restart() // without an address, so that nothing goes out yet
	if status := w.webhooks(); status["pending"] != 20.0 || status["underWay"] != 0.0 {
		t.Errorf("after the restart %v", status)
	}
	if err := w.sandbox.SetWebhook(r.server.URL, hookSecret); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		r.next()
	}
	w.delivered()
	if err := w.sandbox.SetWebhook("", ""); err != nil {
		t.Fatal(err)
	}
	w.product("Unheard")
	if status := w.webhooks(); status["pending"] != 0.0 {
		t.Errorf("without an address %v", status)
	}
}

func TestWebhookBurst(t *testing.T) {
	w, r := hooked(t)
	w.control("webhooks", map[string]any{"paused": true, "shuffle": true})
	products, began := map[string]bool{}, time.Now()
	for i := range 1000 {
		products[w.post("/v1/products", "name", fmt.Sprint(i)).body["id"].(string)] = true
	}
	creation := time.Since(began)
	start := time.Now()
	w.control("webhooks", map[string]any{"paused": false})
	var order []string
	for range 1000 {
		e := r.next()
		order = append(order, e.Data.Object["name"].(string))
		delete(products, e.Data.Object["id"].(string))
	}
	w.delivered()
	// Seconds, unless the machine is so slow, or so observed, that the requests themselves
	// took long.
	if took := time.Since(start); len(products) > 0 || took > max(10*time.Second, 3*creation) {
		t.Errorf("%d events missing after %v", len(products), took)
	}
	if slices.IsSorted(order) {
		t.Error("shuffled deliveries came in order")
	}
}

func TestWebhookFaults(t *testing.T) {
	t.Run("duplicate", func(t *testing.T) {
		w, r := hooked(t)
		w.control("webhooks", map[string]any{"duplicate": 2})
		w.product("Tally")
		if a, b, c := r.next(), r.next(), r.next(); a.ID != b.ID || b.ID != c.ID {
			t.Errorf("got %s, %s, %s", a.ID, b.ID, c.ID)
		}
		w.delivered()
	})
	t.Run("drop loses for good, and a redelivery brings it back", func(t *testing.T) {
		w, r := hooked(t)
		w.control("webhooks", map[string]any{"drop": 1})
		w.product("Lost")
		w.delivered()
		w.product("Kept")
		if e := r.next(); e.Data.Object["name"] != "Kept" {
			t.Errorf("got %v", e.Data.Object["name"])
		}
		if status := w.webhooks(); status["dropped"] != 1.0 || status["drop"] != 0.0 {
			t.Errorf("got %v", status)
		}
		lost := w.get("/v1/events?type=product.created").body["data"].([]any)[1].(map[string]any)["id"].(string)
		w.control("webhooks/deliver", map[string]any{"event": lost})
		if e := r.next(); e.ID != lost {
			t.Errorf("got %s", e.ID)
		}
	})
	t.Run("fail is tried again", func(t *testing.T) {
		w, r := hooked(t)
		w.control("webhooks", map[string]any{"fail": 1})
		w.product("Tally")
		for w.webhooks()["failed"] == 0.0 {
			continue
		}
		w.control("webhooks/deliver", map[string]any{})
		r.next()
		w.delivered()
	})
	t.Run("odd plans are refused", func(t *testing.T) {
		w, _ := hooked(t)
		if r := w.control("webhooks", map[string]any{"drop": -1}); r.status != http.StatusBadRequest {
			t.Errorf("got %d", r.status)
		}
		if r := w.control("webhooks/deliver", map[string]any{"event": "evt_nope"}); r.status != http.StatusNotFound {
			t.Errorf("got %d", r.status)
		}
	})
}

// TestWebhooksDoNotBlock has an endpoint that never answers beside an API that does.
func TestWebhooksDoNotBlock(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	deaf := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(deaf.Close)
	t.Cleanup(func() { close(hold) })
	if err := w.sandbox.SetWebhook(deaf.URL, hookSecret); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		w.product(fmt.Sprint(i))
	}
	if status := w.webhooks(); status["pending"] != 50.0 || status["underWay"].(float64) > 8 {
		t.Errorf("got %v", status)
	}
}

func TestWebhookEndpoints(t *testing.T) {
	w := newWorld(t)
	made := must(w.stripe.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String("http://127.0.0.1:1/hook"), EnabledEvents: stripe.StringSlice([]string{"product.updated"}), Description: stripe.String("Tests"),
	}))(t)
	if made.Secret == "" || made.Status != "enabled" || must(w.stripe.WebhookEndpoints.Get(made.ID, nil))(t).Secret != "" {
		t.Errorf("made %+v", made)
	}
	r := newReceiver(t, made.Secret)
	must(w.stripe.WebhookEndpoints.Update(made.ID, &stripe.WebhookEndpointParams{URL: &r.server.URL}))(t)
	product := w.product("Unheard")
	w.expectOK(w.post("/v1/products/"+product.ID, "name", "Heard"))
	if e := r.next(); e.Type != "product.updated" {
		t.Errorf("got %s", e.Type)
	}
	if list := w.expectOK(w.get("/v1/webhook_endpoints")).body["data"].([]any); len(list) != 1 {
		t.Errorf("listed %v", list)
	}
	for w.webhooks()["pending"] != 0.0 { // until the answer to the delivery is written down
	}
	disabled := must(w.stripe.WebhookEndpoints.Update(made.ID, &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true)}))(t)
	w.expectOK(w.post("/v1/products/"+product.ID, "name", "Unheard"))
	if status := w.webhooks(); disabled.Status != "disabled" || status["pending"] != 0.0 {
		t.Errorf("disabled to %s, %v", disabled.Status, status)
	}
	if gone := must(w.stripe.WebhookEndpoints.Del(made.ID, nil))(t); !gone.Deleted {
		t.Errorf("deleted to %+v", gone)
	}
	w.expectRefusal(w.get("/v1/webhook_endpoints/"+made.ID), refused{status: 404, code: "resource_missing", param: "webhook_endpoint", contains: "No such webhook endpoint"})
	w.expectRefusal(w.post("/v1/webhook_endpoints", "url", "nowhere", "enabled_events[]", "*"), refused{code: "url_invalid", param: "url"})
	w.expectRefusal(w.post("/v1/webhook_endpoints", "url", r.server.URL), refused{code: "parameter_missing", param: "enabled_events"})
}
