package stripesim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestPagesInABrowser clicks through a checkout and the portal as a person does, with JavaScript switched off by the
// pages' own policy. SANDBOX_SCREENSHOT names a prefix for pictures of the pages.
func TestPagesInABrowser(t *testing.T) {
	w := newWorld(t)
	shop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(`<link rel="icon" href="data:,"><h1 id="shop">` + r.URL.Path + `</h1>`))
	}))
	defer shop.Close()
	session := w.expectOK(w.post("/v1/checkout/sessions", "mode", "subscription", "line_items[0][price]", w.monthly(1250).ID,
		"success_url", shop.URL+"/done/{CHECKOUT_SESSION_ID}", "cancel_url", shop.URL+"/cart")).body
	b := browse(t)

	b.do("open the checkout", chromedp.Navigate(session["url"].(string)), chromedp.WaitVisible("#pay"))
	if total := b.text("#total"); total != "12.50 USD" {
		t.Errorf("due today: %q", total)
	}
	b.picture("checkout.png")
	b.do("cancel", chromedp.Click("#cancel"), chromedp.WaitVisible("#shop"))
	if place := b.text("#shop"); place != "/cart" {
		t.Errorf("canceling leads to %s", place)
	}
	b.do("try a declined card", chromedp.Navigate(session["url"].(string)), chromedp.SendKeys("input[name=email]", "ada@example.com"),
		chromedp.Click("input[value=pm_card_chargeDeclined]"), chromedp.Click("#pay"), chromedp.WaitVisible("[role=alert]"))
	if message := b.text("[role=alert]"); message != "Your card was declined." {
		t.Errorf("the page says %q", message)
	}
	b.do("pay with authentication", chromedp.SendKeys("input[name=email]", "ada@example.com"),
		chromedp.Click("input[value=pm_card_authenticationRequired]"), chromedp.Click("#pay"), chromedp.WaitVisible("#complete"))
	b.picture("challenge.png")
	b.do("pass it", chromedp.Click("#complete"), chromedp.WaitVisible("#shop"))
	if place := b.text("#shop"); place != "/done/"+session["id"].(string) {
		t.Errorf("paying leads to %s", place)
	}

	customer := w.get("/v1/checkout/sessions/" + session["id"].(string)).body["customer"]
	b.do("open the portal", chromedp.Navigate(w.portal(customer).(string)), chromedp.WaitVisible("#subscriptions"))
	b.do("cancel the subscription", chromedp.Click("button[value=cancel]"), chromedp.WaitVisible("button[value=resume]"))
	b.picture("portal.png")
	b.do("take that back", chromedp.Click("button[value=resume]"), chromedp.WaitVisible("button[value=cancel]"))
	b.do("change the card", chromedp.Click("input[value=pm_card_visa]"), chromedp.Click("#use"),
		chromedp.WaitVisible(`#current[data-method="visa •••• 4242"]`))
	w.pass("1h")
	sub := w.get("/v1/subscriptions?customer=" + customer.(string)).body["data"].([]any)[0].(map[string]any)
	w.put(sub, "past_due", "")
	b.do("pay the open invoice", chromedp.Reload(), chromedp.WaitVisible("button[value=pay]"), chromedp.Click("button[value=pay]"),
		chromedp.WaitNotPresent("button[value=pay]"))
	expectFields(t, w.get(path(sub)).body, map[string]any{"status": "active", "cancel_at_period_end": false})

	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		t.Errorf("the browser complained: %s", b.complaints)
	}
	for _, address := range b.requested {
		if !strings.HasPrefix(address, w.server.URL+"/") && !strings.HasPrefix(address, shop.URL+"/") && !strings.HasPrefix(address, "data:") {
			t.Errorf("a page asked for %s", address)
		}
	}
}

// browser is a Chromium with a new profile, and what it said and asked for.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // a browser lives as long as its context

	mu         sync.Mutex
	complaints []string
	requested  []string
}

func browse(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.WindowSize(1000, 900), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser did not start: %v", err)
	}
	b := &browser{t: t}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logErr := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	if err := errors.Join(networkErr, logErr); err != nil {
		t.Fatal(err)
	}
	limited, end := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(end)
	b.ctx = limited
	return b
}

// chromium is the browser to test with. A machine without one fails: scripts/chromium installs it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, candidate := range []string{os.Getenv("CHROMIUM"), "chromium", "/usr/bin/chromium"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium to test with: run scripts/chromium to install it, or set CHROMIUM to its path")
	return ""
}

// hear notes what the browser asks for, and what it complains about: violations of a page's policy among it.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requested = append(b.requested, event.Request.URL)
	case *network.EventLoadingFailed:
		if !event.Canceled {
			b.complaints = append(b.complaints, "a request failed: "+event.ErrorText)
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
			b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
		}
	}
}

func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("could not %s: %v\nthe browser said: %s", what, err, b.complaints)
	}
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(selector))
	if err != nil {
		b.t.Fatalf("read %s: %v", selector, err)
	}
	return text
}

func (b *browser) picture(name string) {
	b.t.Helper()
	prefix := os.Getenv("SANDBOX_SCREENSHOT")
	if prefix == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(prefix+name, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
