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

// TestPlaygroundInABrowser visits the playground as a newcomer does: it opens the page,
// enters the key and runs the first query. PLAYGROUND_SCREENSHOT names a file to keep
// the last sight of it in.
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

// TestPlaygroundByItsLink opens the link that the server prints, on a phone and by
// keyboard alone.
func TestPlaygroundByItsLink(t *testing.T) {
	server := httptest.NewServer(setup())
	defer server.Close()
	b := browser.Open(t, 390, 844)
	b.Do("open the link", chromedp.Navigate(server.URL+"/#key="+testKey), chromedp.WaitVisible(".graphiql-execute-button"))
	for what, script := range map[string]string{
		"the address bar and the history have no key": `location.href === location.origin + '/' && history.length <= 2`,
		"the page is no wider than the phone":         `document.documentElement.scrollWidth <= innerWidth`,
		"the answer stands below the document": `document.querySelector('.result-window').getBoundingClientRect().top >=
			document.querySelector('.graphiql-query-editor').getBoundingClientRect().bottom - 1`,
	} {
		if !b.Holds(script) {
			t.Errorf("it does not hold that %s", what)
		}
	}

	b.Do("run the query by keyboard", chromedp.Focus(".graphiql-query-editor textarea"),
		chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)),
		chromedp.Poll[chromedp.Void](`document.querySelector('.result-window').textContent.includes('"Espresso subscription"')`,
			chromedp.WithPollingTimeout(0)))
	b.Do("leave the editor", chromedp.KeyEvent(kb.Tab))
	for what, script := range map[string]string{
		"Tab leaves the editor":                         `!document.activeElement.closest('.graphiql-query-editor .CodeMirror')`,
		"every editor has a name":                       `[...document.querySelectorAll('#graphiql textarea')].every((e) => e.getAttribute('aria-label'))`,
		"nothing of the document or the answer is kept": `![sessionStorage, localStorage].some((s) => /products|Espresso/.test(JSON.stringify(s)))`,
	} {
		if !b.Holds(script) {
			t.Errorf("it does not hold that %s", what)
		}
	}
	b.Picture(os.Getenv("PLAYGROUND_PHONE_SCREENSHOT"))
	for _, url := range b.Requested() {
		if strings.Contains(strings.TrimPrefix(url, server.URL+"/#key="+testKey), testKey) {
			t.Errorf("the key is in the address of a request: %s", url)
		}
	}
	if complaints := b.Complaints(); len(complaints) > 0 {
		t.Errorf("the browser complained: %s", complaints)
	}
}
