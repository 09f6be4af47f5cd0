package httpapi_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPlaygroundInABrowser visits the playground as a newcomer does: it opens the page, enters the key and runs the
// first query. PLAYGROUND_SCREENSHOT names a file to keep the last sight of it in.
func TestPlaygroundInABrowser(t *testing.T) {
	server := httptest.NewServer(setup())
	defer server.Close()
	ctx, heard := browse(t)

	do := func(what string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatalf("could not %s: %v\nthe browser said: %s", what, err, heard)
		}
	}
	do("open the page", chromedp.Navigate(server.URL), chromedp.WaitVisible(".graphiql-execute-button"))
	welcome, err := chromedp.Run(ctx, chromedp.Text("#welcome"))
	if err != nil || !strings.Contains(welcome, "prints the admin key when it starts") {
		t.Errorf("the welcome is %q, %v", welcome, err)
	}
	do("enter the key", chromedp.SendKeys("#key", testKey+kb.Enter),
		chromedp.WaitVisible(`#key-state[data-state="good"]`), chromedp.WaitNotVisible("#welcome"))
	do("run the query", chromedp.Click(".graphiql-execute-button"), chromedp.Poll[chromedp.Void](
		`document.querySelector('.result-window').textContent.includes('"Espresso subscription"')`,
		chromedp.WithPollingTimeout(0)))
	screenshot(ctx, t)

	stored, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[sessionStorage, localStorage].map((s) => JSON.stringify(s))`))
	if err != nil || !strings.Contains(stored[0], testKey) || strings.Contains(stored[1], testKey) {
		t.Errorf("the key belongs in the session storage alone: %s, %v", stored, err)
	}
	if complaints := heard.complaints(); len(complaints) > 0 {
		t.Errorf("the browser complained: %s", complaints)
	}
	for _, url := range heard.requested() {
		if !strings.HasPrefix(url, server.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s", url)
		}
	}
}

// browse starts a browser with a new profile, and listens to it.
func browse(t *testing.T) (context.Context, *ear) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute),
		chromedp.WindowSize(1280, 800),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)
	ctx, stopBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stopBrowser)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser did not start: %v", err)
	}

	heard := &ear{}
	if err := chromedp.Listen(ctx, heard.event); err != nil {
		t.Fatal(err)
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logErr := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, runtimeErr := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	if err := errors.Join(networkErr, logErr, runtimeErr); err != nil {
		t.Fatal(err)
	}
	limited, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	return limited, heard
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

func screenshot(ctx context.Context, t *testing.T) {
	t.Helper()
	name := os.Getenv("PLAYGROUND_SCREENSHOT")
	if name == "" {
		return
	}
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ear collects what a page logs and asks for.
type ear struct {
	mu     sync.Mutex
	errors []string
	urls   []string
}

func (e *ear) event(event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		e.urls = append(e.urls, event.Request.URL)
	case *network.EventLoadingFailed:
		if !event.Canceled {
			e.errors = append(e.errors, "a request failed: "+event.ErrorText)
		}
	case *log.EventEntryAdded: // what the browser itself says, violations of the content security policy among it
		if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
			e.errors = append(e.errors, event.Entry.Text+" "+event.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		e.errors = append(e.errors, event.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range event.Args {
				e.errors = append(e.errors, fmt.Sprintf("%s %s", arg.Value, arg.Description))
			}
		}
	}
}

func (e *ear) complaints() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.errors...)
}

func (e *ear) requested() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.urls...)
}

func (e *ear) String() string { return strings.Join(e.complaints(), "\n") }
