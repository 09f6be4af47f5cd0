package stripesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestCreatePriceRefuses(t *testing.T) {
	w := newWorld(t)
	product := w.product("Tally")
	valid := map[string]string{"product": product.ID, "currency": "usd", "unit_amount": "1000", "recurring[interval]": "month"}
	for name, test := range map[string]struct {
		change map[string]string // an empty value drops the parameter
		want   refused
	}{
		"an unknown product":   {map[string]string{"product": "prod_nope"}, refused{code: "resource_missing", param: "product", contains: "No such product: 'prod_nope'"}},
		"no product":           {map[string]string{"product": ""}, refused{code: "parameter_missing", param: "product"}},
		"no amount":            {map[string]string{"unit_amount": ""}, refused{contains: "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."}},
		"a negative amount":    {map[string]string{"unit_amount": "-1"}, refused{code: "parameter_invalid_integer", param: "unit_amount"}},
		"too large an amount":  {map[string]string{"unit_amount": "100000000"}, refused{code: "amount_too_large", param: "unit_amount"}},
		"an amount in words":   {map[string]string{"unit_amount": "ten"}, refused{code: "parameter_invalid_integer", param: "unit_amount", contains: "Invalid integer: ten"}},
		"no currency":          {map[string]string{"currency": ""}, refused{code: "parameter_missing", param: "currency"}},
		"an unknown currency":  {map[string]string{"currency": "xyz"}, refused{param: "currency", contains: "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed"}},
		"an unknown interval":  {map[string]string{"recurring[interval]": "hour"}, refused{param: "recurring[interval]", contains: "must be one of day, month, week, or year"}},
		"more than 36 months":  {map[string]string{"recurring[interval_count]": "37"}, refused{param: "recurring[interval_count]", contains: "three years"}},
		"more than 156 weeks":  {map[string]string{"recurring[interval]": "week", "recurring[interval_count]": "157"}, refused{param: "recurring[interval_count]", contains: "three years"}},
		"more than 1095 days":  {map[string]string{"recurring[interval]": "day", "recurring[interval_count]": "1096"}, refused{param: "recurring[interval_count]", contains: "three years"}},
		"more than 3 years":    {map[string]string{"recurring[interval]": "year", "recurring[interval_count]": "4"}, refused{param: "recurring[interval_count]", contains: "three years"}},
		"a count of no months": {map[string]string{"recurring[interval_count]": "0"}, refused{code: "parameter_invalid_integer", param: "recurring[interval_count]"}},
	} {
		t.Run(name, func(t *testing.T) {
			values := form()
			for _, parameters := range []map[string]string{valid, test.change} {
				for name, value := range parameters {
					values.Set(name, value)
					if value == "" {
						values.Del(name)
					}
				}
			}
			w.expectRefusal(w.send(http.MethodPost, "/v1/prices", values), test.want)
		})
	}
}

func TestPriceIsImmutable(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000)
	w.expectRefusal(w.post("/v1/prices/"+price.ID, "unit_amount", "5"),
		refused{code: "parameter_unknown", param: "unit_amount", contains: "Received unknown parameter: unit_amount"})
	w.expectRefusal(w.send(http.MethodDelete, "/v1/prices/"+price.ID, nil),
		refused{status: 404, contains: "Unrecognized request URL (DELETE: /v1/prices/" + price.ID + ")."})
	changed := must(w.stripe.Prices.Update(price.ID, &stripe.PriceParams{Nickname: stripe.String("Gold"), Active: stripe.Bool(false)}))(t)
	if changed.Nickname != "Gold" || changed.Active || changed.UnitAmount != 1000 {
		t.Errorf("got %+v", changed)
	}
}

func TestPriceWithProductData(t *testing.T) {
	w := newWorld(t)
	r := w.expectOK(w.post("/v1/prices", "currency", "usd", "unit_amount", "0", "product_data[name]", "Free", "expand[]", "product"))
	if name := r.body["product"].(map[string]any)["name"]; name != "Free" || r.body["type"] != "one_time" {
		t.Errorf("got %v", r.body)
	}
}

func TestLookupKeys(t *testing.T) {
	w := newWorld(t)
	first, second := w.monthly(1000), w.monthly(2000)
	w.expectOK(w.post("/v1/prices/"+first.ID, "lookup_key", "gold", "active", "false"))

	t.Run("are unique over archived prices too", func(t *testing.T) {
		w.expectRefusal(w.post("/v1/prices/"+second.ID, "lookup_key", "gold"),
			refused{param: "lookup_key", contains: "A price (`" + first.ID + "`) already uses that lookup key."})
	})
	t.Run("move when asked to", func(t *testing.T) {
		w.expectOK(w.post("/v1/prices/"+second.ID, "lookup_key", "gold", "transfer_lookup_key", "true"))
		if key := must(w.stripe.Prices.Get(first.ID, nil))(t).LookupKey; key != "" {
			t.Errorf("the first price still has %q", key)
		}
		if got := w.eventTypes(first.ID); !slices.Equal(got, []string{"plan.created", "price.created", "plan.updated", "price.updated", "price.updated"}) {
			t.Errorf("events %v", got)
		}
	})
	t.Run("find their price", func(t *testing.T) {
		r := w.expectOK(w.get("/v1/prices?lookup_keys[]=gold&expand[]=data.product"))
		data := r.body["data"].([]any)
		if len(data) != 1 || data[0].(map[string]any)["id"] != second.ID {
			t.Fatalf("found %v", data)
		}
		if object := data[0].(map[string]any)["product"].(map[string]any)["object"]; object != "product" {
			t.Errorf("product not expanded: %v", data[0])
		}
	})
}

func TestUnknownURL(t *testing.T) {
	w := newWorld(t)
	w.expectRefusal(w.get("/v1/nope"), refused{status: 404, contains: "Unrecognized request URL (GET: /v1/nope). Please see"})
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct{ header, contains string }{
		"no key":    {"", "You did not provide an API key."},
		"wrong key": {"Bearer sk_live_51abcdefgh", "Invalid API Key provided: sk_live_******efgh"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.send(http.MethodGet, "/v1/products", nil, "Authorization", test.header)
			w.expectRefusal(r, refused{status: 401, contains: test.contains})
			if r.header.Get("Request-Id") != "" || strings.Contains(r.text, "request_log_url") {
				t.Errorf("a 401 names its request: %v %s", r.header, r.text)
			}
		})
	}
	t.Run("one key only when one is configured", func(t *testing.T) {
		w.options.SecretKey = "sk_test_theone"
		w.restart()
		if r := w.get("/v1/products"); r.status != 401 {
			t.Errorf("status %d", r.status)
		}
		w.expectOK(w.send(http.MethodGet, "/v1/products", nil, "Authorization", "Bearer sk_test_theone"))
	})
}

func TestAnswersCarryStripesHeaders(t *testing.T) {
	w := newWorld(t)
	r := w.send(http.MethodPost, "/v1/products", form("name", "Tally"), "Idempotency-Key", "abc")
	if !strings.HasPrefix(r.header.Get("Request-Id"), "req_") || r.header.Get("Stripe-Version") != "2023-10-16" || r.header.Get("Idempotency-Key") != "abc" {
		t.Errorf("got %v", r.header)
	}
}
