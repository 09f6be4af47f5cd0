package stripesim_test

import (
	"slices"
	"testing"
)

// taxRate makes a tax rate.
func (w *world) taxRate(percentage, inclusive string) string {
	w.t.Helper()
	return w.expectOK(w.post("/v1/tax_rates", "display_name", "VAT", "percentage", percentage, "inclusive", inclusive)).body["id"].(string)
}

func TestTaxRates(t *testing.T) {
	w := newWorld(t)
	made := w.expectOK(w.post("/v1/tax_rates", "display_name", "VAT", "percentage", "7.50", "inclusive", "false", "country", "DE", "tax_type", "vat")).body
	expectFields(t, made, map[string]any{"percentage": 7.5, "inclusive": false, "active": true, "country": "DE", "tax_type": "vat", "effective_percentage": nil})
	id := made["id"].(string)
	w.expectRefusal(w.post("/v1/tax_rates", "display_name", "VAT", "inclusive", "true"), refused{code: "parameter_missing", param: "percentage"})
	w.expectRefusal(w.post("/v1/tax_rates", "display_name", "VAT", "percentage", "101", "inclusive", "true"), refused{param: "percentage"})
	w.expectRefusal(w.post("/v1/tax_rates/"+id, "percentage", "9"), refused{code: "parameter_unknown", param: "percentage"})
	expectFields(t, w.expectOK(w.post("/v1/tax_rates/"+id, "active", "false", "metadata[a]", "b")).body, map[string]any{"active": false})
	if n := len(w.expectOK(w.get("/v1/tax_rates?active=true")).body["data"].([]any)); n != 0 {
		t.Errorf("%d active rates", n)
	}
	w.expectRefusal(w.post("/v1/subscriptions", "customer", w.customer("ada@example.com").ID, "items[0][price]", w.monthly(5).ID, "default_tax_rates[0]", id),
		refused{param: "default_tax_rates", contains: "not active"})
	w.expectRefusal(w.get("/v1/tax_rates/txr_nope"), refused{status: 404, code: "resource_missing", param: "tax_rate"})
	if got, want := w.eventTypes(id), []string{"tax_rate.created", "tax_rate.updated"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestTaxesOfASubscription(t *testing.T) {
	w := newWorld(t)
	added, contained := w.taxRate("10", "false"), w.taxRate("25", "true")
	one, other := w.monthly(1000), w.monthly(500)
	sub := w.subscribeTo(one.ID, "items[1][price]", other.ID, "items[1][tax_rates][0]", contained, "default_tax_rates[0]", added,
		"coupon", w.coupon("percent_off", "50", "duration", "forever"), "expand[]", "latest_invoice.total_tax_amounts.tax_rate")
	expectFields(t, sub["default_tax_rates"].([]any)[0].(map[string]any), map[string]any{"id": added, "object": "tax_rate"})
	due := object(sub, "latest_invoice")
	// 500 and 10 % on it; 250 with 25 % in it
	expectFields(t, due, map[string]any{
		"subtotal": 1500.0, "total": 800.0, "tax": 100.0, "total_excluding_tax": 700.0, "subtotal_excluding_tax": 1400.0, "amount_paid": 800.0,
	})
	sums := due["total_tax_amounts"].([]any)
	expectFields(t, sums[0].(map[string]any), map[string]any{"amount": 50.0, "inclusive": false, "taxable_amount": 500.0})
	expectFields(t, sums[1].(map[string]any), map[string]any{"amount": 50.0, "inclusive": true, "taxable_amount": 200.0})
	expectFields(t, object(sums[1].(map[string]any), "tax_rate"), map[string]any{"id": contained, "percentage": 25.0})
	line := object(due, "lines")["data"].([]any)[1].(map[string]any)
	expectFields(t, line, map[string]any{"amount": 500.0, "amount_excluding_tax": 400.0, "unit_amount_excluding_tax": "400"})

	w.expectOK(w.post(path(sub), "default_tax_rates", "", "coupon", ""))
	w.pass("32d")
	expectFields(t, w.latestInvoice(sub), map[string]any{"total": 1500.0, "tax": 100.0})
}

func TestTaxesByHand(t *testing.T) {
	w := newWorld(t)
	rate := w.taxRate("20", "false")
	c := w.payingCustomer("pm_card_visa")
	due := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "default_tax_rates[0]", rate)).body
	at := "/v1/invoices/" + due["id"].(string)
	item := w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", due["id"].(string), "amount", "1000", "currency", "usd")).body
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"subtotal": 1000.0, "tax": 200.0, "total": 1200.0, "amount_due": 1200.0})
	w.expectOK(w.post("/v1/invoiceitems/"+item["id"].(string), "tax_rates[0]", w.taxRate("5", "false")))
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"tax": 50.0, "total": 1050.0})
	w.expectOK(w.post("/v1/invoiceitems/"+item["id"].(string), "tax_rates", ""))
	expectFields(t, w.expectOK(w.post(at, "default_tax_rates", "")).body, map[string]any{"tax": nil, "total": 1000.0})

	exempt := w.expectOK(w.post("/v1/customers", "tax_exempt", "exempt")).body["id"].(string)
	free := w.expectOK(w.post("/v1/invoices", "customer", exempt, "default_tax_rates[0]", rate)).body["id"].(string)
	w.expectOK(w.post("/v1/invoiceitems", "customer", exempt, "invoice", free, "amount", "1000", "currency", "usd"))
	expectFields(t, w.expectOK(w.get("/v1/invoices/"+free)).body, map[string]any{"tax": 0.0, "total": 1000.0})
}
