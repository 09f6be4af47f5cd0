package stripesim_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// payingCustomer has a card attached, of the given token, and pays with it by default.
func (w *world) payingCustomer(token string) *stripe.Customer {
	w.t.Helper()
	return must(w.stripe.Customers.New(&stripe.CustomerParams{
		Email: stripe.String("ada@example.com"), PaymentMethod: &token,
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &token},
	}))(w.t)
}

func TestAttachPaymentMethod(t *testing.T) {
	w := newWorld(t)
	c := w.customer("ada@example.com")
	for token, decline := range map[string]struct{ code, reason string }{
		"pm_card_chargeDeclined":                  {"card_declined", "generic_decline"},
		"pm_card_chargeDeclinedInsufficientFunds": {"card_declined", "insufficient_funds"},
		"pm_card_chargeDeclinedExpiredCard":       {"expired_card", "expired_card"},
		"pm_card_chargeDeclinedIncorrectCvc":      {"incorrect_cvc", "incorrect_cvc"},
	} {
		t.Run(token+" declines", func(t *testing.T) {
			w.expectRefusal(w.post("/v1/payment_methods/"+token+"/attach", "customer", c.ID),
				refused{status: 402, kind: "card_error", code: decline.code, decline: decline.reason})
		})
	}
	for _, token := range []string{"pm_card_visa", "pm_card_mastercard", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"} {
		t.Run(token+" attaches as a new payment method", func(t *testing.T) {
			method := must(w.stripe.PaymentMethods.Attach(token, &stripe.PaymentMethodAttachParams{Customer: &c.ID}))(t)
			if method.ID == token || method.Customer.ID != c.ID {
				t.Errorf("got %s of %v", method.ID, method.Customer)
			}
			if read := must(w.stripe.PaymentMethods.Get(method.ID, nil))(t); read.Card.Last4 != method.Card.Last4 {
				t.Errorf("read %+v", read.Card)
			}
		})
	}
	for _, path := range []string{"/v1/payment_methods?type=card&customer=" + c.ID, "/v1/customers/" + c.ID + "/payment_methods"} {
		if held := w.expectOK(w.get(path)).body["data"].([]any); len(held) != 4 {
			t.Errorf("%s lists %d", path, len(held))
		}
	}
	w.expectRefusal(w.post("/v1/payment_methods/pm_nope/attach", "customer", c.ID),
		refused{status: 404, code: "resource_missing", param: "payment_method", contains: "No such PaymentMethod: 'pm_nope'"})
	w.expectOK(w.get("/v1/payment_methods/pm_card_visa"))
}

func TestDetachPaymentMethod(t *testing.T) {
	w := newWorld(t)
	c := w.payingCustomer("pm_card_visa")
	id := c.InvoiceSettings.DefaultPaymentMethod.ID
	detached := must(w.stripe.PaymentMethods.Detach(id, nil))(t)
	if detached.Customer != nil {
		t.Errorf("still of %v", detached.Customer)
	}
	if left := must(w.stripe.Customers.Get(c.ID, nil))(t).InvoiceSettings.DefaultPaymentMethod; left != nil {
		t.Errorf("still the default: %v", left)
	}
	w.expectRefusal(w.post("/v1/payment_methods/"+id+"/attach", "customer", c.ID), refused{contains: "may not be used again"})
	w.expectRefusal(w.post("/v1/payment_methods/"+id+"/detach"), refused{contains: "is not attached to a customer"})
}

func TestDefaultPaymentMethodHasToBeAttached(t *testing.T) {
	w := newWorld(t)
	c, other := w.customer("ada@example.com"), w.payingCustomer("pm_card_visa")
	path, param := "/v1/customers/"+c.ID, "invoice_settings[default_payment_method]"
	for _, id := range []string{"pm_card_visa", other.InvoiceSettings.DefaultPaymentMethod.ID} {
		w.expectRefusal(w.post(path, param, id), refused{code: "resource_missing", param: param, contains: "must be attached to the customer"})
	}
	w.expectRefusal(w.post(path, param, "pm_nope"), refused{code: "resource_missing", param: param, contains: "No such PaymentMethod: 'pm_nope'"})
	r := w.expectOK(w.get("/v1/customers/" + other.ID + "?expand[]=invoice_settings.default_payment_method"))
	if method := r.body["invoice_settings"].(map[string]any)["default_payment_method"].(map[string]any); method["object"] != "payment_method" {
		t.Errorf("not expanded: %v", method)
	}
	if r := w.expectOK(w.post("/v1/customers/"+other.ID, param, "")); r.body["invoice_settings"].(map[string]any)["default_payment_method"] != nil {
		t.Error("not unset")
	}
}
