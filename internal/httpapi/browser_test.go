package httpapi_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tallystick/internal/testkit/browser"
)

// TestPlaygroundInABrowser visits the playground as a newcomer does: it opens the page, enters the key and runs the
// first query. PLAYGROUND_SCREENSHOT names a file to keep the last sight of it in.
func TestPlaygroundInABrowser(t *testing.T) {
	server := httptest.NewServer(setup())
	defer server.Close()
	b := browser.Open(t, 1280, 800)

	b.Do("open the page", chromedp.Navigate(server.URL), chromedp.WaitVisible(".graphiql-execute-button"))
	if welcome := b.Text("#welcome"); !strings.Contains(welcome, "prints the admin key when it starts") {
		t.Errorf("the welcome is %q", welcome)
	}
	b.Do("enter the key", chromedp.SendKeys("#key", testKey+kb.Enter),
		chromedp.WaitVisible(`#key-state[data-state="good"]`), chromedp.WaitNotVisible("#welcome"))
	b.Do("run the query", chromedp.Click(".graphiql-execute-button"), chromedp.Poll[chromedp.Void](
		`document.querySelector('.result-window').textContent.includes('"Espresso subscription"')`,
		chromedp.WithPollingTimeout(0)))
	b.Picture(os.Getenv("PLAYGROUND_SCREENSHOT"))

	stored, err := chromedp.Run(b.Ctx, chromedp.Evaluate[[]string](`[sessionStorage, localStorage].map((s) => JSON.stringify(s))`))
	if err != nil || !strings.Contains(stored[0], testKey) || strings.Contains(stored[1], testKey) {
		t.Errorf("the key belongs in the session storage alone: %s, %v", stored, err)
	}
	if complaints := b.Complaints(); len(complaints) > 0 {
		t.Errorf("the browser complained: %s", complaints)
	}
	for _, url := range b.Requested() {
		if !strings.HasPrefix(url, server.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s", url)
		}
	}
}
