package stripesim_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// coupon makes a coupon.
func (w *world) coupon(pairs ...string) string {
	w.t.Helper()
	return w.expectOK(w.post("/v1/coupons", pairs...)).body["id"].(string)
}

// promotion makes a promotion code, and returns its id.
func (w *world) promotion(coupon string, pairs ...string) string {
	w.t.Helper()
	return w.expectOK(w.post("/v1/promotion_codes", append([]string{"coupon", coupon}, pairs...)...)).body["id"].(string)
}

// subscribeTo makes a subscription of a new customer who pays with a card, with its
// latest invoice.
func (w *world) subscribeTo(price string, pairs ...string) map[string]any {
	w.t.Helper()
	c := w.payingCustomer("pm_card_visa")
	return w.expectOK(w.post("/v1/subscriptions", append([]string{"customer", c.ID, "items[0][price]", price, "expand[]", "latest_invoice"}, pairs...)...)).body
}

func (w *world) delete(path string) reply {
	w.t.Helper()
	return w.send(http.MethodDelete, path, nil)
}

// in is a moment of the sandbox's future.
func (w *world) in(span string) string {
	w.t.Helper()
	d, err := time.ParseDuration(span)
	if err != nil {
		w.t.Fatal(err)
	}
	return strconv.FormatInt(w.simNow().Add(d).Unix(), 10)
}

func TestCouponsAndPromotionCodes(t *testing.T) {
	w := newWorld(t)
	made := w.expectOK(w.post("/v1/coupons", "id", "SAVE25", "percent_off", "12.50", "duration", "repeating", "duration_in_months", "3",
		"name", "Spring", "metadata[a]", "b", "max_redemptions", "2")).body
	expectFields(t, made, map[string]any{
		"id": "SAVE25", "percent_off": 12.5, "amount_off": nil, "currency": nil, "duration_in_months": 3.0, "times_redeemed": 0.0, "valid": true, "name": "Spring",
	})
	w.expectRefusal(w.post("/v1/coupons", "id", "SAVE25", "percent_off", "1"), refused{code: "resource_already_exists", param: "id", contains: "Coupon already exists."})
	w.expectRefusal(w.post("/v1/coupons", "duration", "once"), refused{})
	w.expectRefusal(w.post("/v1/coupons", "amount_off", "5"), refused{param: "currency"})
	w.expectRefusal(w.post("/v1/coupons", "percent_off", "101"), refused{param: "percent_off"})
	w.expectRefusal(w.post("/v1/coupons", "percent_off", "1e1"), refused{param: "percent_off"})
	w.expectRefusal(w.post("/v1/coupons", "percent_off", "5", "duration", "repeating"), refused{code: "parameter_missing", param: "duration_in_months"})
	w.expectRefusal(w.post("/v1/coupons", "percent_off", "5", "applies_to[products][0]", "prod_nope"), refused{code: "resource_missing", param: "applies_to[products][0]"})
	expectFields(t, w.expectOK(w.post("/v1/coupons/SAVE25", "name", "Summer")).body, map[string]any{"name": "Summer", "valid": true})
	w.expectRefusal(w.post("/v1/coupons/SAVE25", "percent_off", "99"), refused{code: "parameter_unknown", param: "percent_off"})

	code := w.expectOK(w.post("/v1/promotion_codes", "coupon", "SAVE25", "code", "Hello")).body
	expectFields(t, code, map[string]any{"code": "Hello", "active": true, "customer": nil})
	expectFields(t, object(code, "coupon"), map[string]any{"id": "SAVE25", "object": "coupon"})
	w.expectRefusal(w.post("/v1/promotion_codes", "coupon", "SAVE25", "code", "HELLO"), refused{param: "code", contains: "already exists"})
	w.expectRefusal(w.post("/v1/promotion_codes", "coupon", "nope"), refused{code: "resource_missing", param: "coupon", contains: "No such coupon: 'nope'"})
	listed := w.expectOK(w.get("/v1/promotion_codes?code=hello")).body["data"].([]any)
	if len(listed) != 1 || len(w.expectOK(w.get("/v1/promotion_codes?active=false")).body["data"].([]any)) != 0 {
		t.Errorf("listed: %v", listed)
	}
	at := "/v1/promotion_codes/" + code["id"].(string)
	expectFields(t, w.expectOK(w.post(at, "active", "false")).body, map[string]any{"active": false})
	w.expectOK(w.post("/v1/promotion_codes", "coupon", "SAVE25", "code", "HELLO"))
	w.expectRefusal(w.post(at, "active", "true"), refused{param: "code", contains: "already exists"})

	expectFields(t, w.expectOK(w.delete("/v1/coupons/SAVE25")).body, map[string]any{"id": "SAVE25", "object": "coupon", "deleted": true})
	w.expectRefusal(w.get("/v1/coupons/SAVE25"), refused{status: 404, code: "resource_missing", param: "coupon"})
	if n := len(w.expectOK(w.get("/v1/coupons")).body["data"].([]any)); n != 0 {
		t.Errorf("%d coupons are listed", n)
	}
	if got, want := w.eventTypes("SAVE25"), []string{"coupon.created", "coupon.updated", "coupon.deleted"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if got, want := w.eventTypes(code["id"].(string)), []string{"promotion_code.created", "promotion_code.updated"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestSubscriptionDiscounts(t *testing.T) {
	for name, test := range map[string]struct {
		coupon []string
		totals []float64 // of the first invoice and of those that follow
		stays  bool      // whether the subscription still has the discount after the first one
	}{
		"for ever":              {[]string{"percent_off", "25", "duration", "forever"}, []float64{750, 750, 750, 750}, true},
		"once":                  {[]string{"amount_off", "300", "currency", "usd"}, []float64{700, 1000, 1000}, false},
		"for two months":        {[]string{"percent_off", "10", "duration", "repeating", "duration_in_months", "2"}, []float64{900, 900, 1000, 1000}, true},
		"more than there is":    {[]string{"amount_off", "5000", "currency", "usd"}, []float64{0, 1000}, false},
		"all of it, for a year": {[]string{"percent_off", "100", "duration", "repeating", "duration_in_months", "12"}, []float64{0, 0}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			sub := w.subscribeTo(w.monthly(1000).ID, "coupon", w.coupon(test.coupon...))
			first := object(sub, "latest_invoice")
			expectFields(t, first, map[string]any{"subtotal": 1000.0, "total": test.totals[0], "amount_due": test.totals[0], "status": "paid"})
			if again := w.expectOK(w.get("/v1/subscriptions/" + sub["id"].(string))).body; (again["discount"] != nil) != test.stays {
				t.Errorf("afterwards: %v", again["discount"])
			}
			for i, total := range test.totals[1:] {
				w.pass("31d")
				w.pass("2h")
				if got := w.latestInvoice(sub); got["total"] != total || got["status"] != "paid" {
					t.Errorf("renewal %d comes to %v and is %v, not %v", i+1, got["total"], got["status"], total)
				}
			}
		})
	}
}

func TestDiscountsOnTheWire(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000)
	coupon := w.coupon("percent_off", "25", "duration", "forever", "max_redemptions", "1")
	code := w.promotion(coupon, "code", "HELLO")
	sub := w.subscribeTo(price.ID, "promotion_code", code)
	held := object(sub, "discount")
	expectFields(t, held, map[string]any{"object": "discount", "subscription": sub["id"], "customer": sub["customer"], "promotion_code": code, "end": nil, "invoice": nil})
	expectFields(t, object(held, "coupon"), map[string]any{"id": coupon, "times_redeemed": 1.0, "valid": false})
	w.expectRefusal(w.post("/v1/customers", "coupon", coupon), refused{param: "coupon", contains: "used up"})

	invoice := w.expectOK(w.get("/v1/invoices/" + object(sub, "latest_invoice")["id"].(string) +
		"?expand[]=discounts&expand[]=total_discount_amounts.discount&expand[]=discounts.promotion_code&expand[]=lines.data.discount_amounts.discount")).body
	expectFields(t, invoice["discounts"].([]any)[0].(map[string]any), map[string]any{"id": held["id"], "object": "discount"})
	expectFields(t, object(invoice, "discount"), map[string]any{"id": held["id"]})
	for _, amounts := range [][]any{invoice["total_discount_amounts"].([]any), object(invoice, "lines")["data"].([]any)[0].(map[string]any)["discount_amounts"].([]any)} {
		expectFields(t, amounts[0].(map[string]any), map[string]any{"amount": 250.0})
		expectFields(t, object(amounts[0].(map[string]any), "discount"), map[string]any{"id": held["id"], "object": "discount"})
	}

	// a deleted coupon can be redeemed no more; who has it keeps it
	w.expectOK(w.delete("/v1/coupons/" + coupon))
	again := w.expectOK(w.get("/v1/subscriptions/" + sub["id"].(string))).body
	expectFields(t, object(object(again, "discount"), "coupon"), map[string]any{"id": coupon, "percent_off": 25.0, "valid": false})

	at := "/v1/subscriptions/" + sub["id"].(string) + "/discount"
	expectFields(t, w.expectOK(w.delete(at)).body, map[string]any{"id": held["id"], "object": "discount", "deleted": true, "subscription": sub["id"]})
	w.expectRefusal(w.delete(at), refused{status: 404, code: "resource_missing", param: "subscription", contains: "No active discount for subscription"})
	expectFields(t, w.expectOK(w.get("/v1/subscriptions/"+sub["id"].(string))).body, map[string]any{"discount": nil})
	later := w.expectOK(w.get("/v1/invoices/" + invoice["id"].(string) + "?expand[]=discounts")).body
	expectFields(t, later["discounts"].([]any)[0].(map[string]any), map[string]any{"id": held["id"], "deleted": true})
	if got, want := w.eventTypes(held["id"].(string)), []string{"customer.discount.created", "customer.discount.deleted"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestCustomerDiscounts(t *testing.T) {
	w := newWorld(t)
	half, tenth := w.coupon("percent_off", "50", "duration", "forever"), w.coupon("percent_off", "10", "duration", "forever")
	c := w.payingCustomer("pm_card_visa")
	at := "/v1/customers/" + c.ID
	expectFields(t, object(w.expectOK(w.post(at, "coupon", half)).body, "discount"), map[string]any{"customer": c.ID, "subscription": nil})
	expectFields(t, object(w.expectOK(w.get(at+"/discount")).body, "coupon"), map[string]any{"id": half})

	price := w.monthly(1000)
	plain := w.expectOK(w.post("/v1/subscriptions", "customer", c.ID, "items[0][price]", price.ID, "expand[]", "latest_invoice")).body
	expectFields(t, plain, map[string]any{"discount": nil})
	expectFields(t, object(plain, "latest_invoice"), map[string]any{"total": 500.0})
	own := w.expectOK(w.post("/v1/subscriptions", "customer", c.ID, "items[0][price]", price.ID, "coupon", tenth, "expand[]", "latest_invoice")).body
	expectFields(t, object(own, "latest_invoice"), map[string]any{"total": 900.0})

	byHand := w.expectOK(w.post("/v1/invoices", "customer", c.ID)).body
	w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", byHand["id"].(string), "amount", "300", "currency", "usd"))
	expectFields(t, w.expectOK(w.get("/v1/invoices/"+byHand["id"].(string))).body, map[string]any{"subtotal": 300.0, "total": 150.0})
	expectFields(t, w.expectOK(w.post("/v1/invoices/"+byHand["id"].(string), "discounts", "")).body, map[string]any{"total": 300.0, "discount": nil})

	expectFields(t, w.expectOK(w.post(at, "coupon", "")).body, map[string]any{"discount": nil})
	w.expectRefusal(w.get(at+"/discount"), refused{status: 404, code: "resource_missing", param: "customer"})
	w.expectOK(w.post(at, "coupon", tenth))
	expectFields(t, w.expectOK(w.delete(at+"/discount")).body, map[string]any{"deleted": true})
	w.expectRefusal(w.post(at, "coupon", "nope"), refused{code: "resource_missing", param: "coupon", contains: "No such coupon: 'nope'"})
	w.expectRefusal(w.post(at, "promotion_code", "nope"), refused{code: "resource_missing", param: "promotion_code", contains: "No such promotion code: 'nope'"})
}

func TestWhatACouponAppliesTo(t *testing.T) {
	w := newWorld(t)
	one, other := w.monthly(1000), w.monthly(500)
	only := w.expectOK(w.post("/v1/coupons", "percent_off", "50", "duration", "forever", "applies_to[products][0]", one.Product.ID, "expand[]", "applies_to")).body
	if products := object(only, "applies_to")["products"].([]any); len(products) != 1 || products[0] != one.Product.ID {
		t.Errorf("applies to %v", products)
	}
	sub := w.subscribeTo(one.ID, "items[1][price]", other.ID, "coupon", only["id"].(string))
	expectFields(t, object(sub, "latest_invoice"), map[string]any{"subtotal": 1500.0, "total": 1000.0})

	c := w.payingCustomer("pm_card_visa")
	third := w.coupon("amount_off", "100", "currency", "usd")
	w.expectRefusal(w.post("/v1/invoiceitems", "customer", c.ID, "amount", "300", "currency", "eur", "discounts[0][coupon]", third),
		refused{param: "discounts[0][coupon]", contains: "currency"})
	w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "amount", "300", "currency", "usd", "discounts[0][coupon]", third))
	w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "amount", "1000", "currency", "usd"))
	w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "amount", "40", "currency", "usd", "discountable", "false"))
	due := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "pending_invoice_items_behavior", "include",
		"discounts[0][coupon]", w.coupon("percent_off", "10"))).body
	expectFields(t, due, map[string]any{"subtotal": 1240.0, "total": 1120.0})
	if n := len(due["total_discount_amounts"].([]any)); n != 2 {
		t.Errorf("%d discounts", n)
	}
	expectFields(t, w.expectOK(w.post("/v1/invoices/"+due["id"].(string)+"/pay")).body, map[string]any{"amount_paid": 1120.0})
}

func TestWhenACouponCannotBeRedeemed(t *testing.T) {
	w := newWorld(t)
	price := w.monthly(1000)
	soon := w.coupon("percent_off", "5", "redeem_by", w.in("1h"))
	w.promotion(soon, "code", "SOON")
	c := w.payingCustomer("pm_card_visa")
	attempt := func(pairs ...string) reply {
		return w.post("/v1/subscriptions", append([]string{"customer", c.ID, "items[0][price]", price.ID}, pairs...)...)
	}
	big := w.promotion(w.coupon("percent_off", "5"), "restrictions[minimum_amount]", "2000", "restrictions[minimum_amount_currency]", "usd")
	w.expectRefusal(attempt("promotion_code", big), refused{param: "promotion_code", contains: "does not meet the minimum amount requirement"})
	mine := w.promotion(w.coupon("percent_off", "5"), "customer", w.customer("other@example.com").ID)
	w.expectRefusal(attempt("promotion_code", mine), refused{param: "promotion_code", contains: "cannot be redeemed"})
	w.expectRefusal(attempt("coupon", w.coupon("amount_off", "5", "currency", "eur")), refused{param: "coupon", contains: "currency"})
	w.expectRefusal(attempt("coupon", soon, "promotion_code", mine), refused{param: "promotion_code", contains: "only specify one"})
	first := w.promotion(w.coupon("percent_off", "5"), "restrictions[first_time_transaction]", "true")
	w.expectOK(attempt("promotion_code", first))
	w.expectRefusal(attempt("promotion_code", first), refused{param: "promotion_code", contains: "the associated customer has prior transactions"})
	w.pass("2h")
	w.expectRefusal(attempt("coupon", soon), refused{code: "coupon_expired", param: "coupon", contains: "Coupon expired: " + soon})
	expectFields(t, w.expectOK(w.get("/v1/coupons/"+soon)).body, map[string]any{"valid": false})
	expiring := w.promotion(w.coupon("percent_off", "5"), "expires_at", w.in("1h"), "max_redemptions", "1")
	w.pass("2h")
	expectFields(t, w.expectOK(w.get("/v1/promotion_codes/"+expiring)).body, map[string]any{"active": false})
	w.expectRefusal(attempt("promotion_code", expiring), refused{param: "promotion_code", contains: "expired"})
	used := w.promotion(w.coupon("percent_off", "5"), "max_redemptions", "1")
	w.expectOK(attempt("promotion_code", used))
	w.expectRefusal(attempt("promotion_code", used), refused{param: "promotion_code", contains: "not active"})

	// who pays nothing needs no card, and a refusal redeems nothing
	free, poor := w.coupon("percent_off", "100", "duration", "forever"), w.customer("poor@example.com").ID
	sub := w.expectOK(w.post("/v1/subscriptions", "customer", poor, "items[0][price]", price.ID, "coupon", free)).body
	expectFields(t, sub, map[string]any{"status": "active"})
	part := w.coupon("percent_off", "99")
	w.expectRefusal(w.post("/v1/subscriptions", "customer", poor, "items[0][price]", price.ID, "coupon", part), refused{code: "resource_missing"})
	expectFields(t, w.expectOK(w.get("/v1/coupons/"+part)).body, map[string]any{"times_redeemed": 0.0})
}

// TestDiscountedProrations gives back what was paid, not what the price was.
func TestDiscountedProrations(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribeTo(w.monthly(1000).ID, "coupon", w.coupon("percent_off", "50", "duration", "forever"))
	item := object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string)
	w.expectOK(w.post("/v1/subscriptions/"+sub["id"].(string), "items[0][id]", item, "items[0][price]", w.monthly(3000).ID))
	var amounts []float64
	for _, pending := range w.expectOK(w.get("/v1/invoiceitems?pending=true")).body["data"].([]any) {
		amounts = append(amounts, pending.(map[string]any)["amount"].(float64))
	}
	if !slices.Equal(amounts, []float64{1500, -500}) {
		t.Errorf("prorations %v", amounts)
	}
	next := w.expectOK(w.get("/v1/invoices/upcoming?subscription=" + sub["id"].(string))).body
	expectFields(t, next, map[string]any{"subtotal": 4000.0, "total": 2500.0})
}

func TestCheckoutDiscounts(t *testing.T) {
	w := newWorld(t)
	price, coupon := w.monthly(1000), w.coupon("percent_off", "20", "duration", "forever")
	session := func(pairs ...string) map[string]any {
		return w.expectOK(w.post("/v1/checkout/sessions", append([]string{
			"success_url", "https://example.com/done", "line_items[0][price]", price.ID, "line_items[0][quantity]", "1", "mode", "subscription",
		}, pairs...)...)).body
	}
	made := session("discounts[0][coupon]", coupon)
	expectFields(t, made, map[string]any{"amount_subtotal": 1000.0, "amount_total": 800.0, "allow_promotion_codes": nil})
	expectFields(t, object(made, "total_details"), map[string]any{"amount_discount": 200.0})
	w.expectRefusal(w.post("/v1/checkout/sessions", "success_url", "https://example.com/done", "mode", "subscription", "line_items[0][price]", price.ID,
		"line_items[0][quantity]", "1", "discounts[0][coupon]", coupon, "allow_promotion_codes", "true"), refused{param: "discounts"})
	expectFields(t, w.expectOK(w.get("/v1/coupons/"+coupon)).body, map[string]any{"times_redeemed": 0.0})

	open := session("allow_promotion_codes", "true")
	w.promotion(coupon, "code", "HELLO")
	text, _ := w.visit(open["url"])
	if !strings.Contains(text, `name="promotion_code"`) {
		t.Fatal("the page has no field for a code")
	}
	if text, _ = w.submit(open["url"], "action", "code", "promotion_code", "NOPE"); !strings.Contains(text, "This code is invalid.") {
		t.Errorf("a wrong code: %s", text)
	}
	w.submit(open["url"], "action", "code", "promotion_code", "hello")
	text, _ = w.visit(open["url"])
	if !strings.Contains(text, "HELLO") || !strings.Contains(text, "$8.00") || !strings.Contains(text, "-$2.00") {
		t.Errorf("with the code: %s", text)
	}
	w.submit(open["url"], "card", "pm_card_visa", "email", "ada@example.com")
	done := w.expectOK(w.get("/v1/checkout/sessions/" + open["id"].(string) + "?expand[]=subscription&expand[]=invoice")).body
	expectFields(t, done, map[string]any{"status": "complete", "amount_total": 800.0})
	expectFields(t, object(done, "invoice"), map[string]any{"amount_paid": 800.0})
	expectFields(t, object(object(object(done, "subscription"), "discount"), "coupon"), map[string]any{"id": coupon, "times_redeemed": 1.0})
}

// TestExpandWhatIsNotThere asks for more of lists that are empty.
func TestExpandWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.expectOK(w.get("/v1/subscriptions?expand[]=data.latest_invoice"))
	w.expectOK(w.get("/v1/invoices?expand[]=data.discounts&expand[]=data.lines.data.discounts"))
	c := w.customer("ada@example.com")
	plain := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "expand[]", "discounts", "expand[]", "total_discount_amounts.discount")).body
	if len(plain["discounts"].([]any)) != 0 {
		t.Errorf("discounts %v", plain["discounts"])
	}
}
