package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/internal/httpapi"
)

func allow(a httpapi.Allowance) func(*httpapi.Options) {
	return func(o *httpapi.Options) { o.Allowance = func(context.Context) httpapi.Allowance { return a } }
}

// costing is a query of a cost.
func costing(cost int) string {
	return fmt.Sprintf(`{ products(first: %d) { edges { node { id } } } }`, (cost - 1))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{acceptJSON, acceptGraphQL} {
		b := setup(allow(httpapi.Allowance{Principal: "a", CostPerSecond: 1, Complexity: 150}))
		body := `{"query":` + quoted(costing(100)) + `}`
		if a := b.send(t, http.MethodPost, "/graphql", body, accept); a.Status != http.StatusOK || a.code() != "" {
			t.Fatalf("what was saved is not spent: %d %s", a.Status, a.Body)
		}
		a := b.send(t, http.MethodPost, "/graphql", body, accept)
		if a.Status != http.StatusTooManyRequests || a.code() != "RATE_LIMITED" || a.Data != nil {
			t.Errorf("over the limit: %d %s", a.Status, a.Body)
		}
		if got := a.Header.Get("Retry-After"); got != "50" && got != "49" {
			t.Errorf("Retry-After: %q", got)
		}
		if a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(costing(10))+`}`, accept); a.Status != http.StatusOK {
			t.Errorf("a refused operation was paid for: %d %s", a.Status, a.Body)
		}
	}
}

// A document that is refused has taken time too, so that it is not free.
func TestRefusedDocumentsAreCharged(t *testing.T) {
	t.Parallel()
	b := setup(allow(httpapi.Allowance{Principal: "a", CostPerSecond: 1, Complexity: 100}))
	limited := false
	for range 20 {
		limited = limited || b.post(t, `{ nosuch }`, nil).code() == "RATE_LIMITED"
	}
	if !limited {
		t.Error("nonsense is free")
	}
}

func TestPrincipalsAreCountedApart(t *testing.T) {
	t.Parallel()
	type name struct{}
	b := setup(func(o *httpapi.Options) {
		o.Authenticate = func(ctx context.Context, key string) (context.Context, error) {
			return context.WithValue(ctx, name{}, key), nil
		}
		o.Allowance = func(ctx context.Context) httpapi.Allowance {
			return httpapi.Allowance{Principal: ctx.Value(name{}).(string), CostPerSecond: 1, Complexity: 100}
		}
	})
	for _, key := range []string{"ann", "bob"} {
		if a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(costing(100))+`}`, "Authorization: Bearer "+key); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", key, a.Status, a.Body)
		}
	}
}

func TestComplexityOfAPrincipal(t *testing.T) {
	t.Parallel()
	b := setup(allow(httpapi.Allowance{Complexity: 50}))
	if a := b.post(t, costing(50), nil); a.code() != "" {
		t.Errorf("the limit: %s", a.Body)
	}
	if a := b.post(t, costing(51), nil); a.code() != "QUERY_TOO_COMPLEX" || !strings.Contains(a.Errors[0].Message, "the limit is 50") {
		t.Errorf("above: %s", a.Body)
	}
}

// Four of a principal's requests are served at a time, sixteen wait, and the next
// one is refused. Nobody else notices.
func TestRequestsAtOnce(t *testing.T) {
	t.Parallel()
	served, goOn := make(chan struct{}, 100), make(chan struct{})
	b := setup(allow(httpapi.Allowance{Principal: "a", AtOnce: 4}), func(o *httpapi.Options) {
		o.Around = func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
			served <- struct{}{}
			<-goOn
			return next(ctx)
		}
	})
	var all sync.WaitGroup
	answers := make(chan answer, 100)
	for range 21 {
		all.Go(func() { answers <- b.post(t, `{ __typename }`, nil) })
	}
	if a := <-answers; a.Status != http.StatusTooManyRequests || a.code() != "RATE_LIMITED" || a.Header.Get("Retry-After") != "1" {
		t.Errorf("one more than wait: %d %s", a.Status, a.Body)
	}
	for range 4 {
		<-served
	}
	select {
	case <-served:
		t.Error("a fifth is served")
	default:
	}
	close(goOn)
	all.Wait()
	close(answers)
	for a := range answers {
		if a.Status != http.StatusOK {
			t.Errorf("one that waited: %d %s", a.Status, a.Body)
		}
	}
}

func TestCostIsToldToThoseWhoAsk(t *testing.T) {
	t.Parallel()
	b := setup()
	a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(costing(26))+`,"extensions":{"cost":true}}`)
	if got := a.Extensions["cost"]; got != float64(26) {
		t.Errorf("asked: %v in %s", got, a.Body)
	}
	if a := b.post(t, costing(26), nil); a.Extensions != nil {
		t.Errorf("not asked: %s", a.Body)
	}
}

func TestIntrospectionIsRefused(t *testing.T) {
	t.Parallel()
	open, closed := setup(), setup(allow(httpapi.Allowance{NoIntrospection: true}), func(o *httpapi.Options) { o.SchemaNeedsKey = true })
	for _, query := range []string{`{ __schema { description } }`, `{ ...f } fragment f on Query { __type(name: "Query") { name } }`} {
		if a := open.post(t, query, nil); a.code() != "" {
			t.Errorf("open: %s", a.Body)
		}
		if a := closed.post(t, query, nil); a.code() != "FORBIDDEN" {
			t.Errorf("closed: %s", a.Body)
		}
	}
	if a := closed.post(t, `{ __typename }`, nil); a.code() != "" {
		t.Errorf("__typename: %s", a.Body)
	}
	for _, misspelt := range []string{
		`{ produts { totalCount } }`, `{ products(furst: 1) { totalCount } }`,
		`{ echo(interval: MONT) }`, `{ products }`,
	} {
		if a := open.post(t, misspelt, nil); !strings.Contains(a.Body, "Did you mean") {
			t.Errorf("open, no suggestion for %s: %s", misspelt, a.Body)
		}
		if a := closed.post(t, misspelt, nil); a.code() != "GRAPHQL_VALIDATION_FAILED" || strings.Contains(a.Body, "Did you mean") {
			t.Errorf("closed, a suggestion for %s: %s", misspelt, a.Body)
		}
	}
	for header, status := range map[string]int{"Authorization": http.StatusUnauthorized, "Authorization: Bearer " + testKey: http.StatusForbidden} {
		if a := closed.send(t, http.MethodGet, "/schema.graphql", "", header); a.Status != status || strings.Contains(a.Body, "type Query") {
			t.Errorf("the SDL with %q: %d %.100s", header, a.Status, a.Body)
		}
	}
}

// asJSON is a request's body.
func asJSON(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
