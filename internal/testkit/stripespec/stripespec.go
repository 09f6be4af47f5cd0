// Package stripespec holds requests to Stripe to Stripe's own specification.
package stripespec

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"tallystick/internal/testkit"
)

// stub is Stripe's own stand-in, which checks the parameters of requests and knows no
// state.
var stub = sync.OnceValues(func() (*server.StubServer, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	return server.NewStubServer(fixtures, spec, true, false)
})

// Check fails the test for each request on the wire that the specification does not
// allow, until the wire gets another hook.
func Check(t testing.TB, w *testkit.Wire) {
	t.Helper()
	checker, err := stub()
	if err != nil {
		t.Fatal(err)
	}
	w.Before(func(_ int, r *http.Request) testkit.Verdict {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		check := r.Clone(r.Context())
		check.Body = io.NopCloser(bytes.NewReader(body))
		check.Header.Set("Authorization", "Bearer sk_test_123") // the only form that it takes
		answer := httptest.NewRecorder()
		checker.HandleRequest(answer, check)
		if answer.Code != http.StatusOK {
			t.Errorf("%s %s\n%s\n%s", r.Method, r.URL, body, answer.Body)
		}
		return testkit.Pass
	})
}
