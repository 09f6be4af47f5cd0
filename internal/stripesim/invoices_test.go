package stripesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// draft is the draft invoice of a subscription that is paid by sending invoices.
func (w *world) draft() string {
	w.t.Helper()
	sub := w.expectOK(w.subscribe(w.payingCustomer("pm_card_visa"), w.monthly(1000), "collection_method", "send_invoice", "days_until_due", "7")).body
	return object(sub, "latest_invoice")["id"].(string)
}

func TestInvoiceLife(t *testing.T) {
	w := newWorld(t)
	id := w.draft()
	url := "/v1/invoices/" + id
	open := must(w.stripe.Invoices.FinalizeInvoice(id, nil))(t)
	if open.Status != stripe.InvoiceStatusOpen || !strings.HasSuffix(open.Number, "-0001") || open.HostedInvoiceURL == "" || open.PaymentIntent == nil {
		t.Errorf("finalized to %+v", open)
	}
	w.expectOK(w.post(url + "/send"))
	w.expectOK(w.post(url + "/mark_uncollectible"))
	paid := must(w.stripe.Invoices.Pay(id, &stripe.InvoicePayParams{PaymentMethod: stripe.String("pm_card_mastercard")}))(t)
	if paid.Status != stripe.InvoiceStatusPaid || paid.AmountPaid != 1000 || paid.StatusTransitions.PaidAt == 0 {
		t.Errorf("paid to %+v", paid)
	}
	want := []string{"invoice.created", "invoice.finalized", "invoice.sent", "invoice.marked_uncollectible", "invoice.paid", "invoice.payment_succeeded"}
	if got := w.eventTypes(id); !slices.Equal(got, want) {
		t.Errorf("events %v", got)
	}
}

func TestInvoiceRefusesByStatus(t *testing.T) {
	w := newWorld(t)
	inStatus := func(status string) string {
		t.Helper()
		id := w.draft()
		for _, step := range map[string][]string{
			"draft": {}, "open": {"finalize"}, "paid": {"finalize", "pay"}, "void": {"finalize", "void"},
			"uncollectible": {"finalize", "mark_uncollectible"},
		}[status] {
			w.expectOK(w.post("/v1/invoices/" + id + "/" + step))
		}
		return "/v1/invoices/" + id
	}
	for _, test := range []struct{ status, action, message string }{
		{"open", "finalize", "This invoice is already finalized, you can't re-finalize a non-draft invoice."},
		{"paid", "finalize", "This invoice is already finalized"},
		{"paid", "pay", "Invoice is already paid"},
		{"void", "pay", "this one is void"},
		{"draft", "void", "this one is draft"},
		{"paid", "void", "this one is paid"},
		{"draft", "mark_uncollectible", "this one is draft"},
		{"void", "send", "this one is void"},
		{"open", "", "You can only delete draft invoices."},
	} {
		t.Run(test.action+" "+test.status, func(t *testing.T) {
			url, method := inStatus(test.status), http.MethodPost
			if test.action == "" {
				method = http.MethodDelete
			} else {
				url += "/" + test.action
			}
			w.expectRefusal(w.send(method, url, nil), refused{contains: test.message})
		})
	}
	t.Run("a draft is deleted", func(t *testing.T) {
		url := inStatus("draft")
		w.expectOK(w.send(http.MethodDelete, url, nil))
		w.expectRefusal(w.get(url), refused{status: 404, code: "resource_missing", param: "invoice"})
	})
	t.Run("an uncollectible one is voided", func(t *testing.T) {
		expectFields(t, w.expectOK(w.post(inStatus("uncollectible")+"/void")).body, map[string]any{"status": "void", "paid": false})
	})
	t.Run("an unknown one is not found", func(t *testing.T) {
		for action, param := range map[string]string{"": "invoice", "/pay": "id", "/void": "id", "/finalize": "id", "/send": "invoice"} {
			method := http.MethodPost
			if action == "" {
				method = http.MethodGet
			}
			w.expectRefusal(w.send(method, "/v1/invoices/in_nope"+action, nil), refused{status: 404, code: "resource_missing", param: param, contains: "No such invoice: 'in_nope'"})
		}
	})
}

func TestDeclinedInvoicePaymentIsStored(t *testing.T) {
	w := newWorld(t)
	sub := w.put(w.active(), "past_due", "")
	url := "/v1/invoices/" + object(sub, "latest_invoice")["id"].(string)
	for range 2 {
		r := w.keyed("k", url+"/pay", "payment_method", "pm_card_chargeDeclined")
		w.expectRefusal(r, refused{status: 402, kind: "card_error", code: "card_declined", decline: "generic_decline"})
	}
	expectFields(t, w.get(url).body, map[string]any{"status": "open", "attempt_count": 1.0}) // what people try does not count
	if failed := w.get("/v1/events?type=charge.failed").body["data"].([]any); len(failed) != 2 {
		t.Errorf("%d charges failed, want the renewal's own and one of the two", len(failed))
	}
	expectFields(t, w.expectOK(w.post(url+"/pay", "paid_out_of_band", "true")).body, map[string]any{"status": "paid", "paid_out_of_band": true})
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active"})
}

func TestVoidingTheFirstInvoiceExpiresTheSubscription(t *testing.T) {
	w := newWorld(t)
	sub := w.put(w.active(), "incomplete", "")
	w.expectOK(w.post("/v1/invoices/" + object(sub, "latest_invoice")["id"].(string) + "/void"))
	r := w.expectOK(w.get(path(sub) + "?expand[]=latest_invoice.payment_intent"))
	expectFields(t, r.body, map[string]any{"status": "incomplete_expired"})
	expectFields(t, object(object(r.body, "latest_invoice"), "payment_intent"), map[string]any{"status": "canceled", "cancellation_reason": "void_invoice"})
}

func TestListInvoices(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	w.draft()
	for query, want := range map[string]int{
		"":                                     2,
		"status=draft":                         1,
		"customer=" + sub["customer"].(string): 1,
		"subscription=" + sub["id"].(string):   1,
		"status=void":                          0,
	} {
		if got := len(w.expectOK(w.get("/v1/invoices?" + query)).body["data"].([]any)); got != want {
			t.Errorf("%q: %d invoices, want %d", query, got, want)
		}
	}
}

func TestCustomerBalancePaysInvoices(t *testing.T) {
	w := newWorld(t)
	c := w.payingCustomer("pm_card_visa")
	w.expectOK(w.post("/v1/customers/"+c.ID, "balance", "-1500"))
	sub := w.expectOK(w.subscribe(c, w.monthly(1000))).body
	expectFields(t, sub, map[string]any{"status": "active"})
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"amount_due": 0.0, "starting_balance": -1500.0, "ending_balance": -500.0, "total": 1000.0})
}
