package stripesim_test

import (
	"slices"
	"testing"
)

func TestCreditNotesOfAnOpenInvoice(t *testing.T) {
	w := newWorld(t)
	due := w.openInvoice() // 12.50, 10 % off, 20 % tax
	at := "/v1/invoices/" + due["id"].(string)
	line := object(due, "lines")["data"].([]any)[0].(map[string]any)["id"].(string)
	asked := []string{"invoice", due["id"].(string), "lines[0][type]", "invoice_line_item", "lines[0][invoice_line_item]", line, "lines[0][amount]", "250"}
	preview := w.expectOK(w.get("/v1/credit_notes/preview?" + form(asked...).Encode())).body
	expectFields(t, preview, map[string]any{"total": 270.0, "amount": 270.0, "subtotal": 250.0, "discount_amount": 25.0, "total_excluding_tax": 225.0})
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"amount_due": 1350.0})

	note := w.expectOK(w.post("/v1/credit_notes", append(asked, "reason", "order_change", "memo", "Sorry", "metadata[a]", "b")...)).body
	expectFields(t, note, map[string]any{"total": 270.0, "status": "issued", "type": "pre_payment", "number": due["number"].(string) + "-CN-01", "reason": "order_change"})
	expectFields(t, w.expectOK(w.get(at+"?expand[]=payment_intent")).body, map[string]any{"amount_due": 1080.0, "amount_remaining": 1080.0, "pre_payment_credit_notes_amount": 270.0, "total": 1350.0})
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", due["id"].(string), "amount", "1081"), refused{param: "amount"})
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", due["id"].(string), "amount", "5", "refund_amount", "5"), refused{contains: "paid invoices"})
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", due["id"].(string)), refused{})
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", "in_nope", "amount", "5"), refused{code: "resource_missing", param: "invoice"})

	expectFields(t, w.expectOK(w.post("/v1/credit_notes/"+note["id"].(string)+"/void")).body, map[string]any{"status": "void"})
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"amount_due": 1350.0, "pre_payment_credit_notes_amount": 0.0})
	w.expectRefusal(w.post("/v1/credit_notes/"+note["id"].(string)+"/void"), refused{})
	w.expectOK(w.post("/v1/credit_notes", "invoice", due["id"].(string), "lines[0][type]", "custom_line_item", "lines[0][description]", "All", "lines[0][unit_amount]", "1350"))
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"status": "paid", "amount_due": 0.0, "amount_paid": 0.0})
	if n := len(w.expectOK(w.get("/v1/credit_notes?invoice=" + due["id"].(string))).body["data"].([]any)); n != 2 {
		t.Errorf("%d credit notes", n)
	}
	if lines := w.expectOK(w.get("/v1/credit_notes/" + note["id"].(string) + "/lines")).body["data"].([]any); len(lines) != 1 {
		t.Errorf("lines: %v", lines)
	}
	if got, want := w.eventTypes(note["id"].(string)), []string{"credit_note.created", "credit_note.voided"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestCreditNotesOfAPaidInvoice(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	due := object(sub, "latest_invoice")["id"].(string)
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", due, "amount", "500"), refused{contains: "must equal"})
	note := w.expectOK(w.post("/v1/credit_notes", "invoice", due, "amount", "500", "refund_amount", "300", "credit_amount", "200",
		"expand[]", "refund", "expand[]", "customer_balance_transaction", "expand[]", "invoice")).body
	expectFields(t, note, map[string]any{"type": "post_payment", "total": 500.0})
	expectFields(t, object(note, "refund"), map[string]any{"amount": 300.0, "status": "succeeded"})
	expectFields(t, object(note, "customer_balance_transaction"), map[string]any{"amount": -200.0, "ending_balance": -200.0, "type": "credit_note", "credit_note": note["id"]})
	expectFields(t, object(note, "invoice"), map[string]any{"amount_paid": 1000.0, "post_payment_credit_notes_amount": 500.0, "status": "paid"})
	w.expectRefusal(w.post("/v1/credit_notes", "invoice", due, "amount", "501", "out_of_band_amount", "501"), refused{param: "amount"})
	w.expectRefusal(w.post("/v1/credit_notes/"+note["id"].(string)+"/void"), refused{})

	w.pass("32d") // the next invoice takes the credit up
	expectFields(t, w.latestInvoice(sub), map[string]any{"amount_due": 800.0, "amount_paid": 800.0, "starting_balance": -200.0})
	at := "/v1/customers/" + sub["customer"].(string) + "/balance_transactions"
	moved := w.expectOK(w.get(at)).body["data"].([]any)
	if len(moved) != 2 {
		t.Fatalf("movements: %v", moved)
	}
	expectFields(t, moved[0].(map[string]any), map[string]any{"amount": 200.0, "ending_balance": 0.0, "type": "applied_to_invoice"})
}

func TestCustomerBalance(t *testing.T) {
	w := newWorld(t)
	at := "/v1/customers/" + w.customer("ada@example.com").ID
	made := w.expectOK(w.post(at+"/balance_transactions", "amount", "-700", "currency", "usd", "description", "Welcome")).body
	expectFields(t, made, map[string]any{"amount": -700.0, "ending_balance": -700.0, "type": "adjustment", "description": "Welcome"})
	expectFields(t, w.expectOK(w.get(at)).body, map[string]any{"balance": -700.0, "currency": "usd"})
	w.expectRefusal(w.post(at+"/balance_transactions", "amount", "5", "currency", "eur"), refused{param: "currency"})
	w.expectRefusal(w.post(at+"/balance_transactions", "currency", "usd"), refused{code: "parameter_missing", param: "amount"})
	one := at + "/balance_transactions/" + made["id"].(string)
	expectFields(t, w.expectOK(w.post(one, "description", "")).body, map[string]any{"description": nil})
	w.expectOK(w.get(one))
	w.expectRefusal(w.get("/v1/customers/"+w.customer("b@example.com").ID+"/balance_transactions/"+made["id"].(string)),
		refused{status: 404, code: "resource_missing", param: "transaction"})
}

// TestListsInsideObjectsHavePages walks through the lines of an invoice, one at a time.
func TestListsInsideObjectsHavePages(t *testing.T) {
	w := newWorld(t)
	c := w.payingCustomer("pm_card_visa")
	for _, amount := range []string{"100", "200", "300"} {
		w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "amount", amount, "currency", "usd"))
	}
	at := "/v1/invoices/" + w.expectOK(w.post("/v1/invoices", "customer", c.ID, "pending_invoice_items_behavior", "include")).body["id"].(string) + "/lines"
	var amounts []float64
	var ids []string
	for next := ""; ; next = "&starting_after=" + ids[len(ids)-1] {
		page := w.expectOK(w.get(at + "?limit=1" + next)).body
		line := page["data"].([]any)[0].(map[string]any)
		amounts, ids = append(amounts, line["amount"].(float64)), append(ids, line["id"].(string))
		if page["has_more"] == false {
			break
		}
	}
	if !slices.Equal(amounts, []float64{100, 200, 300}) {
		t.Errorf("amounts %v", amounts)
	}
	before := w.expectOK(w.get(at + "?limit=1&ending_before=" + ids[2])).body
	expectFields(t, before["data"].([]any)[0].(map[string]any), map[string]any{"id": ids[1]})
	expectFields(t, before, map[string]any{"has_more": true})
	w.expectRefusal(w.get(at+"?starting_after=il_nope"), refused{code: "resource_missing", param: "starting_after"})
}
