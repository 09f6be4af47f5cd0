package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// requestError is a request that is refused before it is a GraphQL request at all.
type requestError struct {
	status int
	err    *gqlerror.Error
}

func refuse(status int, format string, args ...any) *requestError {
	return &requestError{status, newError(codeBadUserInput, format, args...)}
}

func badRequest(format string, args ...any) *requestError {
	return refuse(http.StatusBadRequest, format, args...)
}

// readPost reads the parameters of a POST. Nothing of the body is repeated in an error.
func readPost(w http.ResponseWriter, r *http.Request, limit int64) (*graphql.RawParams, *requestError) {
	if refused := checkContent(r.Header); refused != nil {
		return nil, refused
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, "The request body is larger than %d bytes", limit)
	case errors.Is(err, errNoRoom):
		return nil, &requestError{http.StatusTooManyRequests, tooMany(time.Second, "Too many large requests come at a time")}
	case err != nil:
		return nil, badRequest("The request body could not be read")
	case !utf8.Valid(body):
		return nil, badRequest("The request body is not UTF-8")
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")):
		return nil, badRequest("Batches are not accepted: send one operation per request")
	}
	var fields map[string]json.RawMessage // exact names, which a struct would not insist on
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, badRequest("The request body is not a JSON object")
	}
	return readParams(func(name string) json.RawMessage { return fields[name] })
}

func checkContent(h http.Header) *requestError {
	name, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || name != mediaJSON || !acceptsUTF8(params) {
		return refuse(http.StatusUnsupportedMediaType, "The Content-Type must be %s in UTF-8", mediaJSON)
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refuse(http.StatusUnsupportedMediaType, "The request body must not be compressed")
	}
	return nil
}

// readGet reads the parameters of a GET, where variables and extensions are JSON in the
// query string.
func readGet(r *http.Request, limit int64) (*graphql.RawParams, *requestError) {
	if int64(len(r.URL.RawQuery)) > limit {
		return nil, refuse(http.StatusRequestURITooLong, "The query string is longer than %d bytes", limit)
	}
	values := r.URL.Query()
	return readParams(func(name string) json.RawMessage {
		value := values.Get(name)
		switch {
		case value == "":
			return nil
		case name == "variables" || name == "extensions":
			return json.RawMessage(value)
		}
		quoted, _ := json.Marshal(value) // a string always has a JSON form
		return quoted
	})
}

func readParams(field func(name string) json.RawMessage) (*graphql.RawParams, *requestError) {
	var p graphql.RawParams
	for _, param := range []struct {
		name, kind string
		target     any
	}{
		{"query", "a string", &p.Query},
		{"operationName", "a string", &p.OperationName},
		{"variables", "an object", &p.Variables},
		{"extensions", "an object", &p.Extensions},
	} {
		value := field(param.name)
		if value == nil {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(value))
		decoder.UseNumber()
		if decoder.Decode(param.target) != nil || decoder.More() {
			return nil, badRequest("The parameter %s must be %s", param.name, param.kind)
		}
	}
	if strings.TrimSpace(p.Query) == "" && p.Extensions["persistedQuery"] == nil {
		return nil, badRequest("The parameter query is missing or empty")
	}
	return &p, nil
}

// plainNumbers gives the numbers of variables the types that literals in a document
// have, so that a resolver sees the same either way, and a number is not taken for the
// string that encoding/json would keep it as.
func plainNumbers(variables map[string]any) {
	for name, value := range variables {
		variables[name] = plain(value)
	}
}

// plain leaves a number that fits neither type as it is, for the scalar to refuse.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		plainNumbers(value)
	case []any:
		for i, entry := range value {
			value[i] = plain(entry)
		}
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		if f, err := value.Float64(); err == nil && strings.ContainsAny(value.String(), ".eE") {
			return f
		}
	}
	return value
}
