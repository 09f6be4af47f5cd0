package stripesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestProducts(t *testing.T) {
	t.Run("a new product is active and complete", func(t *testing.T) {
		w := newWorld(t)
		made := must(w.stripe.Products.New(&stripe.ProductParams{
			Name: stripe.String("Tally"), Description: stripe.String("Half a stick"), Metadata: map[string]string{"half": "left"},
		}))(t)
		read := must(w.stripe.Products.Get(made.ID, nil))(t)
		if !read.Active || read.Description != "Half a stick" || read.Metadata["half"] != "left" || read.DefaultPrice != nil {
			t.Errorf("got %+v", read)
		}
	})
	t.Run("default_price_data makes the price along with the product", func(t *testing.T) {
		w := newWorld(t)
		r := w.expectOK(w.post("/v1/products", "name", "Tally", "default_price_data[currency]", "EUR",
			"default_price_data[unit_amount]", "1500", "default_price_data[recurring][interval]", "year", "expand[]", "default_price"))
		price := r.body["default_price"].(map[string]any)
		if price["currency"] != "eur" || price["unit_amount"] != 1500.0 || price["product"] != r.body["id"] {
			t.Errorf("got %v", price)
		}
	})
	t.Run("metadata may look like an object", func(t *testing.T) {
		w := newWorld(t)
		r := w.expectOK(w.post("/v1/products", "name", "Tally", "metadata[object]", "subscription_item", "metadata[price]", w.monthly(1).ID))
		if got := object(r.body, "metadata"); len(got) != 2 || got["object"] != "subscription_item" {
			t.Errorf("metadata became %v", got)
		}
	})
	t.Run("an id of one's own is taken once", func(t *testing.T) {
		w := newWorld(t)
		w.expectOK(w.post("/v1/products", "id", "gold", "name", "Gold"))
		again := refused{code: "resource_already_exists", param: "id"}
		w.expectRefusal(w.post("/v1/products", "id", "gold", "name", "Gold"), again)
		again.param = "product_data[id]"
		w.expectRefusal(w.post("/v1/prices", "currency", "usd", "unit_amount", "1", "product_data[id]", "gold", "product_data[name]", "Gold"), again)
	})
	t.Run("metadata merges and an empty value removes a key", func(t *testing.T) {
		w := newWorld(t)
		p := w.expectOK(w.post("/v1/products", "name", "Tally", "metadata[a]", "1", "metadata[b]", "2"))
		path := "/v1/products/" + p.body["id"].(string)
		r := w.expectOK(w.post(path, "metadata[a]", "", "metadata[c]", "3"))
		if got := r.body["metadata"].(map[string]any); len(got) != 2 || got["b"] != "2" || got["c"] != "3" {
			t.Errorf("merged to %v", got)
		}
		r = w.expectOK(w.post(path, "metadata", ""))
		if got := r.body["metadata"].(map[string]any); len(got) != 0 {
			t.Errorf("cleared to %v", got)
		}
	})
	t.Run("an update that changes something leaves an event with the old values", func(t *testing.T) {
		w := newWorld(t)
		p := w.product("Tally")
		w.expectOK(w.post("/v1/products/"+p.ID, "name", "Stick"))
		if got := w.eventTypes(p.ID); !slices.Equal(got, []string{"product.created", "product.updated"}) {
			t.Errorf("events %v", got)
		}
		latest := w.get("/v1/events?limit=1").body["data"].([]any)[0].(map[string]any)
		if got := latest["data"].(map[string]any)["previous_attributes"].(map[string]any)["name"]; got != "Tally" {
			t.Errorf("previous name %v", got)
		}
	})
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	p := w.product("Tally")
	w.advance(time.Hour)
	w.expectOK(w.post("/v1/products/"+p.ID, "name", "Tally")) // changes nothing
	w.expectOK(w.post("/v1/products/"+p.ID, "active", "false"))
	w.monthly(1000)
	for query, want := range map[string]int{"type=product.*": 3, "type=product.updated": 1, "types[]=price.created&types[]=product.updated": 2, "type=invoice.*": 0} {
		if got := len(w.expectOK(w.get("/v1/events?" + query)).body["data"].([]any)); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}
	latest := w.get("/v1/events?limit=1").body["data"].([]any)[0].(map[string]any)
	read := must(w.stripe.Events.Get(latest["id"].(string), nil))(t)
	if read.Type != "price.created" || read.Request.ID == "" || read.Request.IdempotencyKey == "" || read.APIVersion != "2023-10-16" {
		t.Errorf("got %+v", read)
	}
	w.expectRefusal(w.get("/v1/events/evt_nope"), refused{status: 404, code: "resource_missing", param: "id"})
}

func TestProductDefaultPrice(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000)
	path := "/v1/products/" + price.Product.ID
	w.expectOK(w.post(path, "default_price", price.ID))

	t.Run("cannot be archived", func(t *testing.T) {
		w.expectRefusal(w.post("/v1/prices/"+price.ID, "active", "false"),
			refused{contains: "This price cannot be archived because it is the default price of its product."})
	})
	t.Run("cannot be another product's price", func(t *testing.T) {
		w.expectRefusal(w.post(path, "default_price", w.monthly(5).ID), refused{param: "default_price"})
	})
	t.Run("cannot be an archived price", func(t *testing.T) {
		other := must(w.stripe.Prices.New(&stripe.PriceParams{
			Product: &price.Product.ID, Currency: stripe.String("usd"), UnitAmount: stripe.Int64(5), Active: stripe.Bool(false),
		}))(t)
		w.expectRefusal(w.post(path, "default_price", other.ID), refused{param: "default_price"})
	})
	t.Run("cannot be unknown", func(t *testing.T) {
		w.expectRefusal(w.post(path, "default_price", "price_nope"),
			refused{code: "resource_missing", param: "default_price", contains: "No such price: 'price_nope'"})
	})
	t.Run("is unset by an empty value", func(t *testing.T) {
		if r := w.expectOK(w.post(path, "default_price", "")); r.body["default_price"] != nil {
			t.Errorf("still %v", r.body["default_price"])
		}
		w.expectOK(w.post("/v1/prices/"+price.ID, "active", "false"))
	})
}

func TestDeleteProduct(t *testing.T) {
	w := newWorld(t)
	t.Run("is refused while it has a price", func(t *testing.T) {
		price := w.monthly(1000)
		w.expectRefusal(w.send(http.MethodDelete, "/v1/products/"+price.Product.ID, nil),
			refused{contains: "This product cannot be deleted because it has one or more user-created prices."})
	})
	t.Run("leaves nothing to get", func(t *testing.T) {
		p := w.product("Short-lived")
		r := w.expectOK(w.send(http.MethodDelete, "/v1/products/"+p.ID, nil))
		if r.body["deleted"] != true {
			t.Errorf("got %v", r.body)
		}
		w.expectRefusal(w.get("/v1/products/"+p.ID),
			refused{status: 404, code: "resource_missing", param: "id", contains: "No such product: '" + p.ID + "'"})
	})
}

func TestParametersAreChecked(t *testing.T) {
	w := newWorld(t)
	product := w.product("Tally")
	long := strings.Repeat("x", 5001)
	manyKeys := []string{"name", "Tally"}
	for i := range 51 {
		manyKeys = append(manyKeys, "metadata[key"+strings.Repeat("x", i%20)+string(rune('a'+i%26))+"]", "1")
	}
	for name, test := range map[string]struct {
		path  string
		pairs []string
		want  refused
	}{
		"unknown":        {"/v1/products", []string{"name", "a", "colour", "red"}, refused{code: "parameter_unknown", param: "colour", contains: "Received unknown parameter: colour"}},
		"unknown nested": {"/v1/prices", []string{"product", product.ID, "unit_amount", "1", "currency", "usd", "recurring[interval]", "day", "recurring[foo]", "1"}, refused{code: "parameter_unknown", param: "recurring[foo]", contains: "Received unknown parameter: recurring[foo]"}},
		"missing":        {"/v1/products", nil, refused{code: "parameter_missing", param: "name", contains: "Missing required param: name."}},
		"empty":          {"/v1/products", []string{"name", ""}, refused{code: "parameter_invalid_empty", param: "name", contains: "You passed an empty string for 'name'."}},
		"boolean":        {"/v1/products", []string{"name", "a", "active", "maybe"}, refused{param: "active", contains: "Invalid boolean: maybe"}},
		"too long":       {"/v1/products", []string{"name", long}, refused{param: "name", contains: "must be at most 5000 characters"}},
		"metadata keys":  {"/v1/products", manyKeys, refused{param: "metadata", contains: "up to 50 keys"}},
		"metadata key":   {"/v1/products", []string{"name", "a", "metadata[" + long[:41] + "]", "1"}, refused{param: "metadata", contains: "up to 40 characters"}},
		"metadata value": {"/v1/products", []string{"name", "a", "metadata[a]", long[:501]}, refused{param: "metadata", contains: "up to 500 characters"}},
		"unmodelled":     {"/v1/products", []string{"name", "a", "features[0][name]", "fast"}, refused{param: "features", contains: "does not model"}},
		"email":          {"/v1/customers", []string{"email", "nobody"}, refused{code: "email_invalid", param: "email", contains: "Invalid email address: nobody"}},
		"expand":         {"/v1/products", []string{"name", "a", "expand[]", "nothing"}, refused{param: "expand", contains: "This property cannot be expanded (nothing)."}},
		"expand depth":   {"/v1/products", []string{"name", "a", "expand[]", "a.b.c.d.e"}, refused{param: "expand", contains: "more than 4 levels"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.expectRefusal(w.post(test.path, test.pairs...), test.want)
		})
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	var ids []string // newest first
	for _, name := range []string{"one", "two", "three", "four", "five"} {
		ids = append([]string{w.product(name).ID}, ids...)
	}
	page := func(query string) (found []string, more bool) {
		t.Helper()
		r := w.expectOK(w.get("/v1/products?" + query))
		for _, element := range r.body["data"].([]any) {
			found = append(found, element.(map[string]any)["id"].(string))
		}
		return found, r.body["has_more"].(bool)
	}
	for query, want := range map[string]struct {
		ids  []string
		more bool
	}{
		"":                                     {ids, false},
		"limit=2":                              {ids[:2], true},
		"starting_after=" + ids[1]:             {ids[2:], false},
		"limit=2&ending_before=" + ids[4]:      {ids[2:4], true},
		"limit=1&starting_after=" + ids[3]:     {ids[4:], false},
		"ids[]=" + ids[4] + "&ids[]=" + ids[0]: {[]string{ids[0], ids[4]}, false},
		"active=false":                         {nil, false},
		"limit=101":                            {ids, false},
		"limit=0":                              {ids[:1], true},
		"created[gt]=1":                        {ids, false},
		"created[lt]=1":                        {nil, false},
	} {
		if found, more := page(query); !slices.Equal(found, want.ids) || more != want.more {
			t.Errorf("%q: got %v, %v; want %v, %v", query, found, more, want.ids, want.more)
		}
	}
	w.expectRefusal(w.get("/v1/products?starting_after=prod_nope"),
		refused{code: "resource_missing", param: "starting_after", contains: "No such product: 'prod_nope'"})
}

// TestExpandOfAnEmptyList asks for what the elements of a list hold, when there are none.
func TestExpandOfAnEmptyList(t *testing.T) {
	w := newWorld(t)
	w.expectOK(w.get("/v1/subscriptions?expand[]=data.latest_invoice"))
	w.expectOK(w.get("/v1/prices?expand[]=data.tiers"))
}
