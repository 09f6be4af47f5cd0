package httpapi_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/httpapi"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	var down error
	b := setup(func(o *httpapi.Options) { o.Ready = func(context.Context) error { return down } })
	check := func(target string, status int) {
		t.Helper()
		a := b.send(t, http.MethodGet, target, "", "Authorization: ")
		if a.Status != status || strings.Contains(a.Body, "postgres") {
			t.Errorf("%s: got %d %s, want %d", target, a.Status, a.Body, status)
		}
	}
	check("/healthz", http.StatusOK)
	check("/readyz", http.StatusOK)
	down = errors.New("cannot reach postgres://user:secret@db")
	check("/healthz", http.StatusOK)
	check("/readyz", http.StatusServiceUnavailable)
}

func TestOptionalRoutes(t *testing.T) {
	t.Parallel()
	teapot := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, tc := range []struct {
		method, target string
		given          func(*httpapi.Options)
	}{
		{http.MethodGet, "/metrics", func(o *httpapi.Options) { o.Metrics = teapot }},
		{http.MethodPost, "/webhooks/stripe", func(o *httpapi.Options) { o.Webhooks = teapot }},
	} {
		if a := setup().send(t, tc.method, tc.target, ""); a.Status != http.StatusNotFound {
			t.Errorf("%s without a handler: got %d", tc.target, a.Status)
		}
		if a := setup(tc.given).send(t, tc.method, tc.target, ""); a.Status != http.StatusTeapot {
			t.Errorf("%s with a handler: got %d", tc.target, a.Status)
		}
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	t.Parallel()
	b := setup()
	for target, cache := range map[string]string{
		"/": "no-cache", "/graphql?query={__typename}": "no-store", "/graphql": "no-store", "/healthz": "no-store", "/nothing": "no-store",
	} {
		h := b.send(t, http.MethodGet, target, "").Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": cache,
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", target, name, h.Get(name), want)
			}
		}
		if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", target, policy)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins are let in", target)
		}
	}
	if vary := b.send(t, http.MethodGet, "/graphql", "").Header.Values("Vary"); !slices.Contains(vary, "Accept") {
		t.Errorf("Vary is %q", vary)
	}
}

func TestPlaygroundFiles(t *testing.T) {
	t.Parallel()
	b := setup()
	page := b.send(t, http.MethodGet, "/", "", "Authorization: ")
	if page.Status != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("got %d %v", page.Status, page.Header)
	}
	if again := b.send(t, http.MethodGet, "/", "", "If-None-Match: "+page.Header.Get("ETag")); again.Status != http.StatusNotModified {
		t.Errorf("the page again: got %d", again.Status)
	}
	links := regexp.MustCompile(`(?:src|href)="(/playground/[^"]+)"`).FindAllStringSubmatch(page.Body, -1)
	if len(links) < 6 {
		t.Fatalf("the page links to %d files", len(links))
	}
	for _, link := range links {
		plain := b.send(t, http.MethodGet, link[1], "", "Accept-Encoding: br, gzip;q=0")
		packed := b.send(t, http.MethodGet, link[1], "", "Accept-Encoding: br, gzip")
		if plain.Status != http.StatusOK || plain.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" ||
			plain.Header.Get("ETag") == packed.Header.Get("ETag") {
			t.Errorf("%s: got %d %v and %v", link[1], plain.Status, plain.Header, packed.Header)
		}
		if unpack(t, packed.Body) != plain.Body {
			t.Errorf("%s: the packed file is another", link[1])
		}
	}
	for _, target := range []string{
		"/playground/", "/playground/0123456789abcdef/boot.js", strings.Replace(links[0][1], "icon.svg", "index.html", 1),
	} {
		if a := b.send(t, http.MethodGet, target, ""); a.Status != http.StatusNotFound || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %v", target, a.Status, a.Header)
		}
	}
}

func unpack(t *testing.T, body string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
