package stripesim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (w *world) keyed(key, path string, pairs ...string) reply {
	w.t.Helper()
	return w.send(http.MethodPost, path, form(pairs...), "Idempotency-Key", key)
}

// productCount counts what mutations really left behind.
func (w *world) productCount() int {
	w.t.Helper()
	return len(w.expectOK(w.get("/v1/products?limit=100")).body["data"].([]any))
}

func TestIdempotency(t *testing.T) {
	t.Run("the same request gets the stored answer, after a restart too", func(t *testing.T) {
		w := newWorld(t)
		first := w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
		w.restart()
		second := w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
		if second.text != first.text || second.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("replayed %v: %s", second.header, second.text)
		}
		if second.header.Get("Original-Request") != first.header.Get("Request-Id") {
			t.Errorf("original request %q", second.header.Get("Original-Request"))
		}
		if n := w.productCount(); n != 1 {
			t.Errorf("%d products", n)
		}
	})
	t.Run("other parameters are refused", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
		w.expectRefusal(w.keyed("k", "/v1/products", "name", "Stick"), refused{
			kind:     "idempotency_error",
			contains: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than 'k' if you meant to execute a different request.",
		})
	})
	t.Run("another endpoint is refused", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
		w.expectRefusal(w.keyed("k", "/v1/customers", "name", "Tally"), refused{
			kind:     "idempotency_error",
			contains: "Keys for idempotent requests can only be used for the same endpoint they were first used for ('/v1/customers' vs '/v1/products').",
		})
	})
	t.Run("a validation failure leaves the key free", func(t *testing.T) {
		w := newWorld(t)
		w.expectRefusal(w.keyed("k", "/v1/products"), refused{code: "parameter_missing", param: "name"})
		w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
	})
	t.Run("a failure of the work itself is stored", func(t *testing.T) {
		w := newWorld(t)
		want := refused{code: "resource_missing", param: "product"}
		terms := []string{"product", "prod_later", "currency", "usd", "unit_amount", "1"}
		w.expectRefusal(w.keyed("k", "/v1/prices", terms...), want)
		w.expectOK(w.post("/v1/products", "id", "prod_later", "name", "Late"))
		r := w.keyed("k", "/v1/prices", terms...)
		w.expectRefusal(r, want)
		if r.header.Get("Idempotent-Replayed") != "true" {
			t.Error("not marked as a replay")
		}
	})
	t.Run("a failed request leaves no half of its work", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "1", "product_data[name]", "A", "lookup_key", "gold"))
		w.expectRefusal(w.post("/v1/prices", "currency", "usd", "unit_amount", "1", "product_data[name]", "B", "lookup_key", "gold"),
			refused{param: "lookup_key"})
		if n := w.productCount(); n != 1 {
			t.Errorf("%d products", n)
		}
	})
	t.Run("a key has no effect on a deletion", func(t *testing.T) {
		w := newWorld(t)
		path := "/v1/products/" + w.product("Tally").ID
		w.expectOK(w.send(http.MethodDelete, path, nil, "Idempotency-Key", "k"))
		w.expectRefusal(w.send(http.MethodDelete, path, nil, "Idempotency-Key", "k"), refused{status: 404, code: "resource_missing", param: "id"})
		w.expectOK(w.keyed("k", "/v1/products", "name", "Stick"))
	})
	t.Run("a key is forgotten after a day", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.keyed("k", "/v1/products", "name", "Tally"))
		w.advance(24 * time.Hour)
		w.expectOK(w.keyed("k", "/v1/products", "name", "Stick"))
	})
	t.Run("a key is at most 255 characters", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.keyed(strings.Repeat("k", 255), "/v1/products", "name", "Tally"))
		w.expectRefusal(w.keyed(strings.Repeat("k", 256), "/v1/products", "name", "Tally"), refused{contains: "255 characters"})
	})
}

func TestIdempotencyKeyInFlight(t *testing.T) {
	w := newWorld(t)
	w.fault("delay_after", map[string]any{"path": "/v1/products", "method": "POST", "count": 1, "delayMs": 3_600_000})

	// The first request does its work and then waits for an hour; it is under way as soon
	// as its product is there.
	gone, err := http.NewRequest(http.MethodPost, w.server.URL+"/v1/products", strings.NewReader("name=Tally"))
	if err != nil {
		t.Fatal(err)
	}
	gone.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	gone.Header.Set("Authorization", "Bearer "+testKey)
	gone.Header.Set("Idempotency-Key", "k")
	cancelled := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		res, err := w.http.Do(gone.WithContext(ctx))
		if err == nil {
			res.Body.Close()
		}
		cancelled <- err
	}()
	for w.productCount() == 0 {
		continue
	}
	w.expectRefusal(w.keyed("k", "/v1/products", "name", "Tally"), refused{status: 409, code: "idempotency_key_in_use"})

	// The client gives up; the work stands, and the key answers for it.
	cancel()
	if err := <-cancelled; err == nil {
		t.Error("the cancelled request got an answer")
	}
	r := w.keyed("k", "/v1/products", "name", "Tally")
	for r.status == http.StatusConflict { // until the sandbox has noticed that nobody waits
		r = w.keyed("k", "/v1/products", "name", "Tally")
	}
	w.expectOK(r)
	if r.header.Get("Idempotent-Replayed") != "true" || w.productCount() != 1 {
		t.Errorf("%d products, %v", w.productCount(), r.header)
	}
}

func TestConcurrentRequestsWithOneKeyWorkOnce(t *testing.T) {
	w := newWorld(t)
	results := make(chan reply)
	for range 8 {
		go func() {
			r, err := w.try(http.MethodPost, "/v1/products", form("name", "Tally"), "Idempotency-Key", "k")
			if err != nil {
				t.Error(err)
			}
			results <- r
		}()
	}
	for range 8 {
		if r := <-results; r.status != http.StatusOK && r.status != http.StatusConflict {
			t.Errorf("status %d: %s", r.status, r.text)
		}
	}
	if n := w.productCount(); n != 1 {
		t.Errorf("%d products", n)
	}
}
