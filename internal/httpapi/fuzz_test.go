package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzTransport sends whatever there is as a body, as a query string and as a document.
// The answer is JSON and short, and never a fault of the server.
func FuzzTransport(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ __typename }"}`, `{"query":"query($n: Int) { products(first: $n) { totalCount } }","variables":{"n":1e400}}`,
		`{"query":"{ nodes(ids: []) { id } }","operationName":"x"}`, `[]`, `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`,
		`query=%7B__typename%7D&variables={"a":1}`, `query={`, `{ products(first: 99999999999999999999) { totalCount } }`,
		`{ a: echo(metadata: {a: [1, {b: "\ud800"}]}) }`, `fragment f on Query { ...f } { ...f }`, `query($a: [[[Int]]] = [[[1]]]) { echo }`,
		`{ products(after: "x", first: 1, last: null) { edges { cursor } } }`, "{ echo(text: \"\"\"\\\"\"\"\"\"\") }", "\xff\xfe{", `{"query":"{ echo(big: \"1\") }","variables":null}`,
		`subscription { ticks }`, `mutation { rename(input: {id: {}, name: 1}) { id } }`, `query @skip(if: true) { __schema { types { name } } }`,
	} {
		f.Add(seed)
	}
	b := setup()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "fault") || strings.Contains(text, "break") || strings.Contains(text, "broken") {
			return // fields that fail on purpose
		}
		document, err := json.Marshal(map[string]string{"query": text})
		if err != nil {
			t.Fatal(err)
		}
		requests := []*http.Request{
			httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(text)),
			httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(document))),
			httptest.NewRequest(http.MethodGet, "/graphql", nil),
		}
		requests[2].URL.RawQuery = text
		for _, r := range requests {
			r.Header.Set("Authorization", "Bearer "+testKey)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			b.ServeHTTP(w, r)
			if body := w.Body.String(); !json.Valid(w.Body.Bytes()) || w.Code >= 500 || strings.Contains(body, `"INTERNAL"`) {
				t.Errorf("%s: %d %.500s", r.Method, w.Code, body)
			}
		}
	})
}
