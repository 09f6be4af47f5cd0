package httpapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/internal/httpapi"
)

type object = map[string]any

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

func persisted(hash string, version any) object {
	return object{"persistedQuery": object{"version": version, "sha256Hash": hash}}
}

func TestAutomaticPersistedQueries(t *testing.T) {
	t.Parallel()
	const query = `query Echo($text: String) { echo(text: $text) }`
	b := setup()
	send := func(body object) answer {
		t.Helper()
		return b.send(t, http.MethodPost, "/graphql", asJSON(t, body))
	}
	if a := send(object{"extensions": persisted(hashOf(query), 1)}); a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("unknown: %s", a.Body)
	}
	for name, body := range map[string]object{
		"the hash of another query": {"query": query, "extensions": persisted(hashOf("{ __typename }"), 1)},
		"another version":           {"query": query, "extensions": persisted(hashOf(query), 2)},
		"no version":                {"query": query, "extensions": object{"persistedQuery": object{"sha256Hash": hashOf(query)}}},
		"no hash":                   {"query": query, "extensions": object{"persistedQuery": object{"version": 1}}},
		"no object":                 {"query": query, "extensions": object{"persistedQuery": "x"}},
	} {
		if a := send(body); a.code() != "BAD_USER_INPUT" || a.Data != nil {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	if a := send(object{"extensions": persisted(hashOf(query), 1)}); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("a refused query was kept: %s", a.Body)
	}
	if a := send(object{"query": `{ nosuch }`, "extensions": persisted(hashOf(`{ nosuch }`), 1)}); a.code() != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("an invalid query: %s", a.Body)
	}
	if a := send(object{"extensions": persisted(hashOf(`{ nosuch }`), 1)}); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid query was kept: %s", a.Body)
	}
	if a := send(object{"query": query, "extensions": persisted(hashOf(query), 1)}); a.code() != "" {
		t.Errorf("with the query: %s", a.Body)
	}
	if a := send(object{"extensions": persisted(hashOf(query), 1), "variables": object{"text": "a"}}); a.code() != "" || !strings.Contains(a.Body, "echo") {
		t.Errorf("by the hash: %s", a.Body)
	}
	get := "/graphql?extensions=" + url.QueryEscape(asJSON(t, persisted(hashOf(query), 1)))
	if a := b.send(t, http.MethodGet, get, ""); a.code() != "" || !strings.Contains(a.Body, "echo") {
		t.Errorf("by GET: %s", a.Body)
	}
}

func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const listed = `query Echo { echo(text: "listed") }`
	trusted := func(o *httpapi.Options) {
		o.Trusted = httpapi.Trusted{hashOf(listed): listed, "a-name": `{ __typename }`}
	}
	restricted, free := setup(trusted, allow(httpapi.Allowance{TrustedOnly: true})), setup(trusted)
	for name, c := range map[string]struct {
		body             object
		restricted, free string
	}{
		"a listed one by its hash":   {object{"extensions": persisted(hashOf(listed), 1)}, "", ""},
		"a listed one by another id": {object{"extensions": persisted("a-name", 1)}, "", ""},
		"a listed one in full":       {object{"query": listed}, "", ""},
		"both":                       {object{"query": listed, "extensions": persisted(hashOf(listed), 1)}, "", ""},
		"another one":                {object{"query": `{ unpaged { totalCount } }`}, "FORBIDDEN", ""},
		"another one for a hash":     {object{"query": `{ unpaged { totalCount } }`, "extensions": persisted(hashOf(listed), 1)}, "FORBIDDEN", "BAD_USER_INPUT"},
		"an unknown hash":            {object{"extensions": persisted("0123", 1)}, "FORBIDDEN", "PERSISTED_QUERY_NOT_FOUND"},
		"nearly a listed one":        {object{"query": listed + " "}, "FORBIDDEN", ""},
	} {
		if a := restricted.send(t, http.MethodPost, "/graphql", asJSON(t, c.body)); a.code() != c.restricted {
			t.Errorf("%s, restricted: %s", name, a.Body)
		}
		if a := free.send(t, http.MethodPost, "/graphql", asJSON(t, c.body)); a.code() != c.free {
			t.Errorf("%s, free: %s", name, a.Body)
		}
	}
}

func TestReadTrusted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "documents.json")
	read := func(content string) (httpapi.Trusted, error) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return httpapi.ReadTrusted(t.Context(), path, newTestSchema())
	}
	if got, err := read(`{"abc": "{ __typename }"}`); err != nil || got["abc"] != "{ __typename }" {
		t.Errorf("%v, %v", got, err)
	}
	for content, says := range map[string]string{
		`[]`:                    "not a JSON object of hashes and documents",
		`{"abc": 1}`:            "not a JSON object of hashes and documents",
		`{"abc": "{ nosuch }"}`: `the document abc is refused: Cannot query field "nosuch"`,
		`{"abc": "{"}`:          "the document abc is refused",
	} {
		if _, err := read(content); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", content, err)
		}
	}
	if _, err := httpapi.ReadTrusted(t.Context(), path+"x", newTestSchema()); err == nil {
		t.Error("a file that is not there")
	}
}
