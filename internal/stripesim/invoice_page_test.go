package stripesim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tallystick/internal/testkit/browser"
)

// openInvoice is an invoice of 12.50 with a discount and a tax that waits to be paid.
func (w *world) openInvoice() map[string]any {
	w.t.Helper()
	c := w.customer("ada@example.com")
	due := w.expectOK(w.post("/v1/invoices", "customer", c.ID, "collection_method", "send_invoice", "days_until_due", "30",
		"default_tax_rates[0]", w.taxRate("20", "false"), "discounts[0][coupon]", w.coupon("percent_off", "10", "name", "Spring"), "footer", "Thanks")).body
	w.expectOK(w.post("/v1/invoiceitems", "customer", c.ID, "invoice", due["id"].(string), "amount", "1250", "currency", "usd", "description", "Carving <b>"))
	return w.expectOK(w.post("/v1/invoices/" + due["id"].(string) + "/finalize")).body
}

func TestInvoicePage(t *testing.T) {
	w := newWorld(t)
	due := w.openInvoice()
	expectFields(t, due, map[string]any{"hosted_invoice_url": w.server.URL + "/i/" + due["id"].(string), "invoice_pdf": w.server.URL + "/i/" + due["id"].(string) + "/pdf"})
	text, header := w.visit(due["hosted_invoice_url"])
	for _, part := range []string{due["number"].(string), "Carving &lt;b&gt;", "Discount: Spring", "-$1.25", "VAT 20 %", "$2.25", "$13.50", "Thanks"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page does not say %q:\n%s", part, text)
		}
	}
	if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'") {
		t.Errorf("policy %q", policy)
	}
	if printed, _ := w.visit(due["invoice_pdf"]); !strings.Contains(printed, "$13.50") || strings.Contains(printed, "<form") {
		t.Errorf("to print: %s", printed)
	}

	text, _ = w.submit(due["hosted_invoice_url"], "card", "pm_card_chargeDeclined")
	if !strings.Contains(text, "Your card was declined.") || !strings.Contains(text, `value="pm_card_chargeDeclined" required checked`) {
		t.Errorf("after a decline: %s", text)
	}
	expectFields(t, w.expectOK(w.get("/v1/invoices/"+due["id"].(string))).body, map[string]any{"status": "open", "attempted": true})
	if text, _ = w.submit(due["hosted_invoice_url"], "card", "pm_card_authenticationRequired"); !strings.Contains(text, "Your bank asks") {
		t.Errorf("3-D Secure: %s", text)
	}
	if text, _ = w.submit(due["hosted_invoice_url"], "card", "pm_card_authenticationRequired", "authentication", "failed"); !strings.Contains(text, `role="alert"`) {
		t.Errorf("3-D Secure, failed: %s", text)
	}
	w.submit(due["hosted_invoice_url"], "card", "pm_card_authenticationRequired", "authentication", "succeeded")
	expectFields(t, w.expectOK(w.get("/v1/invoices/"+due["id"].(string))).body, map[string]any{"status": "paid", "amount_paid": 1350.0})
	if text, _ = w.visit(due["hosted_invoice_url"]); strings.Contains(text, "<form") || !strings.Contains(text, "$0.00") {
		t.Errorf("once paid: %s", text)
	}
	if _, location := w.submit(due["hosted_invoice_url"], "card", "pm_card_visa"); location != "/i/"+due["id"].(string) {
		t.Errorf("paying again leads to %q", location)
	}
	draft := w.expectOK(w.post("/v1/invoices", "customer", due["customer"].(string))).body
	expectFields(t, draft, map[string]any{"hosted_invoice_url": nil, "invoice_pdf": nil})
	res, err := http.Get(w.server.URL + "/i/" + draft["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("the page of a draft: %d", res.StatusCode)
	}
}

// TestRenewalsHavePagesToo holds although no request is there to tell where the sandbox
// is reached.
func TestRenewalsHavePagesToo(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	w.pass("32d")
	due := w.latestInvoice(sub)
	if text, _ := w.visit(due["hosted_invoice_url"]); !strings.Contains(text, due["number"].(string)) {
		t.Errorf("the page says %s", text)
	}
}

// expectFits says whether everything on a page lies within its cards, and they within
// 390 pixels.
func (w *world) expectFits(b *browser.Browser, name string) {
	w.t.Helper()
	if b.Holds("document.documentElement.scrollWidth > 390") {
		w.t.Errorf("the %s is wider than a phone", name)
	}
	if b.Holds("[...document.querySelectorAll('.card')].some(card => [...card.querySelectorAll('*')].some(part => part.getBoundingClientRect().right > card.getBoundingClientRect().right))") {
		w.t.Errorf("something on the %s reaches beyond its card", name)
	}
}

// TestPagesOnAPhone looks at every page 390 pixels wide: nothing may reach beyond that.
func TestPagesOnAPhone(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	c := sub["customer"].(string)
	w.failing(sub)
	w.pass("32d") // leaves an open invoice
	w.expectOK(w.post(path(sub), "items[0][id]", object(sub, "items")["data"].([]any)[0].(map[string]any)["id"].(string), "items[0][quantity]", "1000", "proration_behavior", "none"))
	session := w.expectOK(w.post("/v1/checkout/sessions", "mode", "subscription", "line_items[0][price]", w.monthly(99_999_999).ID,
		"line_items[0][quantity]", "1", "success_url", "https://example.com/done", "allow_promotion_codes", "true")).body
	b := browser.Open(t, 390, 844)
	for name, address := range map[string]any{
		"checkout": session["url"], "portal": w.portal(c), "invoice": w.latestInvoice(sub)["hosted_invoice_url"], "print": w.openInvoice()["invoice_pdf"],
	} {
		b.Do("open the "+name, chromedp.EmulateViewport(390, 844), chromedp.Navigate(address.(string)), chromedp.WaitVisible("main"))
		w.expectFits(b, name)
	}
	b.Do("open the portal", chromedp.Navigate(w.portal(c).(string)), chromedp.WaitVisible("#invoices"))
	b.Do("open an invoice", chromedp.Click("a.invoice"), chromedp.WaitVisible("#due"))
	b.Do("try a card that is declined", chromedp.Click("input[value=pm_card_chargeDeclined]"), chromedp.Click("#pay"), chromedp.WaitVisible("[role=alert]"))
	if !b.Holds("document.querySelector('input[value=pm_card_chargeDeclined]').checked") {
		t.Error("the chosen card is forgotten")
	}
	b.Do("try one that the bank asks about", chromedp.Click("input[value=pm_card_authenticationRequired]"), chromedp.Click("#pay"), chromedp.WaitVisible("#complete"))
	w.expectFits(b, "bank's question")
	b.Do("pay", chromedp.Click("#complete"), chromedp.WaitVisible("#status.paid"))
	if complaints := b.Complaints(); len(complaints) > 0 {
		t.Errorf("the browser complained: %s", complaints)
	}
}
