package testkit

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Client asks a server.
type Client struct {
	URL string // the server's
	Key string // a bearer key
}

// Answer is a GraphQL response, or a part of one, to be asked by path.
type Answer struct {
	t     testing.TB
	value any
	raw   string
}

// Query sends a GraphQL document that must be answered without top-level
// errors, and returns the data.
func (c Client) Query(t testing.TB, document string, variables ...map[string]any) Answer {
	t.Helper()
	response := c.Send(t, document, variables...)
	if response.Has("errors") {
		t.Fatalf("the answer has errors: %s", response.raw)
	}
	return response.At("data")
}

// Send sends a GraphQL document and returns the whole response.
func (c Client) Send(t testing.TB, document string, variables ...map[string]any) Answer {
	t.Helper()
	body := map[string]any{"query": document}
	if len(variables) > 0 {
		body["variables"] = variables[0]
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/graphql", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp := c.Do(t, req)
	defer resp.Body.Close()
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	a := Answer{t: t, raw: raw.String()}
	if err := json.Unmarshal(raw.Bytes(), &a.value); err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	return a
}

// Do sends a request with the key.
func (c Client) Do(t testing.TB, req *http.Request) *http.Response {
	t.Helper()
	req.Header.Set("Authorization", "Bearer "+c.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// At is the part at a path such as "products.edges.0.node". A part that is not
// there fails the test.
func (a Answer) At(path string) Answer {
	a.t.Helper()
	value, ok := a.find(path)
	if !ok {
		a.t.Fatalf("the answer has no %s: %s", path, a.raw)
	}
	return Answer{t: a.t, value: value, raw: a.raw}
}

// Has reports whether there is something other than null at a path.
func (a Answer) Has(path string) bool {
	value, ok := a.find(path)
	return ok && value != nil
}

// Value is what stands at a path, whatever it is; nil when there is nothing.
func (a Answer) Value(path string) any {
	value, _ := a.find(path)
	return value
}

func (a Answer) find(path string) (any, bool) {
	value := a.value
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			var ok bool
			if value, ok = v[name]; !ok {
				return nil, false
			}
		case []any:
			var i int
			if err := json.Unmarshal([]byte(name), &i); err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// String is a string at a path.
func (a Answer) String(path string) string {
	a.t.Helper()
	s, ok := a.At(path).value.(string)
	if !ok {
		a.t.Fatalf("%s is not a string: %s", path, a.raw)
	}
	return s
}

// Int is an integer at a path.
func (a Answer) Int(path string) int {
	a.t.Helper()
	n, ok := a.At(path).value.(float64)
	if !ok {
		a.t.Fatalf("%s is not a number: %s", path, a.raw)
	}
	return int(n)
}

// Bool is a boolean at a path.
func (a Answer) Bool(path string) bool {
	a.t.Helper()
	b, ok := a.At(path).value.(bool)
	if !ok {
		a.t.Fatalf("%s is not a boolean: %s", path, a.raw)
	}
	return b
}

// List are the items of a list at a path.
func (a Answer) List(path string) []Answer {
	a.t.Helper()
	items, ok := a.At(path).value.([]any)
	if !ok {
		a.t.Fatalf("%s is not a list: %s", path, a.raw)
	}
	list := make([]Answer, len(items))
	for i, item := range items {
		list[i] = Answer{t: a.t, value: item, raw: a.raw}
	}
	return list
}

// Raw is the whole response.
func (a Answer) Raw() string { return a.raw }
