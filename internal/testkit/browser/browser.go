// Package browser gives a test a Chromium of its own, and what it said.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tallystick/internal/testkit"
)

// Browser is a Chromium with a new profile.
type Browser struct {
	// Ctx is for chromedp's own functions; it ends after two minutes.
	Ctx context.Context //nolint:containedctx // a browser lives as long as its context

	t          *testing.T
	mu         sync.Mutex
	complaints []string
	requested  []string
}

// Open starts a browser with a window of a size, and listens to it.
func Open(t *testing.T, width, height int) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.WindowSize(width, height), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
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
	b := &Browser{t: t}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logErr := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, runtimeErr := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	if err := errors.Join(networkErr, logErr, runtimeErr); err != nil {
		t.Fatal(err)
	}
	limited, end := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(end)
	b.Ctx = limited
	return b
}

// path is where the browser is. Without one the test is left out.
func path(t *testing.T) string {
	t.Helper()
	for _, candidate := range []string{os.Getenv("CHROMIUM"), "chromium", "/usr/bin/chromium"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	testkit.LeaveOut(t, "there is no Chromium; set CHROMIUM to its path")
	return ""
}

// hear notes what the browser asks for, and what it and its pages complain
// about: violations of a page's content security policy among it.
func (b *Browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complain := func(text string) { b.complaints = append(b.complaints, text) }
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requested = append(b.requested, event.Request.URL)
	case *network.EventLoadingFailed:
		if !event.Canceled {
			complain("a request failed: " + event.ErrorText)
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
			complain(event.Entry.Text + " " + event.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		complain(event.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range event.Args {
				complain(fmt.Sprintf("%s %s", arg.Value, arg.Description))
			}
		}
	}
}

// Complaints are what the browser and its pages have complained about.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.complaints...)
}

// Requested are the addresses that pages have asked for.
func (b *Browser) Requested() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requested...)
}

// Do carries actions out, and fails the test when it cannot.
func (b *Browser) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.Ctx, actions...); err != nil {
		b.t.Fatalf("could not %s: %v\nthe browser said: %s", what, err, b.Complaints())
	}
}

// Text is the text of what a selector finds, and fails the test when there is
// none.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.Ctx, chromedp.Text(selector))
	if err != nil {
		b.t.Fatalf("read %s: %v", selector, err)
	}
	return text
}

// Holds evaluates a condition in the page.
func (b *Browser) Holds(script string) bool {
	b.t.Helper()
	holds, err := chromedp.Run(b.Ctx, chromedp.Evaluate[bool](script))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", script, err)
	}
	return holds
}

// Picture writes a screenshot, for a person to look at; an empty name writes
// none.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	if name == "" {
		return
	}
	picture, err := chromedp.Run(b.Ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
