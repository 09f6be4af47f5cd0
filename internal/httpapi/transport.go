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
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"tallystick/graph"
)

// graphQL serves GraphQL over HTTP: one operation per request, POST for all of them,
// GET for queries.
type graphQL struct {
	exec         *engine
	authenticate func(ctx context.Context, bearer string) (context.Context, error)
	limits       Limits
	origins      []string
	ending       <-chan struct{}
}

func (g *graphQL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, limits: g.limits, observed: observed{begun: time.Now()}}
	defer a.done()
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
		a.unauthenticated()
		return
	}
	a.events = !acceptable && acceptsEvents(r.Header)
	if !acceptable && !a.events {
		a.refuse(http.StatusNotAcceptable, newError(codeBadUserInput,
			"The answer can be had as %s or %s", mediaGraphQL, mediaJSON))
		return
	}
	g.serve(a, r.WithContext(graphql.StartOperationTrace(ctx)))
}

// principal asks who is calling. A request without a key is not worth asking about.
func (g *graphQL) principal(r *http.Request) (context.Context, bool) {
	key, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return nil, false
	}
	ctx, err := g.authenticate(withRemote(r), key)
	return ctx, err == nil
}

// bearer is the key in an Authorization header.
func bearer(header string) (key string, ok bool) {
	scheme, key, _ := strings.Cut(header, " ")
	key = strings.TrimSpace(key)
	return key, strings.EqualFold(scheme, "Bearer") && key != ""
}

func withRemote(r *http.Request) context.Context {
	return context.WithValue(r.Context(), remoteKey{}, r.RemoteAddr)
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
	ctx, cancel := context.WithTimeout(r.Context(), g.limits.Time)
	defer cancel()
	opCtx, errs := g.exec.CreateOperationContext(ctx, params)
	switch {
	case errs != nil && codeOf(errs[0]) == codeRateLimited:
		a.tooMany(errs[0])
		return
	case errs != nil:
		a.respond(g.exec.DispatchError(ctx, errs))
		return
	}
	a.is(opCtx.Operation, &g.exec.names)
	switch operation := opCtx.Operation.Operation; {
	case operation == ast.Subscription && acceptsEvents(r.Header):
		leave() // it is counted by itself
		g.serveEvents(a, r, opCtx)
	case operation == ast.Subscription:
		a.respond(g.exec.DispatchError(ctx, gqlerror.List{
			newError(codeBadUserInput, "A subscription needs a WebSocket, or Accept: text/event-stream"),
		}))
	case operation == ast.Mutation && r.Method == http.MethodGet:
		a.notAllowed("POST", "Mutations are sent with POST")
	default:
		respond, ctx := g.exec.DispatchOperation(ctx, opCtx)
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
	a.refuse(http.StatusInternalServerError, g.presented(r.Context(), fault))
}

// presented is a fault as clients see it.
func (g *graphQL) presented(ctx context.Context, fault any) *gqlerror.Error {
	var presented *gqlerror.Error
	if !errors.As(g.exec.PresentRecoveredError(ctx, fault), &presented) {
		presented = newError(codeInternal, "The request failed by a fault of the server")
	}
	return presented
}

// answer writes one GraphQL response.
type answer struct {
	http.ResponseWriter
	mediaType string
	// events says that the client takes nothing but server-sent events.
	events bool
	limits Limits
	observed
}

// refuse answers a request that is wrong as HTTP already: the status says so in either
// media type.
func (a *answer) refuse(status int, err *gqlerror.Error) {
	if wait, ok := err.Extensions[retryAfterExtension]; ok {
		a.Header().Set("Retry-After", fmt.Sprint(wait))
	}
	a.outcome = codeOf(err)
	a.write(status, &graphql.Response{Errors: gqlerror.List{err}})
}

func (a *answer) unauthenticated() {
	a.Header().Set("WWW-Authenticate", "Bearer")
	a.refuse(http.StatusUnauthorized, newError(codeUnauthenticated,
		"A valid key is required: send it as Authorization: Bearer KEY"))
}

func (a *answer) notAllowed(allow, message string) {
	a.Header().Set("Allow", allow)
	a.refuse(http.StatusMethodNotAllowed, newError(codeBadUserInput, "%s", message))
}

// tooMany refuses in either media type.
func (a *answer) tooMany(err *gqlerror.Error) {
	a.refuse(http.StatusTooManyRequests, err)
}

// respond answers a GraphQL request. Clients of application/json expect 200 whatever
// became of it; those of application/graphql-response+json are told by the status when
// there is no data.
func (a *answer) respond(response *graphql.Response) {
	if response == nil { // the client has gone, or its time is up
		a.refuse(http.StatusServiceUnavailable, newError(codeInternal, "The request was canceled"))
		return
	}
	if a.outcome = outcomeOK; len(response.Errors) > 0 {
		a.outcome = codeOf(response.Errors[0])
	}
	if a.events {
		events := newEvents(a)
		_ = events.next(response) // the client may have gone, here and below
		_ = events.complete()
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

// encode is the JSON form of a response in one line, with its end. The data are JSON
// already, and most of it.
func encode(response *graphql.Response, limits Limits) *bytes.Buffer {
	body := new(bytes.Buffer)
	encodeTo(body, response, limits)
	return body
}

func encodeTo(body *bytes.Buffer, response *graphql.Response, limits Limits) {
	body.Grow(len(response.Data) + 64)
	if len(response.Errors) > 0 {
		member(body, "errors")
		writeJSON(body, capped(response.Errors, limits.Errors))
	}
	switch {
	case response.Data == nil: // nothing ran; null is a result
	case bytes.IndexByte(response.Data, '\n') >= 0: // a scalar wrote it
		member(body, "data")
		if err := json.Compact(body, response.Data); err != nil {
			panic(err)
		}
	default:
		member(body, "data")
		body.Write(response.Data)
	}
	if len(response.Extensions) > 0 {
		member(body, "extensions")
		writeJSON(body, response.Extensions)
	}
	if body.Len() == 0 {
		body.WriteByte('{')
	}
	body.WriteString("}\n")
}

// bodies are buffers that have grown with the answers before.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that is kept for other answers.
const maxKept = 256 << 10

// member begins an object or goes on with it.
func member(body *bytes.Buffer, name string) {
	begin := byte(',')
	if body.Len() == 0 {
		begin = '{'
	}
	body.WriteByte(begin)
	body.WriteByte('"')
	body.WriteString(name)
	body.WriteString(`":`)
}

func writeJSON(body *bytes.Buffer, v any) {
	encoder := json.NewEncoder(body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // an extension that is no JSON
	}
	body.Truncate(body.Len() - 1) // the line's end
}

func (a *answer) write(status int, response *graphql.Response) {
	body := bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // it holds nothing else
	body.Reset()
	encodeTo(body, response, a.limits)
	graph.Recycle(response)
	h := a.Header()
	h.Set("Content-Type", cmp.Or(a.mediaType, mediaJSON)+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	a.WriteHeader(status)
	_, _ = a.Write(body.Bytes()) // a client that has gone is none of our business
	if body.Cap() <= maxKept {
		bodies.Put(body)
	}
}
