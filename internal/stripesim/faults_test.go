package stripesim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		want          refused // of the struck request; status 0: no answer at all
		worked        bool    // the struck request did its work
		repeat        int     // the status of a repeat with the same key
		productsAfter int
	}{
		"refuse":             {want: refused{status: 400, kind: "invalid_request_error"}, repeat: 200, productsAfter: 1},
		"card_declined":      {want: refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline"}, repeat: 402},
		"rate_limit":         {want: refused{status: 429, kind: "invalid_request_error", code: "rate_limit"}, repeat: 200, productsAfter: 1},
		"lock_timeout":       {want: refused{status: 429, kind: "invalid_request_error", code: "lock_timeout"}, repeat: 200, productsAfter: 1},
		"server_error":       {want: refused{status: 500, kind: "api_error"}, repeat: 200, productsAfter: 1},
		"stored_error":       {want: refused{status: 500, kind: "api_error"}, repeat: 500},
		"stored_error_after": {want: refused{status: 500, kind: "api_error"}, worked: true, repeat: 500, productsAfter: 1},
		"unauthorized":       {want: refused{status: 401, kind: "invalid_request_error", contains: "Invalid API Key provided: sk_test_"}, repeat: 200, productsAfter: 1},
		"forbidden":          {want: refused{status: 403, kind: "invalid_request_error", contains: "does not have the required permissions"}, repeat: 200, productsAfter: 1},
		"drop_before":        {repeat: 200, productsAfter: 1},
		"drop_after":         {worked: true, repeat: 200, productsAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.productCount() // so that the struck request meets a connection that was used before
			w.fault(name, map[string]any{"method": "POST", "path": "/v1/products", "count": 1})
			r, err := w.try(http.MethodPost, "/v1/products", form("name", "Tally"), "Idempotency-Key", "k")
			if test.want.status == 0 {
				if err == nil {
					t.Fatalf("got an answer: %d", r.status)
				}
			} else {
				w.expectRefusal(r, test.want)
			}
			if worked := w.productCount() == 1; worked != test.worked {
				t.Errorf("did its work: %v", worked)
			}
			repeat := w.keyed("k", "/v1/products", "name", "Tally")
			replayed := test.worked || test.repeat != 200
			if repeat.status != test.repeat || (repeat.header.Get("Idempotent-Replayed") == "true") != replayed {
				t.Errorf("repeat: %d, replayed %q", repeat.status, repeat.header.Get("Idempotent-Replayed"))
			}
			if n := w.productCount(); n != test.productsAfter {
				t.Errorf("%d products in the end", n)
			}
		})
	}
}

func TestGarbageFault(t *testing.T) {
	w := newWorld(t)
	w.fault("garbage", nil)
	if r := w.get("/v1/products"); r.status != 502 || !strings.HasPrefix(r.text, "<html>") {
		t.Errorf("got %d %s", r.status, r.text)
	}
}

func TestDelayEndsWhenTheClientGoesAndTheWorkIsDoneAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.fault("delay", map[string]any{"method": "POST", "delayMs": 3_600_000, "count": 1})
	w.http.Timeout = 50 * time.Millisecond
	if _, err := w.try(http.MethodPost, "/v1/products", form("name", "Tally")); err == nil {
		t.Fatal("got an answer")
	}
	w.http.Timeout = 0
	for w.productCount() == 0 {
		continue
	}
}

func TestFaultsSayWhatTheyAreToldTo(t *testing.T) {
	w := newWorld(t)
	w.fault("rate_limit", map[string]any{"retryAfter": 7})
	if r := w.get("/v1/products"); r.status != 429 || r.header.Get("Retry-After") != "7" {
		t.Errorf("got %d, %v", r.status, r.header)
	}
	w.clear("faults")
	w.fault("server_error", map[string]any{"status": 503})
	if r := w.get("/v1/products"); r.status != 503 {
		t.Errorf("got %d", r.status)
	}
	w.clear("faults")
	w.fault("refuse", map[string]any{"code": "resource_missing", "message": "No such thing", "status": 404})
	w.expectRefusal(w.get("/v1/products"), refused{status: 404, code: "resource_missing", contains: "No such thing"})
	w.clear("faults")
	w.fault("card_declined", map[string]any{"declineCode": "lost_card"})
	w.expectRefusal(w.post("/v1/products", "name", "Tally"), refused{status: 402, kind: "card_error", code: "card_declined", decline: "lost_card"})
}

func (w *world) clear(what string) {
	w.t.Helper()
	if r := w.send(http.MethodDelete, "/_sim/"+what, nil); r.status != http.StatusNoContent {
		w.t.Fatalf("clear %s: %d", what, r.status)
	}
}

func TestFaultsStrikeWhatTheyMatch(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000)
	w.fault("refuse", map[string]any{"method": "POST", "path": "/v1/prices/*", "params": map[string]string{"active": "false"}, "skip": 1, "count": 2})
	path := "/v1/prices/" + price.ID
	for i, step := range []struct {
		method string
		form   url.Values
		status int
	}{
		{http.MethodGet, nil, 200},
		{http.MethodPost, form("active", "true"), 200},
		{http.MethodPost, form("active", "false"), 200}, // skipped
		{http.MethodPost, form("active", "false"), 400},
		{http.MethodPost, form("nickname", "Gold"), 200},
		{http.MethodPost, form("active", "false"), 400},
		{http.MethodPost, form("active", "false"), 200}, // used up
	} {
		if r := w.send(step.method, path, step.form); r.status != step.status {
			t.Errorf("step %d: status %d, want %d", i, r.status, step.status)
		}
	}
	listed := w.get("/_sim/faults").body["faults"].([]any)
	if struck := listed[0].(map[string]any)["struck"]; struck != 2.0 {
		t.Errorf("struck %v times", struck)
	}
	w.clear("faults")
	if listed := w.get("/_sim/faults").body["faults"].([]any); len(listed) != 0 {
		t.Errorf("still %v", listed)
	}
	for _, bad := range []map[string]any{{"kind": "flood"}, {"kind": "refuse", "path": "["}, {"kind": "refuse", "when": "now"}} {
		if r := w.control("faults", bad); r.status != 400 || r.body["error"] == nil {
			t.Errorf("%v was accepted: %v", bad, r.body)
		}
	}
}

func TestRequestLog(t *testing.T) {
	w := newWorld(t)
	w.fault("stored_error", map[string]any{"method": "POST", "count": 1})
	w.keyed("k", "/v1/products", "name", "Tally")
	w.keyed("k", "/v1/products", "name", "Tally")
	requests := w.get("/_sim/requests").body["requests"].([]any)
	if len(requests) != 2 {
		t.Fatalf("logged %v", requests)
	}
	first, second := requests[0].(map[string]any), requests[1].(map[string]any)
	if first["fault"] != "stored_error" || first["status"] != 500.0 || first["replayed"] != false {
		t.Errorf("first %v", first)
	}
	if second["idempotencyKey"] != "k" || second["replayed"] != true || second["path"] != "/v1/products" {
		t.Errorf("second %v", second)
	}
	w.clear("requests")
	if requests := w.get("/_sim/requests").body["requests"].([]any); len(requests) != 0 {
		t.Errorf("still %v", requests)
	}
	w.product("Tally")
	if counts := w.get("/_sim/").body["objects"].(map[string]any); counts["product"] != 1.0 {
		t.Errorf("overview %v", counts)
	}
}

func TestRequestLogHidesSecrets(t *testing.T) {
	w := newWorld(t)
	w.get("/v1/payment_intents/pi_nope?client_secret=pi_nope_secret_x")
	if log := w.get("/_sim/requests").text; strings.Contains(log, "pi_nope_secret_x") || !strings.Contains(log, "[hidden]") {
		t.Errorf("logged %s", log)
	}
}

func TestFaultsStrikeWhoTheyName(t *testing.T) {
	w := newWorld(t)
	w.fault("refuse", map[string]any{"key": "sk_test_another"})
	w.fault("server_error", map[string]any{"userAgent": "Stripe/v1 NodeBindings"})
	w.expectOK(w.get("/v1/products"))
	w.expectRefusal(w.send(http.MethodGet, "/v1/products", nil, "Authorization", "Bearer sk_test_another"), refused{})
	if r := w.send(http.MethodGet, "/v1/products", nil, "User-Agent", "Stripe/v1 NodeBindings/14.0.0"); r.status != http.StatusInternalServerError {
		t.Errorf("status %d", r.status)
	}
}

func TestRatesOfTestMode(t *testing.T) {
	w := newWorld(t)
	burst := func() (reads, writes int) {
		for range 30 {
			if w.get("/v1/products").status == http.StatusOK {
				reads++
			}
			if w.post("/v1/products", "name", "Tally").status == http.StatusOK {
				writes++
			}
		}
		return reads, writes
	}
	if reads, writes := burst(); reads != 30 || writes != 30 {
		t.Fatalf("off: %d reads, %d writes", reads, writes)
	}
	w.control("settings", map[string]any{"rateLimits": true})
	if reads, writes := burst(); reads != 25 || writes != 25 {
		t.Errorf("on: %d reads, %d writes", reads, writes)
	}
	w.expectRefusal(w.get("/v1/products"), refused{status: 429, code: "rate_limit"})
	w.expectOK(w.send(http.MethodGet, "/v1/products", nil, "Authorization", "Bearer sk_test_another"))
	w.restart()
	w.advance(time.Second)
	if reads, _ := burst(); reads != 25 {
		t.Errorf("after a restart: %d reads", reads)
	}
	w.control("settings", map[string]any{"rateLimits": false})
}

func TestInspectionPage(t *testing.T) {
	w := newWorld(t)
	c := w.customer("ada@example.com")
	text, header := w.visit(w.server.URL + "/_sim/inspect")
	for _, shown := range []string{c.ID, "POST /v1/customers", "customer.created", "ada@example.com"} {
		if !strings.Contains(text, shown) {
			t.Errorf("%q is not on the page: %s", shown, text)
		}
	}
	if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	const renews = `http-equiv="refresh"`
	if still, _ := w.visit(w.server.URL + "/_sim/inspect?still=1"); !strings.Contains(text, renews) || strings.Contains(still, renews) {
		t.Error("the page renews itself, unless it is held still")
	}
	if text, _ := w.visit(w.server.URL + "/_sim/inspect?object=" + c.ID); !strings.Contains(text, "invoice_prefix") {
		t.Error(text)
	}
}
