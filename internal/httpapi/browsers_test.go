package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/httpapi"
)

func ask(t *testing.T, h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8080"+path, strings.NewReader(`{"query": "{ __typename }"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+testKey)
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestBrowsersOfOtherOrigins(t *testing.T) {
	h := setup(func(o *httpapi.Options) { o.Origins = []string{"https://app.example.com", "http://localhost:*"} })
	for origin, allowed := range map[string]bool{
		"https://app.example.com":       true,
		"http://localhost:5173":         true,
		"http://localhost":              true,
		"https://app.example.com:8443":  false,
		"http://app.example.com":        false,
		"https://evil.example.com":      false,
		"http://localhost.evil.com:80":  false,
		"http://localhost:5173@evil.io": false,
		"null":                          false,
	} {
		w := ask(t, h, http.MethodPost, "/graphql", map[string]string{"Origin": origin})
		if got := w.Header().Get("Access-Control-Allow-Origin"); (got == origin) != allowed || got != "" && !allowed {
			t.Errorf("%s: %q", origin, got)
		}
		preflight := ask(t, h, http.MethodOptions, "/graphql", map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type", "Authorization": "",
		})
		if got := preflight.Header().Get("Access-Control-Allow-Headers"); (got != "") != allowed {
			t.Errorf("the preflight of %s: %d, %q", origin, preflight.Code, got)
		}
	}
	closed := setup()
	if w := ask(t, closed, http.MethodPost, "/graphql", map[string]string{"Origin": "https://app.example.com"}); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin is let in that nobody has allowed")
	}
}

func TestForeignHosts(t *testing.T) {
	h := setup(func(o *httpapi.Options) { o.LocalOnly = true })
	for host, status := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "evil.example.com": 421, "10.0.0.1:8080": 421, "localhost.evil.com": 421,
	} {
		if w := ask(t, h, http.MethodPost, "/graphql", map[string]string{"Host": host}); w.Code != status {
			t.Errorf("%s: %d, want %d", host, w.Code, status)
		}
	}
}

func TestMetricsForThoseWithAKey(t *testing.T) {
	h := setup(func(o *httpapi.Options) {
		o.MetricsNeedKey = true
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	})
	if w := ask(t, h, http.MethodGet, "/metrics", nil); w.Code != http.StatusOK {
		t.Errorf("with a key: %d", w.Code)
	}
	if w := ask(t, h, http.MethodGet, "/metrics", map[string]string{"Authorization": ""}); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", w.Code)
	}
}

func TestSchemaIsServed(t *testing.T) {
	h := setup()
	w := ask(t, h, http.MethodGet, "/schema.graphql", map[string]string{"Authorization": ""})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "type Query") {
		t.Errorf("%d: %.80s", w.Code, w.Body.String())
	}
}

// What a stranger may put into the place of a scalar, or into a list.
func TestShapesOfValues(t *testing.T) {
	many := slices.Repeat([]any{"a"}, 101)
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
	}{
		"an object for an ID":             {`{ node(id: {}) { id } }`, nil},
		"an object for an ID, a variable": {`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": map[string]any{}}},
		"a list for an ID, a variable":    {`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": []any{"a"}}},
		"an object in an input":           {`mutation($in: RenameInput!) { rename(input: $in) { id } }`, map[string]any{"in": map[string]any{"id": map[string]any{}, "name": "a"}}},
		"an endless list":                 {`{ nodes(ids: [` + strings.Repeat(`"a",`, 101) + `]) { id } }`, nil},
		"an endless list, a variable":     {`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": many}},
	} {
		t.Run(name, func(t *testing.T) {
			if a := setup().post(t, c.query, c.variables); a.code() != "BAD_USER_INPUT" {
				t.Errorf("%s: %s", a.code(), a.Body)
			}
		})
	}
}
