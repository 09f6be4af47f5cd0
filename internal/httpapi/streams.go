package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/klauspost/compress/gzhttp"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	// streamsEach is how many live updates, and how many connections for them, one
	// principal has at the same time.
	streamsEach = 100
	// keyEvery is how often the key of a stream is checked in which nothing happens.
	// Together with the time for which a key is remembered, that is how long a revoked one
	// is served.
	keyEvery = time.Second
	// pingEvery keeps what is between here and the client from closing a silent connection.
	pingEvery = 15 * time.Second
	// writeTime is how long a client has to take a message.
	writeTime = 10 * time.Second
)

// counts counts what each principal has open.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

// enter reports whether a principal may have one more; leave is called when it has it
// no longer.
func (c *counts) enter(principal string) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[principal] >= streamsEach {
		return nil, false
	}
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[principal]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.of[principal]--; c.of[principal] == 0 {
			delete(c.of, principal)
		}
	}, true
}

var (
	errRevoked = errors.New("the key is not valid any more")
	errEnding  = errors.New("the server shuts down")
)

// stream runs a subscription and sends each of its answers, until it ends, the client
// has gone, the key is not valid any more (errRevoked), or the server shuts down
// (errEnding). The key is checked again before each answer.
func (g *graphQL) stream(ctx context.Context, opCtx *graphql.OperationContext, key string, send func(*graphql.Response) error) error {
	leave, ok := g.exec.streams.enter(g.exec.allowance(ctx).Principal)
	if !ok {
		return send(&graphql.Response{Errors: gqlerror.List{
			tooMany(time.Second, "This key may have %d live updates at a time", streamsEach),
		}})
	}
	defer leave()
	streamsOpen.Inc()
	defer streamsOpen.Dec()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go g.guard(ctx, key, cancel)
	respond, ctx := g.exec.DispatchOperation(ctx, opCtx)
	for {
		response := respond(ctx)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if response == nil {
			return nil
		}
		if _, err := g.authenticate(ctx, key); err != nil {
			return errRevoked
		}
		updatesSent.Inc()
		if err := send(response); err != nil {
			return err
		}
	}
}

// guard ends a stream when its key ends, or the server.
func (g *graphQL) guard(ctx context.Context, key string, end context.CancelCauseFunc) {
	tick := time.NewTicker(keyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.ending:
			end(errEnding)
			return
		case <-tick.C:
			if _, err := g.authenticate(ctx, key); err != nil && ctx.Err() == nil {
				end(errRevoked)
				return
			}
		}
	}
}

// webSockets serves WebSockets, and leaves the rest to the next handler.
func (g *graphQL) webSockets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			g.serveWebSocket(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const mediaEvents = "text/event-stream"

// acceptsEvents reports whether a client takes the answers of a subscription as they come.
func acceptsEvents(h http.Header) bool { return strings.Contains(h.Get("Accept"), mediaEvents) }

// serveEvents serves a subscription as server-sent events: graphql-sse with distinct
// connections.
func (g *graphQL) serveEvents(a *answer, r *http.Request, opCtx *graphql.OperationContext) {
	events := newEvents(a)
	if events.write(":\n\n") != nil { // so that the client knows at once that it is served
		return
	}
	defer events.keepAlive(r.Context())()
	key, _ := bearer(r.Header.Get("Authorization"))
	switch err := g.stream(r.Context(), opCtx, key, events.next); {
	case errors.Is(err, errRevoked):
		_ = events.next(&graphql.Response{Errors: gqlerror.List{ // the client may have gone
			newError(codeUnauthenticated, "The key is not valid any more"),
		}})
	case err != nil:
		return // without the last event, so that the client connects again
	}
	_ = events.complete()
}

// events writes server-sent events.
type events struct {
	to      http.ResponseWriter
	control *http.ResponseController
	limits  Limits

	mu    sync.Mutex
	begun bool
}

func newEvents(a *answer) *events {
	return &events{to: a.ResponseWriter, control: http.NewResponseController(a.ResponseWriter), limits: a.limits}
}

// complete tells the client that it need not connect again.
func (e *events) complete() error { return e.write("event: complete\ndata:\n\n") }

func (e *events) next(response *graphql.Response) error {
	body := encode(response, e.limits)
	return e.write("event: next\ndata: " + body.String() + "\n")
}

// write gives the client a while to take a text; afterwards the connection is closed.
func (e *events) write(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.begun {
		e.begun = true
		h := e.to.Header()
		h.Set("Content-Type", mediaEvents+"; charset=utf-8")
		h.Set("X-Accel-Buffering", "no") // nginx would gather them
		h.Set(gzhttp.HeaderNoCompression, "1")
		e.to.WriteHeader(http.StatusOK)
	}
	if err := e.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := e.to.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}

// keepAlive writes a comment now and then, until it is stopped.
func (e *events) keepAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(pingEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if e.write(":\n\n") != nil {
					return
				}
			}
		}
	})
	return func() {
		cancel()
		running.Wait() // nothing writes once the request is over
	}
}
