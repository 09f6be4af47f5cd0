package stripesim_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tallystick/internal/testkit/browser"
)

// TestPagesInABrowser clicks through a checkout and the portal as a person does, with
// JavaScript switched off by the pages' own policy. SANDBOX_SCREENSHOT names a prefix
// for pictures of the pages.
func TestPagesInABrowser(t *testing.T) {
	w := newWorld(t)
	shop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(`<link rel="icon" href="data:,"><h1 id="shop">` + r.URL.Path + `</h1>`))
	}))
	defer shop.Close()
	session := w.expectOK(w.post("/v1/checkout/sessions", "mode", "subscription", "line_items[0][price]", w.monthly(1250).ID,
		"success_url", shop.URL+"/done/{CHECKOUT_SESSION_ID}", "cancel_url", shop.URL+"/cart")).body
	b := browser.Open(t, 1000, 900)
	picture := func(name string) {
		if prefix := os.Getenv("SANDBOX_SCREENSHOT"); prefix != "" {
			b.Picture(prefix + name)
		}
	}

	b.Do("open the checkout", chromedp.Navigate(session["url"].(string)), chromedp.WaitVisible("#pay"))
	if total := b.Text("#total"); total != "$12.50" {
		t.Errorf("due today: %q", total)
	}
	picture("checkout.png")
	b.Do("cancel", chromedp.Click("#cancel"), chromedp.WaitVisible("#shop"))
	if place := b.Text("#shop"); place != "/cart" {
		t.Errorf("canceling leads to %s", place)
	}
	b.Do("try a declined card", chromedp.Navigate(session["url"].(string)), chromedp.SendKeys("input[name=email]", "ada@example.com"),
		chromedp.Click("input[value=pm_card_chargeDeclined]"), chromedp.Click("#pay"), chromedp.WaitVisible("[role=alert]"))
	if message := b.Text("[role=alert]"); message != "Your card was declined." {
		t.Errorf("the page says %q", message)
	}
	if !b.Holds("document.querySelector('input[name=email]').value == 'ada@example.com' && document.querySelector('input[value=pm_card_chargeDeclined]').checked") {
		t.Error("what was entered is lost")
	}
	b.Do("pay with authentication", chromedp.Click("input[value=pm_card_authenticationRequired]"), chromedp.Click("#pay"), chromedp.WaitVisible("#complete"))
	picture("challenge.png")
	b.Do("pass it", chromedp.Click("#complete"), chromedp.WaitVisible("#shop"))
	if place := b.Text("#shop"); place != "/done/"+session["id"].(string) {
		t.Errorf("paying leads to %s", place)
	}

	customer := w.get("/v1/checkout/sessions/" + session["id"].(string)).body["customer"]
	b.Do("open the portal", chromedp.Navigate(w.portal(customer).(string)), chromedp.WaitVisible("#subscriptions"))
	b.Do("cancel the subscription", chromedp.Click("button[value=cancel]"), chromedp.WaitVisible("button[value=resume]"))
	picture("portal.png")
	b.Do("take that back", chromedp.Click("button[value=resume]"), chromedp.WaitVisible("button[value=cancel]"))
	b.Do("change the card", chromedp.Click("input[value=pm_card_visa]"), chromedp.Click("#use"),
		chromedp.WaitVisible(`#current[data-method="visa •••• 4242"]`))
	w.pass("1h")
	sub := w.get("/v1/subscriptions?customer=" + customer.(string)).body["data"].([]any)[0].(map[string]any)
	w.put(sub, "past_due", "")
	b.Do("pay the open invoice", chromedp.Reload(), chromedp.WaitVisible("button[value=pay]"), chromedp.Click("button[value=pay]"),
		chromedp.WaitNotPresent("button[value=pay]"))
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active", "cancel_at_period_end": false})

	if complaints := b.Complaints(); len(complaints) > 0 {
		t.Errorf("the browser complained: %s", complaints)
	}
	for _, address := range b.Requested() {
		if !strings.HasPrefix(address, w.server.URL+"/") && !strings.HasPrefix(address, shop.URL+"/") && !strings.HasPrefix(address, "data:") {
			t.Errorf("a page asked for %s", address)
		}
	}
}
