package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"tallystick/internal/httpapi"
)

const testKey = "tsk_test"

type bundle struct {
	http.Handler
	schema *testSchema
}

func setup(change ...func(*httpapi.Options)) bundle {
	schema := newTestSchema()
	options := httpapi.Options{
		Schema: schema,
		ErrorPresenter: func(ctx context.Context, err error) *gqlerror.Error {
			presented := graphql.DefaultErrorPresenter(ctx, err)
			presented.Extensions = map[string]any{"code": "INTERNAL"}
			return presented
		},
		Recover: func(context.Context, any) error { return errors.New("fault 42") },
		Authenticate: func(ctx context.Context, key string) (context.Context, error) {
			if key != testKey {
				return nil, errors.New("unknown key")
			}
			return ctx, nil
		},
	}
	for _, c := range change {
		c(&options)
	}
	return bundle{httpapi.New(options), schema}
}

type answer struct {
	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Body   string      `json:"-"`

	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Locations  []any          `json:"locations"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Data       json.RawMessage `json:"data"`
	Extensions map[string]any  `json:"extensions"`
}

// code is the code of the first error, or "" without errors.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// send serves one request with a valid key unless the headers say otherwise. A header
// is "Name: value".
func (b bundle) send(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testKey)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)

	content, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: w.Code, Header: w.Header(), Body: string(content)}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(content, &a); err != nil {
			t.Fatalf("the answer is not JSON: %v\n%s", err, content)
		}
	}
	return a
}

// post sends a query with variables as a well-behaved client does.
func (b bundle) post(t *testing.T, query string, variables map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return b.send(t, http.MethodPost, "/graphql", string(body))
}

func quoted(query string) string {
	q, err := json.Marshal(query)
	if err != nil {
		panic(err)
	}
	return string(q)
}
