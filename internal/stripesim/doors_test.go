package stripesim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// No web page can drive the sandbox: not by a simple request, and not under a name
// that was made to lead here.
func TestWebPagesCannotDriveTheSandbox(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		path   string
		header map[string]string
		status int
	}{
		"a program":                        {"/_sim/faults", map[string]string{"Content-Type": "application/json"}, http.StatusCreated},
		"curl":                             {"/_sim/faults", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, http.StatusCreated},
		"its own page":                     {"/_sim/faults", map[string]string{"Content-Type": "application/json", "Origin": "http://127.0.0.1:4000"}, http.StatusCreated},
		"a simple request of a page":       {"/_sim/faults", map[string]string{"Content-Type": "text/plain", "Origin": "http://evil.example"}, http.StatusForbidden},
		"a form of a page":                 {"/_sim/faults", map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": "null"}, http.StatusForbidden},
		"JSON of a page":                   {"/_sim/faults", map[string]string{"Content-Type": "application/json", "Origin": "http://evil.example"}, http.StatusForbidden},
		"a request without an origin":      {"/_sim/faults", map[string]string{"Content-Type": "text/plain"}, http.StatusForbidden},
		"a page that does not say its own": {"/_sim/faults", map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"a name that leads here":           {"/_sim/faults", map[string]string{"Content-Type": "application/json", "Host": "evil.example"}, http.StatusMisdirectedRequest},
		"the API under such a name":        {"/v1/customers", map[string]string{"Host": "evil.example:80"}, http.StatusMisdirectedRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:4000"+c.path, strings.NewReader(`{"kind": "refuse", "count": 1}`))
			for name, value := range c.header {
				r.Header.Set(name, value)
				if name == "Host" {
					r.Host = value
				}
			}
			rec := httptest.NewRecorder()
			w.sandbox.ServeHTTP(rec, r)
			if rec.Code != c.status {
				t.Errorf("%d, want %d: %s", rec.Code, c.status, rec.Body)
			}
		})
	}
}
