package stripesim_test

import (
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func (w *world) customer(email string) *stripe.Customer {
	w.t.Helper()
	return must(w.stripe.Customers.New(&stripe.CustomerParams{Email: &email}))(w.t)
}

func TestCustomers(t *testing.T) {
	t.Run("carry what they were given", func(t *testing.T) {
		w := newWorld(t)
		r := w.expectOK(w.post("/v1/customers", "email", "ada@example.com", "name", "Ada", "phone", "+44", "description", "First",
			"address[city]", "London", "shipping[name]", "Ada", "shipping[address][country]", "GB", "preferred_locales[]", "en"))
		if r.body["address"].(map[string]any)["city"] != "London" || r.body["tax_exempt"] != "none" || r.body["name"] != "Ada" {
			t.Errorf("got %v", r.body)
		}
		path := "/v1/customers/" + r.body["id"].(string)
		r = w.expectOK(w.post(path, "email", "", "name", "", "address", "", "shipping", ""))
		for _, field := range []string{"email", "name", "address", "shipping"} {
			if r.body[field] != nil {
				t.Errorf("%s is still %v", field, r.body[field])
			}
		}
	})
	t.Run("share an email and are found by its exact spelling", func(t *testing.T) {
		w := newWorld(t)
		w.customer("ada@example.com")
		w.customer("ada@example.com")
		w.customer("Ada@example.com")
		for email, want := range map[string]int{"ada@example.com": 2, "Ada@example.com": 1, "ADA@example.com": 0} {
			if got := len(w.expectOK(w.get("/v1/customers?email=" + email)).body["data"].([]any)); got != want {
				t.Errorf("%s: %d customers, want %d", email, got, want)
			}
		}
	})
	t.Run("leave a stub when deleted", func(t *testing.T) {
		w := newWorld(t)
		c := w.customer("ada@example.com")
		path := "/v1/customers/" + c.ID
		w.expectOK(w.send(http.MethodDelete, path, nil))
		stub := w.expectOK(w.get(path)).body
		if len(stub) != 3 || stub["id"] != c.ID || stub["object"] != "customer" || stub["deleted"] != true {
			t.Errorf("got %v", stub)
		}
		if left := w.get("/v1/customers").body["data"].([]any); len(left) != 0 {
			t.Errorf("still listed: %v", left)
		}
		missing := refused{status: 404, code: "resource_missing", param: "id", contains: "No such customer: '" + c.ID + "'"}
		w.expectRefusal(w.post(path, "name", "Ada"), missing)
		w.expectRefusal(w.send(http.MethodDelete, path, nil), missing)
	})
}

func TestRestartKeepsTheState(t *testing.T) {
	w := newWorld(t)
	c := w.customer("ada@example.com")
	price := w.monthly(1000)
	w.restart()
	if got := must(w.stripe.Customers.Get(c.ID, nil))(t); got.Email != "ada@example.com" {
		t.Errorf("got %+v", got)
	}
	if got := must(w.stripe.Prices.Get(price.ID, nil))(t); got.UnitAmount != 1000 {
		t.Errorf("got %+v", got)
	}
}
