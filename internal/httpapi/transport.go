package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// graphQL serves GraphQL over HTTP: one operation per request, POST for all of them, GET for queries.
type graphQL struct {
	exec         *engine
	authenticate func(ctx context.Context, bearer string) (context.Context, error)
	limits       Limits
}

func (g *graphQL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, limits: g.limits}
	a.Header().Add("Vary", "Accept")
	defer g.recover(a, r)

	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		a.notAllowed("GET, POST", "GraphQL is served to GET and POST")
		return
	}
	var acceptable bool
	a.mediaType, acceptable = responseType(r.Header)
	ctx, ok := g.principal(r)
	if !ok {
		a.Header().Set("WWW-Authenticate", "Bearer")
		a.refuse(http.StatusUnauthorized, newError(codeUnauthenticated,
			"A valid key is required: send it as Authorization: Bearer KEY"))
		return
	}
	if !acceptable {
		a.refuse(http.StatusNotAcceptable, newError(codeBadUserInput,
			"The answer can be had as %s or %s", mediaGraphQL, mediaJSON))
		return
	}
	ctx, cancel := context.WithTimeout(graphql.StartOperationTrace(ctx), g.limits.Time)
	defer cancel()
	g.serve(a, r.WithContext(ctx))
}

// principal asks who is calling. A request without a key is not worth asking about.
func (g *graphQL) principal(r *http.Request) (context.Context, bool) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return nil, false
	}
	ctx, err := g.authenticate(context.WithValue(r.Context(), remoteKey{}, r.RemoteAddr), key)
	return ctx, err == nil
}

type remoteKey struct{}

// Remote is the address from which somebody asks. It is known to Options.Authenticate.
func Remote(ctx context.Context) string {
	address, _ := ctx.Value(remoteKey{}).(string)
	return address
}

// withKey serves those who have a valid key.
func (g *graphQL) withKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, ok := g.principal(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeStatus(w, http.StatusUnauthorized, "unauthenticated")
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (g *graphQL) serve(a *answer, r *http.Request) {
	params, refused := g.read(a, r)
	if refused != nil {
		a.refuse(refused.status, refused.err)
		return
	}
	params.Headers = r.Header
	leave, busy := g.exec.spending.enter(r.Context(), g.exec.allowance(r.Context()))
	if busy != nil {
		a.tooMany(busy)
		return
	}
	defer leave()
	opCtx, errs := g.exec.CreateOperationContext(r.Context(), params)
	switch {
	case errs != nil && codeOf(errs[0]) == codeRateLimited:
		a.tooMany(errs[0])
		return
	case errs != nil:
		a.respond(g.exec.DispatchError(r.Context(), errs))
		return
	}
	switch operation := opCtx.Operation.Operation; {
	case operation == ast.Subscription:
		a.respond(g.exec.DispatchError(r.Context(), gqlerror.List{
			newError(codeBadUserInput, "A subscription needs a connection that stays open"),
		}))
	case operation == ast.Mutation && r.Method == http.MethodGet:
		a.notAllowed("POST", "Mutations are sent with POST")
	default:
		respond, ctx := g.exec.DispatchOperation(r.Context(), opCtx)
		a.respond(withCost(opCtx, respond(ctx)))
	}
}

func (g *graphQL) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *requestError) {
	if r.Method == http.MethodGet {
		return readGet(r, g.limits.BodyBytes)
	}
	return readPost(w, r, g.limits.BodyBytes)
}

// recover answers for a fault outside the resolvers, whose own are recovered field by field.
func (g *graphQL) recover(a *answer, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	var presented *gqlerror.Error
	if !errors.As(g.exec.PresentRecoveredError(r.Context(), fault), &presented) {
		presented = newError(codeInternal, "The request failed by a fault of the server")
	}
	a.refuse(http.StatusInternalServerError, presented)
}

// answer writes one GraphQL response.
type answer struct {
	http.ResponseWriter
	mediaType string
	limits    Limits
}

// refuse answers a request that is wrong as HTTP already: the status says so in either media type.
func (a *answer) refuse(status int, err *gqlerror.Error) {
	a.write(status, &graphql.Response{Errors: gqlerror.List{err}})
}

func (a *answer) notAllowed(allow, message string) {
	a.Header().Set("Allow", allow)
	a.refuse(http.StatusMethodNotAllowed, newError(codeBadUserInput, "%s", message))
}

// tooMany says when to come again, in either media type.
func (a *answer) tooMany(err *gqlerror.Error) {
	a.Header().Set("Retry-After", fmt.Sprint(err.Extensions[retryAfterExtension]))
	a.refuse(http.StatusTooManyRequests, err)
}

// respond answers a GraphQL request. Clients of application/json expect 200 whatever became of it; those of
// application/graphql-response+json are told by the status when there is no data.
func (a *answer) respond(response *graphql.Response) {
	if response == nil { // the client has gone, or its time is up
		a.refuse(http.StatusServiceUnavailable, newError(codeInternal, "The request was canceled"))
		return
	}
	status := http.StatusOK
	if a.mediaType == mediaGraphQL && response.Data == nil && len(response.Errors) > 0 {
		status = statusOf(response.Errors[0])
	}
	a.write(status, response)
}

func statusOf(err *gqlerror.Error) int {
	switch codeOf(err) {
	case codeUnauthenticated:
		return http.StatusUnauthorized
	case codeForbidden:
		return http.StatusForbidden
	case codeRateLimited:
		return http.StatusTooManyRequests
	case codeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

func (a *answer) write(status int, response *graphql.Response) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		Errors     gqlerror.List   `json:"errors,omitempty"`
		Data       json.RawMessage `json:"data,omitempty"` // absent when nothing ran; null is a result
		Extensions map[string]any  `json:"extensions,omitempty"`
	}{capped(response.Errors, a.limits.Errors), response.Data, response.Extensions}); err != nil {
		panic(err) // a scalar wrote something that is not JSON
	}
	h := a.Header()
	h.Set("Content-Type", cmp.Or(a.mediaType, mediaJSON)+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	a.WriteHeader(status)
	_, _ = a.Write(body.Bytes()) // a client that has gone is none of our business
}
