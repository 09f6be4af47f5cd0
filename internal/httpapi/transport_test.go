package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tallystick/internal/httpapi"
)

const (
	acceptJSON    = "Accept: application/json"
	acceptGraphQL = "Accept: application/graphql-response+json"
)

func TestPost(t *testing.T) {
	t.Parallel()
	b := setup()
	body := func(members string) string { return `{"query":"{ __typename }",` + members + `}` }
	for _, tc := range []struct {
		name    string
		body    string
		headers []string
		status  int
		code    string
		media   string
	}{
		{name: "application/json is the default", body: `{"query":"{ __typename }"}`, status: 200, media: "application/json"},
		{name: "any type is answered with application/json", body: `{"query":"{ __typename }"}`, headers: []string{"Accept: */*"}, status: 200, media: "application/json"},
		{name: "application/json is matched", body: `{"query":"{ __typename }"}`, headers: []string{acceptJSON}, status: 200, media: "application/json"},
		{name: "graphql-response+json is matched", body: `{"query":"{ __typename }"}`, headers: []string{acceptGraphQL}, status: 200, media: "application/graphql-response+json"},
		{name: "the type liked best wins", body: `{"query":"{ __typename }"}`, headers: []string{"Accept: application/json;q=0.5, application/graphql-response+json;q=0.9"}, status: 200, media: "application/graphql-response+json"},
		{name: "the type named first wins among equals", body: `{"query":"{ __typename }"}`, headers: []string{"Accept: application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"}, status: 200, media: "application/graphql-response+json"},
		{name: "a type that is ruled out is not used", body: `{"query":"{ __typename }"}`, headers: []string{"Accept: application/json;q=0, application/graphql-response+json;q=0.1"}, status: 200, media: "application/graphql-response+json"},
		{name: "types of others are not acceptable", body: `{"query":"{ __typename }"}`, headers: []string{"Accept: text/html"}, status: 406, code: "BAD_USER_INPUT", media: "application/json"},

		{name: "a charset of utf-8 is accepted", body: `{"query":"{ __type(name: \"Run🏃Swim🏊\") { name } }"}`, headers: []string{"Content-Type: application/json; charset=UTF-8"}, status: 200},
		{name: "another charset is refused", body: `{"query":"{ __typename }"}`, headers: []string{"Content-Type: application/json; charset=utf-16"}, status: 415, code: "BAD_USER_INPUT"},
		{name: "a missing content type is refused", body: `{"query":"{ __typename }"}`, headers: []string{"Content-Type: "}, status: 415, code: "BAD_USER_INPUT"},
		{name: "a form is refused", body: `query={__typename}`, headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415, code: "BAD_USER_INPUT"},
		{name: "multipart is refused", body: `--x--`, headers: []string{"Content-Type: multipart/form-data; boundary=x"}, status: 415, code: "BAD_USER_INPUT"},
		{name: "text is refused", body: `{"query":"{ __typename }"}`, headers: []string{"Content-Type: text/plain"}, status: 415, code: "BAD_USER_INPUT"},
		{name: "a compressed body is refused", body: `x`, headers: []string{"Content-Encoding: gzip"}, status: 415, code: "BAD_USER_INPUT"},

		{name: "an empty body is refused", body: ``, status: 400, code: "BAD_USER_INPUT"},
		{name: "half a body is refused", body: `{ "secret`, headers: []string{acceptJSON}, status: 400, code: "BAD_USER_INPUT"},
		{name: "half a body is refused in the new type too", body: `{ "secret`, headers: []string{acceptGraphQL}, status: 400, code: "BAD_USER_INPUT"},
		{name: "more than one value is refused", body: `{"query":"{ __typename }"} {}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "null is refused", body: `null`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a string is refused", body: `"{ __typename }"`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a batch is refused", body: ` [{"query":"{ __typename }"}]`, status: 400, code: "BAD_USER_INPUT"},
		{name: "bytes that are not UTF-8 are refused", body: "{\"query\":\"{ echo(text: \\\"\xff\\\") }\"}", status: 400, code: "BAD_USER_INPUT"},

		{name: "a missing query is refused", body: `{"notquery":"{ __typename }"}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a query of another case is missing", body: `{"Query":"{ __typename }"}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "an empty query is refused", body: `{"query":""}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a blank query is refused", body: `{"query":" \n"}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a null query is refused", body: `{"query":null}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "an object as query is refused", body: `{"query":{"obj":"ect"}}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a number as query is refused", body: `{"query":0}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "a boolean as query is refused", body: `{"query":false}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "an array as query is refused", body: `{"query":["array"]}`, status: 400, code: "BAD_USER_INPUT"},
		{name: "an object as operationName is refused", body: body(`"operationName":{"obj":"ect"}`), status: 400, code: "BAD_USER_INPUT"},
		{name: "a number as operationName is refused", body: body(`"operationName":0`), status: 400, code: "BAD_USER_INPUT"},
		{name: "a string as variables is refused", body: body(`"variables":"string"`), status: 400, code: "BAD_USER_INPUT"},
		{name: "a number as variables is refused", body: body(`"variables":0`), status: 400, code: "BAD_USER_INPUT"},
		{name: "an array as variables is refused", body: body(`"variables":["array"]`), status: 400, code: "BAD_USER_INPUT"},
		{name: "a boolean as extensions is refused", body: body(`"extensions":false`), status: 400, code: "BAD_USER_INPUT"},
		{name: "an array as extensions is refused", body: body(`"extensions":["array"]`), status: 400, code: "BAD_USER_INPUT"},
		{name: "null stands for the lack of a parameter", body: body(`"operationName":null,"variables":null,"extensions":null`), status: 200},
		{name: "an empty operationName is none", body: body(`"operationName":""`), status: 200},
		{name: "extensions may hold anything", body: body(`"extensions":{"some":"value"}`), status: 200},
		{name: "variables may hold more than is used", body: body(`"variables":{"some":"value"}`), status: 200},

		{name: "a document that cannot be parsed is 200 in json", body: `{"query":"{"}`, headers: []string{acceptJSON}, status: 200, code: "GRAPHQL_PARSE_FAILED"},
		{name: "a document that cannot be parsed is 400 in graphql-response+json", body: `{"query":"{"}`, headers: []string{acceptGraphQL}, status: 400, code: "GRAPHQL_PARSE_FAILED"},
		{name: "an invalid document is 200 in json", body: `{"query":"{ nosuchfield }"}`, headers: []string{acceptJSON}, status: 200, code: "GRAPHQL_VALIDATION_FAILED"},
		{name: "an invalid document is 400 in graphql-response+json", body: `{"query":"{ nosuchfield }"}`, headers: []string{acceptGraphQL}, status: 400, code: "GRAPHQL_VALIDATION_FAILED"},
		{name: "a document without an operation is invalid", body: `{"query":"fragment f on Query { __typename }"}`, status: 200, code: "GRAPHQL_VALIDATION_FAILED"},
		{name: "a comment alone is invalid", body: `{"query":"# nothing"}`, status: 200, code: "GRAPHQL_VALIDATION_FAILED"},
		{name: "an unknown operation is the client's fault", body: `{"query":"query A { __typename }","operationName":"B"}`, headers: []string{acceptGraphQL}, status: 400, code: "BAD_USER_INPUT"},
		{name: "one of two operations has to be named", body: `{"query":"query A { __typename } query B { __typename }"}`, headers: []string{acceptGraphQL}, status: 400, code: "BAD_USER_INPUT"},
		{name: "a variable of the wrong type is 200 in json", body: `{"query":"query($id: ID!) { node(id: $id) { id } }","variables":{"id":null}}`, headers: []string{acceptJSON}, status: 200, code: "BAD_USER_INPUT"},
		{name: "a variable of the wrong type is 400 in graphql-response+json", body: `{"query":"query($id: ID!) { node(id: $id) { id } }","variables":{"id":null}}`, headers: []string{acceptGraphQL}, status: 400, code: "BAD_USER_INPUT"},
		{name: "a subscription needs another transport", body: `{"query":"subscription { ticks }"}`, headers: []string{acceptGraphQL}, status: 400, code: "BAD_USER_INPUT"},
		{name: "a mutation runs", body: `{"query":"mutation { rename(input: {id: \"p\", name: \"n\"}) { id } }"}`, status: 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.send(t, http.MethodPost, "/graphql", tc.body, tc.headers...)
			if a.Status != tc.status || a.code() != tc.code {
				t.Errorf("got %d %q, want %d %q\n%s", a.Status, a.code(), tc.status, tc.code, a.Body)
			}
			if contentType := a.Header.Get("Content-Type"); !strings.HasPrefix(contentType, tc.media) || !strings.HasSuffix(contentType, "; charset=utf-8") {
				t.Errorf("Content-Type is %q, want %q in utf-8", contentType, tc.media)
			}
			if strings.Contains(a.Body, `"data"`) != (tc.code == "") {
				t.Errorf("data is present exactly when the operation ran: %s", a.Body)
			}
			if strings.Contains(a.Body, "secret") {
				t.Errorf("the error repeats the body: %s", a.Body)
			}
		})
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	b := setup()
	for _, tc := range []struct {
		name   string
		params url.Values
		status int
		code   string
	}{
		{"a query runs", url.Values{"query": {"{ __typename }"}}, 200, ""},
		{"variables are JSON", url.Values{"query": {"query($t: String) { echo(text: $t) }"}, "variables": {`{"t":"x"}`}}, 200, ""},
		{"variables that are no JSON are refused", url.Values{"query": {"{ __typename }"}, "variables": {"{"}}, 400, "BAD_USER_INPUT"},
		{"extensions that are no object are refused", url.Values{"query": {"{ __typename }"}, "extensions": {"[]"}}, 400, "BAD_USER_INPUT"},
		{"an operation is picked by name", url.Values{"query": {"query A { __typename } query B { nosuch: __typename }"}, "operationName": {"B"}}, 200, ""},
		{"a number is a name like any other", url.Values{"query": {"{ __typename }"}, "operationName": {"7"}}, 200, "BAD_USER_INPUT"},
		{"a missing query is refused", nil, 400, "BAD_USER_INPUT"},
		{"a mutation is not allowed", url.Values{"query": {"mutation { __typename }"}}, 405, "BAD_USER_INPUT"},
		{"a mutation among queries is not allowed", url.Values{"query": {"query A { __typename } mutation B { __typename }"}, "operationName": {"B"}}, 405, "BAD_USER_INPUT"},
		{"a query among mutations is", url.Values{"query": {"query A { __typename } mutation B { __typename }"}, "operationName": {"A"}}, 200, ""},
		{"a subscription needs another transport", url.Values{"query": {"subscription { ticks }"}}, 200, "BAD_USER_INPUT"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.send(t, http.MethodGet, "/graphql?"+tc.params.Encode(), "")
			if a.Status != tc.status || a.code() != tc.code {
				t.Errorf("got %d %q, want %d %q\n%s", a.Status, a.code(), tc.status, tc.code, a.Body)
			}
			if allow := a.Header.Get("Allow"); (allow == "POST") != (tc.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

func TestEveryDocumentNeedsAKey(t *testing.T) {
	t.Parallel()
	b := setup()
	for _, authorization := range []string{
		"Authorization: ", "Authorization: Bearer wrong", "Authorization: Bearer", "Authorization: Basic " + testKey, "Authorization: " + testKey,
	} {
		for _, body := range []string{`{"query":"{ __typename }"}`, `{"query":"{ __schema { description } }"}`, `{"query":"{"}`, `not JSON`, ``} {
			for _, accept := range []string{acceptJSON, acceptGraphQL, "Accept: text/html"} {
				a := b.send(t, http.MethodPost, "/graphql", body, authorization, accept)
				if a.Status != http.StatusUnauthorized || a.code() != "UNAUTHENTICATED" || a.Data != nil {
					t.Errorf("%s %q: got %d %s", authorization, body, a.Status, a.Body)
				}
				if challenge := a.Header.Get("WWW-Authenticate"); challenge != "Bearer" {
					t.Errorf("WWW-Authenticate is %q", challenge)
				}
			}
		}
		if a := b.send(t, http.MethodGet, "/graphql?query={__typename}", "", authorization); a.Status != http.StatusUnauthorized {
			t.Errorf("GET with %s: got %d", authorization, a.Status)
		}
	}
	if a := b.send(t, http.MethodPost, "/graphql", `{"query":"{ __typename }"}`, "Authorization: bearer  "+testKey); a.Status != http.StatusOK {
		t.Errorf("the scheme is matched in any case, got %d", a.Status)
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	b := setup(func(o *httpapi.Options) { o.Webhooks = http.NotFoundHandler() })
	for target, allow := range map[string]string{
		"/graphql": "GET, POST", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/webhooks/stripe": "POST",
	} {
		a := b.send(t, http.MethodDelete, target, "")
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allow {
			t.Errorf("DELETE %s: got %d, Allow %q, want %q", target, a.Status, a.Header.Get("Allow"), allow)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	b := setup(func(o *httpapi.Options) { o.Limits.BodyBytes = 100 })
	fits := `{"query":"{ __typename }"}` + strings.Repeat(" ", 100-len(`{"query":"{ __typename }"}`))
	if a := b.send(t, http.MethodPost, "/graphql", fits); a.Status != http.StatusOK {
		t.Errorf("a body of the limit's size: got %d", a.Status)
	}
	if a := b.send(t, http.MethodPost, "/graphql", fits+" "); a.Status != http.StatusRequestEntityTooLarge || a.code() != "BAD_USER_INPUT" {
		t.Errorf("a larger body: got %d %s", a.Status, a.Body)
	}
	if a := b.send(t, http.MethodGet, "/graphql?query=%7B__typename%7D&x="+strings.Repeat("x", 100), ""); a.Status != http.StatusRequestURITooLong {
		t.Errorf("a longer query string: got %d", a.Status)
	}
}

func TestErrorsOfResolvers(t *testing.T) {
	t.Parallel()
	b := setup()
	for _, accept := range []string{acceptJSON, acceptGraphQL} {
		a := b.send(t, http.MethodPost, "/graphql", `{"query":"{ broken }"}`, accept)
		if a.Status != http.StatusOK || string(a.Data) != `{"broken":null}` || a.code() != "INTERNAL" {
			t.Errorf("%s: a partial result keeps its data and 200: got %d %s", accept, a.Status, a.Body)
		}
	}
	a := b.post(t, `{ breaks(times: 500) }`, nil)
	if len(a.Errors) != 20 || a.Errors[19].Message != "481 more errors are not shown" {
		t.Errorf("got %d errors, the last %q", len(a.Errors), a.Errors[len(a.Errors)-1].Message)
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	a := setup().post(t, `{ fault }`, nil)
	if a.Status != http.StatusInternalServerError || a.code() != "INTERNAL" || a.Errors[0].Message != "fault 42" || a.Data != nil {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestErrorsQuoteLittleOfTheDocument(t *testing.T) {
	t.Parallel()
	a := setup().post(t, strings.Repeat(`"`+strings.Repeat("é", 2000)+`" `, 2), nil)
	if a.code() != "GRAPHQL_PARSE_FAILED" || len(a.Errors[0].Message) > 510 || !strings.HasSuffix(a.Errors[0].Message, "…") {
		t.Errorf("got %q", a.Errors)
	}
}

func TestNumbersInVariablesAreTakenLikeLiterals(t *testing.T) {
	t.Parallel()
	b := setup()
	a := b.send(t, http.MethodPost, "/graphql",
		`{"query":"query($b: Int64, $m: Metadata) { echo(big: $b, metadata: $m) }","variables":{"b":9007199254740991,"m":{"a":[1.5]}}}`)
	args := b.schema.arguments("echo")
	if a.Errors != nil || args["big"] != int64(9007199254740991) || args["metadata"].(map[string]any)["a"].([]any)[0] != 1.5 {
		t.Errorf("got %v %s", args, a.Body)
	}
	for _, tc := range []struct{ query, variables string }{
		{`query($t: String) { echo(text: $t) }`, `{"t":5}`},
		{`query($n: Int) { echo(number: $n) }`, `{"n":1.5}`},
		{`query($n: Int) { echo(number: $n) }`, `{"n":99999999999999999999}`},
		{`query($i: Interval) { echo(interval: $i) }`, `{"i":"WEEKLY"}`},
		{`mutation($i: RenameInput!) { rename(input: $i) { id } }`, `{"i":{"id":"p","name":7}}`},
		{`mutation($i: RenameInput!) { rename(input: $i) { id } }`, `{"i":{"id":"p","name":"n","other":1}}`},
		{`mutation($i: RenameInput!) { rename(input: $i) { id } }`, `{"i":{"id":"p"}}`},
		{`{ echo(big: 99999999999999999999) }`, `{}`},
		{`{ echo(metadata: {a: [1e999]}) }`, `{}`},
	} {
		a := b.send(t, http.MethodPost, "/graphql", `{"query":`+quoted(tc.query)+`,"variables":`+tc.variables+`}`)
		if a.Status != http.StatusOK || a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s with %s: got %d %s", tc.query, tc.variables, a.Status, a.Body)
		}
	}
}
